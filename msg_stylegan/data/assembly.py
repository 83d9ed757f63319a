"""From finished parts to the files of a data set: records, labels, lists and the manifest."""

import concurrent.futures
import contextlib
import hashlib
import os
import struct

import numpy as np

from msg_stylegan.data.dataset_folder import file_facts, labels_name, records_name, write_manifest
from msg_stylegan.data.decoding.remarks import add_remarks, sentences
from msg_stylegan.data.parts import record_paths, result_path
from msg_stylegan.data.record_format import FOOTER_SIZE, HEADER_SIZE
from msg_stylegan.files import read_json, write_json, write_text, writing

_BLOCK_BYTES = 1 << 20


class Outcome:
    """What became of the images.

    Args:
        num_images: Number of all images.

    Attributes:
        skipped: List of `(position, reason)`: the images that could not be read.
        duplicates: List of `(position, position of the first such image)`.
        remarks: Remarks on images up to now, as `add_remarks` gathers them.
        kept: bool `[N]`: whether the image at each position is in the files; true for those still
            to come.
        files: Facts about finished files, for the manifest: name -> bytes, records, sha256.
    """

    def __init__(self, num_images):
        self.skipped = []
        self.duplicates = []
        self.remarks = {}
        self.kept = np.ones(num_images, bool)
        self.files = {}
        # About 150 bytes per image, like the list of paths of a source.
        self._first_positions = {}

    def add(self, begin, end, result, drop_duplicates=False):
        """Takes note of the images at positions from `begin` to `end` (exclusive), the next ones.

        Args:
            begin: The first position.
            end: The position after the last one.
            result: What `PartMaker.write_records` has returned.
            drop_duplicates: Whether images are left out that equal an earlier one.

        Returns:
            List of bool: whether each of their records is kept.
        """
        self.skipped += [tuple(entry) for entry in result["skipped"]]
        add_remarks(self.remarks, result["remarks"])
        skipped = {position for position, _ in result["skipped"]}
        self.kept[list(skipped)] = False
        positions = [position for position in range(begin, end) if position not in skipped]
        for position, text in zip(positions, result["digests"], strict=True):
            first = self._first_positions.setdefault(bytes.fromhex(text), position)
            if first != position:
                self.duplicates.append((position, first))
                self.kept[position] = not drop_duplicates
        return self.kept[positions].tolist()


class Assembly:
    """The files of records of a data set in the making.

    After each part a small file says how many parts are joined and how long the files are. Whatever
    a kill leaves beyond that length is cut off again.

    Args:
        folder: Existing folder that becomes the data set.
        name: Name of the data set.
        maker: The `PartMaker` of the parts, which are in its folder.
        parts: List of all `Part`, in order.
        drop_duplicates: Whether images are left out that equal an earlier one.

    Attributes:
        num_joined: Parts joined so far.
        outcome: What became of their images, `Outcome`.

    Raises:
        ValueError: The files are shorter than an earlier start left them.
    """

    def __init__(self, folder, name, maker, parts, drop_duplicates):
        self._folder, self._name = folder, name
        self._part_folder, self._resolutions = maker.folder, maker.resolutions
        self._parts, self._drop_duplicates = parts, drop_duplicates
        self._num_shards = parts[-1].shard + 1
        self._num_records = [0] * self._num_shards
        self._shard = None
        self._shard_files = []
        self.outcome = Outcome(parts[-1].end)
        self.num_joined = 0
        self._disk = _BackgroundSync()
        self._state_path = maker.folder / "joined.json"
        self._go_on()

    def join(self, part):
        """Appends the next part, and removes its records."""
        if part.shard != self._shard:
            self.finish_shard()
            self._open_shard(part.shard, [0] * len(self._resolutions))
        keep = self._account(part)
        paths = record_paths(self._part_folder, part, self._resolutions)
        for file, path in zip(self._shard_files, paths, strict=True):
            with path.open("rb") as records:
                if all(keep):
                    file.append_all(records)
                else:
                    file.append_some(records, keep)
        self.num_joined += 1
        sizes = [file.flush() for file in self._shard_files]
        write_json(self._state_path, {"parts": self.num_joined, "bytes": sizes})
        self._remove_records(part)
        self._disk.begin(self._shard_files)

    def close(self):
        """Closes the open files, wherever the work stands."""
        self._disk.close()
        self._close_shard()

    def _close_shard(self):
        with contextlib.ExitStack() as stack:
            for file in self._shard_files:
                stack.callback(file.close)
            self._shard_files = []

    def _go_on(self):
        """Restores the state from what an earlier start has left, if there was one."""
        if not self._state_path.exists():
            return
        state = read_json(self._state_path, ("parts", "bytes"))
        joined = self._parts[: state["parts"]]
        for part in joined:
            self._account(part)
            self._remove_records(part)
        self.num_joined = len(joined)
        for shard in range(joined[-1].shard):
            self._open_shard(shard)
            self.finish_shard()
        self._open_shard(joined[-1].shard, state["bytes"])

    def _account(self, part):
        """Takes note of a part's images; returns for each of its records whether it is kept."""
        result = read_json(result_path(self._part_folder, part), ("skipped", "digests"))
        keep = self.outcome.add(part.begin, part.end, result, self._drop_duplicates)
        self._num_records[part.shard] += sum(keep)
        return keep

    def _open_shard(self, shard, sizes=None):
        self._shard = shard
        for level, resolution in enumerate(self._resolutions):
            path = self._folder / records_name(self._name, resolution, shard, self._num_shards)
            size = path.stat().st_size if sizes is None else sizes[level]
            self._shard_files.append(_ShardFile(path, size))

    def finish_shard(self):
        """Closes the files of the current shard, if any; to be called after the last part.

        Raises:
            ValueError: The shard has no image.
        """
        if self._shard is None:
            return
        num_records = self._num_records[self._shard]
        if num_records == 0:
            raise ValueError(
                f"Shard {self._shard} would have no images, so many were left out. Use fewer "
                "`--shards`."
            )
        self._disk.wait()
        for file in self._shard_files:
            facts = {"bytes": file.sync(), "records": num_records, "sha256": file.digest()}
            self.outcome.files[file.path.name] = facts
        self._close_shard()
        self._shard = None

    def _remove_records(self, part):
        for path in record_paths(self._part_folder, part, self._resolutions):
            path.unlink(missing_ok=True)


