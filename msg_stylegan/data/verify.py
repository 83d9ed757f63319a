"""Checks a whole data set: every checksum, every record, all levels and the manifest."""

import concurrent.futures
import dataclasses
import itertools
from pathlib import Path

import numpy as np
from tqdm import tqdm

from msg_stylegan.data import pyramid
from msg_stylegan.data.dataset_folder import (
    LABELS_SUFFIX,
    MANIFEST_NAME,
    file_facts,
    find_levels,
    full_fingerprint,
    open_labels,
    read_manifest,
)
from msg_stylegan.data.record_file import iterate_offsets, iterate_records
from msg_stylegan.data.record_format import RecordError, decode_example, parse_example
from msg_stylegan.data.worker_pool import check_num_workers, done_in_order, num_cores

# What a worker checks at a time: enough that starting it costs nothing.
_CHUNK_RECORDS = 256
_CHUNK_BYTES = 32 << 20
# Smaller data sets are checked before a worker process would have started.
_BYTES_PER_WORKER = 64 << 20


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a sound data set contains.

    Attributes:
        num_images: Number of images, on every level.
        resolution: Side of the largest level.
        num_channels: 1 or 3.
        label_size: Numbers per label; 0 = no labels.
        encoding: "raw", "png" or "jpeg".
        levels: Sides of the levels, from the largest on.
        num_shards: Shards per level.
    """

    num_images: int
    resolution: int
    num_channels: int
    label_size: int
    encoding: str
    levels: tuple
    num_shards: int


def verify(directory, workers=None):
    """Reads a whole data set and checks it.

    It finds wrong checksums, truncated or foreign files, wrong shapes, missing levels or shards,
    levels with different numbers of images, levels that are not the 2x2 means of the full
    resolution, labels of the wrong type or number, and whatever disagrees with the manifest.
    Levels of JPEG images are not compared, because each has its own losses. Without a manifest,
    the labels have no checksum.

    Args:
        directory: Folder of the data set.
        workers: Processes to check with; None = one for each core. Small data sets need only one.

    Returns:
        `Facts`.

    Raises:
        ValueError: The data set is not sound. The message states the first problem: the file and,
            if it is about a record, its number (counted from 0) and its position in bytes. Or
            `workers` is below 1.
        OSError: A file cannot be read.
    """
    workers = num_cores() if workers is None else workers
    check_num_workers(workers)
    directory = Path(directory)
    if not directory.is_dir():
        raise RecordError(f"There is no folder {directory}.")
    levels = _find_levels(directory)
    manifest = read_manifest(directory)
    counts, facts = _check_records(levels, manifest["files"] if manifest else {}, workers)
    label_paths = sorted(directory.glob(f"*{LABELS_SUFFIX}"))
    if len(label_paths) > 1:
        raise RecordError(f"There are two files of labels: {label_paths[0]}, {label_paths[1]}.")
    if label_paths:
        label_size = _check_labels(label_paths[0], facts.num_images)
        facts = dataclasses.replace(facts, label_size=label_size)
        counts[label_paths[0]] = facts.num_images
    if manifest is not None:
        _check_manifest(directory / MANIFEST_NAME, manifest, facts, counts, workers)
    return facts


@dataclasses.dataclass(frozen=True)
class _Chunk:
    """Successive records, the same numbers on all levels.

    Attributes:
        first: Number of the first record.
        count: Number of records.
        files: For each level, from the largest on: `(path, resolution, offset)`.
    """

    first: int
    count: int
    files: tuple

    def images(self, path, resolution, offset):
        """Yields `(where, Example)` of each record of one level."""
        records = iterate_records(path, offset=offset, number=self.first)
        for number, (place, payload) in enumerate(
            itertools.islice(records, self.count), self.first
        ):
            where = f"{path}, record {number} at byte {place}"
            try:
                example = parse_example(payload)
            except RecordError as error:
                raise RecordError(f"{where}: {error}") from None
            _, height, width = example.shape
            if (height, width) != (resolution, resolution):
                raise RecordError(
                    f"{where}: its image is {width}x{height} instead of {resolution}x{resolution}"
                )
            yield where, example


@dataclasses.dataclass(frozen=True)
class _ChunkCheck:
    """Checks chunks. Can be pickled, to be sent to a process.

    Attributes:
        num_channels: Channels of all images.
        encoding: Encoding of all images.
    """

    num_channels: int
    encoding: str

    def __call__(self, chunk):
        rows = [chunk.images(*file) for file in chunk.files]
        for levels in zip(*rows, strict=True):
            images = [self._image(*level) for level in levels]
            if self.encoding == "jpeg" or len(images) == 1:
                continue
            means = pyramid.image_pyramid(images[0])
            for image, mean, (where, _) in zip(images, means, levels, strict=True):
                if not np.array_equal(image, mean):
                    full = chunk.files[0][0]
                    raise RecordError(f"{where}: its image is not the 2x2 mean of that in {full}")

    def _image(self, where, example):
        channels = example.shape[0]
        if channels != self.num_channels:
            raise RecordError(
                f"{where}: its image has {channels} channels, the first one {self.num_channels}"
            )
        if example.encoding != self.encoding:
            raise RecordError(
                f"{where}: its encoding is {example.encoding}, that of the first {self.encoding}"
            )
        try:
            return decode_example(example)
        except RecordError as error:
            raise RecordError(f"{where}: {error}") from None


class _Index:
    """The positions in one file where chunks begin, and the number of its records.

    Attributes:
        path: Path of the file.
        starts: Position of every `chunk_records`-th record.
        num_records: Number of records; in a damaged file, those before the damage.
        error: What is wrong after them, or None.
    """

    def __init__(self, path, chunk_records):
        self.path = path
        self.starts = []
        self.num_records = 0
        self.error = None
        try:
            for offset in iterate_offsets(path):
                if self.num_records % chunk_records == 0:
                    self.starts.append(offset)
                self.num_records += 1
        except RecordError as error:
            self.error = error


def _find_levels(directory):
    """The paths of the shards of each level, as `find_levels`: of all levels or only the top."""
    levels = find_levels(directory)
    if not levels:
        raise RecordError(f"{directory} holds no .tfrecords file.")
    largest = max(levels)
    if not pyramid.is_pyramid_resolution(largest):
        raise RecordError(f"{levels[largest][0]}: the smallest level of a data set is -r02, 4x4.")
    expected = pyramid.pyramid_resolutions(largest)
    extra = sorted(set(levels) - set(expected))
    if extra:
        raise RecordError(f"{levels[extra[0]][0]} is below the smallest level, 4x4.")
    missing = sorted(set(expected) - set(levels))
    if missing and len(levels) > 1:
        numbers = ", ".join(f"-r{resolution.bit_length() - 1:02d}" for resolution in missing)
        raise RecordError(f"{directory} lacks levels: there is no file {numbers}.")
    return levels


def _check_records(levels, files, workers):
    """Checks all records, all levels of a shard side by side.

    Returns the number of records in each file, by path, and `Facts` without labels.
    """
    resolution = max(levels)
    num_bytes = sum(path.stat().st_size for paths in levels.values() for path in paths)
    chunk_records = min(max(_CHUNK_BYTES // (3 * resolution**2), 1), _CHUNK_RECORDS)
    shards = [
        [_Index(path, chunk_records) for path in paths]
        for paths in zip(*levels.values(), strict=True)
    ]
    chunks = [chunk for shard in shards for chunk in _chunks(shard, levels, chunk_records)]
    problems = [_problem(shard, files) for shard in shards]
    if not chunks:
        raise next(filter(None, problems), RecordError(f"{shards[0][0].path} is empty."))
    check = _ChunkCheck(*_first_image(chunks[0]))
    workers = min(workers, max(num_bytes // _BYTES_PER_WORKER, 1))
    total = sum(chunk.count for chunk in chunks)
    with tqdm(desc="Checking", unit=" images", total=total) as progress:
        for chunk in done_in_order(check, chunks, workers):
            progress.update(chunk.count)
    # Only now: problems in the records before them come first.
    for problem in filter(None, problems):
        raise problem
    facts = Facts(
        num_images=total,
        resolution=resolution,
        num_channels=check.num_channels,
        label_size=0,
        encoding=check.encoding,
        levels=tuple(levels),
        num_shards=len(shards),
    )
    return {index.path: index.num_records for shard in shards for index in shard}, facts


def _chunks(shard, resolutions, chunk_records):
    """Yields the chunks of a shard: of those records that all levels have."""
    num_records = min(index.num_records for index in shard)
    for k, first in enumerate(range(0, num_records, chunk_records)):
        files = tuple(
            (index.path, resolution, index.starts[k])
            for index, resolution in zip(shard, resolutions, strict=True)
        )
        yield _Chunk(first, min(chunk_records, num_records - first), files)


def _problem(shard, files):
    """What is wrong with the records of a shard as a whole; None if nothing is."""
    shortest = min(shard, key=lambda index: index.num_records)
    for index in [shortest, *shard]:
        if index.error:
            return index.error
    path = shortest.path
    if shortest.num_records == 0:
        # A shard of images that were all skipped is empty.
        listed = files.get(path.name, {}).get("records") == 0
        empty = all(index.num_records == 0 for index in shard)
        return None if listed and empty else RecordError(f"{path} is empty.")
    if any(index.num_records != shortest.num_records for index in shard):
        return RecordError(f"{path} ends after {shortest.num_records} records, others go on.")
    return None


def _first_image(chunk):
    """Returns the number of channels and the encoding of the first image."""
    where, example = next(chunk.images(*chunk.files[0]))
    channels = example.shape[0]
    if channels not in (1, 3):
        raise RecordError(f"{where}: its image has {channels} channels")
    return channels, example.encoding


def _check_labels(path, num_images):
    labels = open_labels(path, num_images)
    if labels.dtype != np.float32:
        raise RecordError(f"{path} holds {labels.dtype} numbers instead of float32.")
    for begin in range(0, num_images, 65536):
        finite = np.isfinite(labels[begin : begin + 65536]).all(axis=1)
        if not finite.all():
            raise RecordError(f"{path}, row {begin + int(np.argmin(finite))}: not a finite number.")
    return labels.shape[1]


def _check_manifest(path, manifest, facts, counts, workers):
    """Compares the manifest with what was found; `counts` are the records of each file."""
    for key, found in dataclasses.asdict(facts).items():
        found = list(found) if key == "levels" else found
        if manifest[key] != found:
            raise RecordError(f"{path}: `{key}` is {manifest[key]}, but the files have {found}.")
    listed, found = set(manifest["files"]), {file.name for file in counts}
    if listed != found:
        name = min(listed ^ found)
        place = "the manifest only" if name in listed else "the folder only"
        raise RecordError(f"{path}: the file {name} is in {place}.")
    # Threads are enough: hashing lets others run.
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        all_facts = pool.map(file_facts, counts.keys(), counts.values())
        progress = tqdm(all_facts, desc="Comparing checksums", unit=" files", total=len(counts))
        for file, actual in zip(counts, progress, strict=True):
            expected = manifest["files"][file.name]
            for key, value in actual.items():
                if expected[key] != value:
                    raise RecordError(f"{file}: `{key}` is {value}, in {path} {expected[key]}.")
    if manifest["fingerprint"] != full_fingerprint(manifest):
        raise RecordError(f"{path}: `fingerprint` is not that of the files.")