class _BackgroundSync:
    """Lets the disk write while the workers work; otherwise the end would wait for all bytes."""

    def __init__(self):
        self._pool = concurrent.futures.ThreadPoolExecutor(1)
        self._pending = None

    def begin(self, files):
        """Begins to write the content of the files to the disk, unless a round still runs."""
        if self._pending is None or self._pending.done():
            self.wait()
            self._pending = self._pool.submit(list, map(_ShardFile.sync, list(files)))

    def wait(self):
        """Waits for the running round, and raises what went wrong in it."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def close(self):
        """Waits, whatever went wrong."""
        self._pool.shutdown()


class _ShardFile:
    """A file that grows, with the SHA-256 of its content. Bytes after the first `size` are cut."""

    def __init__(self, path, size):
        self.path = path
        self._hash = hashlib.sha256()
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._size = size
        try:
            self._restore(size)
        except BaseException:
            self._file.close()
            raise

    def append_all(self, records):
        while block := records.read(_BLOCK_BYTES):
            self._append(block)

    def append_some(self, records, keep):
        """Appends the records for which `keep`, a list of bool, is true."""
        for wanted in keep:
            header = records.read(HEADER_SIZE)
            (length,) = struct.unpack("<Q", header[:8])
            record = header + records.read(length + FOOTER_SIZE)
            if wanted:
                self._append(record)

    def flush(self):
        """Hands all bytes to the operating system; returns how many there are."""
        with writing(self.path):
            self._file.flush()
        return self._size

    def sync(self):
        """Waits until all bytes are on the disk; returns how many there are."""
        with writing(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
        return self._size

    def digest(self):
        return self._hash.hexdigest()

    def close(self):
        # Closing tries again to write what could not be written.
        with writing(self.path):
            self._file.close()

    def _append(self, block):
        with writing(self.path):
            self._file.write(block)
        self._hash.update(block)
        self._size += len(block)

    def _restore(self, size):
        missing = size
        while missing and (block := self._file.read(min(_BLOCK_BYTES, missing))):
            self._hash.update(block)
            missing -= len(block)
        if missing:
            raise ValueError(
                f"{self.path} has lost its last {missing} bytes since an earlier start of this "
                f"command. Remove {self.path.parent.parent} and start again."
            )
        self._file.truncate(size)
        self._file.seek(size)


def write_side_files(folder, name, maker, outcome):
    """Writes what goes with the records: labels, lists of images and, last, the manifest.

    Args:
        folder: Existing folder, `pathlib.Path`.
        name: Name of the data set.
        maker: The `PartMaker` of its records.
        outcome: `Outcome`, to whose `files` the labels are added.
    """
    request, labels = maker.request, maker.request.labels

    def name_at(position):
        return encodable(request.source.name(int(request.order[position])))

    if labels is not None:
        path = folder / labels_name(name)
        write_labels(path, labels[request.order[outcome.kept]])
        outcome.files[path.name] = file_facts(path, np.count_nonzero(outcome.kept))
    _write_lists(folder, name_at, outcome)
    resolution, _, num_channels = maker.shape
    manifest = {
        "name": name,
        "command": request.command,
        "source": request.source.description,
        "num_images": int(np.count_nonzero(outcome.kept)),
        "num_skipped": len(outcome.skipped),
        "num_duplicates": len(outcome.duplicates),
        "notices": sentences(outcome.remarks, name_at),
        "resolution": resolution,
        "num_channels": num_channels,
        "label_size": 0 if labels is None else labels.shape[1],
        "class_names": request.source.class_names,
        "encoding": request.encoding,
        "levels": maker.resolutions,
        "num_shards": request.num_shards,
        "files": outcome.files,
    }
    write_manifest(folder, manifest)


def write_labels(path, labels):
    """Writes labels, float32 `[N, label_size]`, as `np.save` does.

    Raises:
        WriteError: The disk is full, or the like.
    """
    labels = np.ascontiguousarray(labels)
    header = np.lib.format.header_data_from_array_1_0(labels)
    with writing(path), path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        # `np.save` bypasses Python's file, and silently loses the end on a full disk.
        file.write(labels.data)


def _write_lists(folder, name_at, outcome):
    """Lists the images that were left out and those that are there twice."""

    def name(position):
        # One line per image, whatever its name is.
        return name_at(position).replace("\n", " ").replace("\t", " ")

    if outcome.skipped:
        lines = [
            f"{name(position)}\t{' '.join(reason.split())}\n"
            for position, reason in outcome.skipped
        ]
        write_text(folder / "skipped.txt", "".join(lines))
    if outcome.duplicates:
        lines = [f"{name(later)}\t{name(first)}\n" for later, first in outcome.duplicates]
        write_text(folder / "duplicates.txt", "".join(lines))


def encodable(name):
    """A name as text that UTF-8 can encode, which names of files need not be."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
