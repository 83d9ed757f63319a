"""Makes a data set of a source: with many processes, in a fixed order, and able to continue."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
from tqdm import tqdm

from msg_stylegan.data import record_format
from msg_stylegan.data.assembly import Assembly, encodable, write_side_files
from msg_stylegan.data.dataset_folder import MAX_SHARDS, read_manifest
from msg_stylegan.data.decoding import picture_reader
from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.parts import (
    LEVELS,
    PartMaker,
    check_image,
    checked_labels,
    images_per_part,
    plan_parts,
)
from msg_stylegan.data.sources.file_stores import is_remote
from msg_stylegan.data.worker_pool import check_num_workers, done_in_order
from msg_stylegan.files import WriteError, read_json, remove_leftovers, write_json

_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Request:
    """Which data set is to be made, whoever makes it.

    Args:
        source: One of the sources of `msg_stylegan.data.sources`.
        order: Image numbers of the source in the order of the data set.
        command: Dictionary, for JSON, of the options that decide what the source returns; kept in
            the manifest.
        encoding: One of `record_format.ENCODINGS`.
        levels: "all" levels down to 4x4, or only the "top" one.
        num_shards: Files per level.
        strict: Whether an image that cannot be read is an error.

    Attributes:
        labels: Labels of the source, float32 `[N, label_size]`, or None.

    Raises:
        ValueError: An option or the labels cannot be used.
    """

    def __init__(
        self, source, order, command, encoding="raw", levels="all", num_shards=1, strict=False
    ):
        self.source, self.command = source, command
        self.order = np.asarray(order, np.int64)
        self.encoding, self.levels = encoding, levels
        self.num_shards, self.strict = num_shards, strict
        self._check_options()
        labels = source.labels
        self.labels = None if labels is None else checked_labels(labels, source.num_images)

    def identity(self):
        """What decides the records, as a dictionary; an equal one may be continued."""
        names = map(self.source.name, range(self.source.num_images))
        return {
            "command": self.command,
            "source": self.source.description,
            "version of the reader": picture_reader.VERSION,
            "order of images": _digest(self.order),
            "names of images": _digest(names),
            "labels": None if self.labels is None else _digest(self.labels),
            "encoding": self.encoding,
            "levels": self.levels,
            "shards": self.num_shards,
        }

    def plan(self):
        """Finds the first image that can be read, which decides the shape of all.

        Returns:
            Dictionary for JSON: "shape", `[r, r, C]`; "first_name", of that image;
            "images_per_part".

        Raises:
            ValueError: No image can be read, or the first one that can does not have a shape for
                a data set; if the request is strict, the first one cannot be read.
        """
        reason = None
        for index in self.order.tolist():
            name = self.source.name(index)
            try:
                image = self.read(index)
            except SkippedImageError as error:
                reason = reason or f"{name}: {error}"
                continue
            check_image(image, name)
            return {
                "shape": list(image.shape),
                "first_name": name,
                "images_per_part": images_per_part(image.shape),
            }
        raise ValueError(
            f"None of the {len(self.order)} images can be used. The first one: {reason}"
        )

    def read(self, index):
        """Reads one image of the source; if the request is strict, no image may be skipped."""
        try:
            return self.source.read(index)
        except SkippedImageError as error:
            if self.strict:
                raise ValueError(f"{self.source.name(index)}: {error}") from error
            raise

    def __getstate__(self):
        # Copies are for other processes to read images with; labels can be much larger.
        return {**self.__dict__, "labels": None}

    def _check_options(self):
        num_images = len(self.order)
        for name, known in (("encoding", record_format.ENCODINGS), ("levels", LEVELS)):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"`--{name}` must be one of {', '.join(known)}. Received: {value}")
        if num_images == 0:
            raise ValueError("There are no images to make a data set of.")
        if not 1 <= self.num_shards <= min(num_images, MAX_SHARDS):
            raise ValueError(
                f"`--shards` must be from 1 to {MAX_SHARDS}, and at most one per image. Received: "
                f"{self.num_shards} for {num_images} images"
            )


def convert(source, directory, *, num_workers=1, drop_duplicates=False, **request):
    """Makes a data set, which appears as a whole at the end.

    Until then, finished parts wait in `.<name>.partial` beside it. The same call again continues
    there after any error, interruption or kill. The files depend neither on that nor on the number
    of workers. Images that cannot be read are listed in `skipped.txt`, images with the same pixels
    as an earlier one in `duplicates.txt`, each by tab-separated names.

    Args:
        source: One of the sources of `msg_stylegan.data.sources`.
        directory: Folder to make. It must not exist, or must be empty.
        num_workers: Processes. With 1, this process does all the work.
        drop_duplicates: Whether images with the same pixels as an earlier one are left out.
        **request: The other arguments of `Request`.

    Returns:
        The manifest of the data set, a dictionary.

    Raises:
        FileExistsError: The folder exists and is not empty.
        ValueError: An option, an image or the labels cannot be used, or the unfinished data set is
            another one.
        OSError: The disk is full, or there is other trouble with files or processes.
    """
    if is_remote(directory):
        raise ValueError(
            f"{directory} is not on this computer. Only a pipeline writes there: add "
            "`--runner=DirectRunner`, or make the data set here and copy it."
        )
    request = Request(source, **request)
    check_num_workers(num_workers)
    identity = request.identity()
    identity |= {"strict": request.strict, "drop_duplicates": drop_duplicates}
    work = WorkFolder(directory)
    if work.target_is_taken() and not work.was_renamed():
        raise FileExistsError(
            f"{work.target} exists already. Choose another name or remove it first."
        )
    with _full_disk_explained(work), work.entered():
        plan = work.plan(identity)
        if plan is None:
            plan = request.plan()
            work.data.mkdir()
            work.store_plan(identity, plan)
        if not work.was_renamed():
            maker = PartMaker(request, tuple(plan["shape"]), plan["first_name"], work.parts)
            parts = plan_parts(len(request.order), request.num_shards, plan["images_per_part"])
            assembly = Assembly(work.data, work.target.name, maker, parts, drop_duplicates)
            with contextlib.closing(assembly):
                _join_all(assembly, maker, parts, num_workers)
            write_side_files(work.data, work.target.name, maker, assembly.outcome)
        work.become_target()
    return read_manifest(work.target)


def _digest(values):
    digest = hashlib.sha256()
    for value in [values.tobytes()] if isinstance(values, np.ndarray) else values:
        digest.update(value if isinstance(value, bytes) else f"{encodable(value)}\n".encode())
    return digest.hexdigest()


@contextlib.contextmanager
def _full_disk_explained(work):
    try:
        yield
    except OSError as error:
        if not isinstance(error, WriteError) and error.errno not in _FULL_DISK:
            raise
        reason = str(error).rstrip(".")
        raise OSError(
            f"{work.target} cannot be finished: {reason}. Make room on the disk and run the same "
            "command again; it continues where it stopped."
        ) from error


def _join_all(assembly, maker, parts, num_workers):
    rest = parts[assembly.num_joined :]
    num_done = rest[0].begin if rest else parts[-1].end
    with (
        tqdm(
            desc="Writing", total=parts[-1].end, initial=num_done, unit=" images", smoothing=0.05
        ) as progress,
        contextlib.closing(done_in_order(maker.make, rest, num_workers)) as done,
    ):
        for part in done:
            assembly.join(part)
            progress.update(part.end - part.begin)
    assembly.finish_shard()


def shuffled_order(num_images):
    """The order in which the original writes the images of a shuffled data set, int64 `[N]`."""
    order = np.arange(num_images)
    np.random.RandomState(123).shuffle(order)
    return order


class WorkFolder:
    """`.<name>.partial` beside the target: a plan, finished parts and the data set so far.

    Args:
        target: Folder of the data set to make.

    Attributes:
        target: Absolute `pathlib.Path` of it.
        path: `pathlib.Path` of the work folder.
        parts: `pathlib.Path` of the folder of finished parts.
        data: `pathlib.Path` of the folder that becomes the data set.
    """

    def __init__(self, target):
        # `Path` drops a trailing slash, which gave nameless files in the original.
        self.target = Path(target).absolute()
        self.path = self.target.with_name(f".{self.target.name}.partial")
        self.parts = self.path / "parts"
        self.data = self.path / "data"
        self._plan = self.path / "plan.json"

    def target_is_taken(self):
        """Whether there is something at the target already."""
        if not self.target.exists():
            return False
        return not self.target.is_dir() or any(self.target.iterdir())

    @contextlib.contextmanager
    def entered(self):
        """Context: the folder exists and belongs to this process alone.

        At the end of the block the folder is removed, unless there are finished parts in it.

        Raises:
            OSError: Another process is at work in it.
        """
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(exist_ok=True)
        is_ours = False
        try:
            with _locked(self.path / "lock", self.path):
                is_ours = True
                if not self._plan.exists():
                    self._clear()
                self.parts.mkdir(exist_ok=True)
                # A kill leaves the files that were being written.
                for folder in (self.parts, self.data):
                    remove_leftovers(folder)
                try:
                    yield
                finally:
                    if not any(self.parts.glob("*.json")):
                        self._clear()
        finally:
            # Only now: an open file cannot be removed on Windows.
            if is_ours and not self._plan.exists():
                shutil.rmtree(self.path, ignore_errors=True)

    def plan(self, identity):
        """Returns the plan that an earlier start has stored, or None.

        Args:
            identity: Dictionary, for JSON, of all that decides the result.

        Raises:
            ValueError: It was stored for something else.
        """
        if not self._plan.exists():
            return None
        stored = read_json(self._plan, ("identity", "plan"))
        differences = _differences(stored["identity"], json.loads(json.dumps(identity)))
        if differences:
            raise ValueError(
                f"{self.path} holds an unfinished data set of another command (another "
                f"{', '.join(differences)}). Repeat that command to finish it, or remove the "
                "folder."
            )
        return stored["plan"]

    def store_plan(self, identity, plan):
        """Stores a dictionary for later starts with the same identity."""
        write_json(self._plan, {"identity": identity, "plan": plan})

    def was_renamed(self):
        """Whether only cleaning up is left."""
        return self._plan.exists() and self.target_is_taken() and not self.data.exists()

    def become_target(self):
        """Gives the finished data set its name and removes all else."""
        if not self.was_renamed():
            if self.target.exists():
                self.target.rmdir()
            self.data.replace(self.target)
        self._clear()

    def _clear(self):
        """Removes all files; the plan last, so that no half of a work folder looks whole."""
        for folder in (self.parts, self.data):
            if folder.exists():
                shutil.rmtree(folder)
        self._plan.unlink(missing_ok=True)


def _differences(stored, now):
    """Names of the entries in which two dictionaries differ, in place of dictionaries in them."""
    names = set()
    for name in {*stored, *now}:
        old, new = stored.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            names.update(_differences(old, new))
        elif old != new:
            names.add(name)
    return sorted(names)


@contextlib.contextmanager
def _locked(path, folder):
    """Holds a lock that the system releases however this process ends."""
    with path.open("a+b") as file:
        try:
            _lock(file)
        except OSError:
            raise OSError(
                f"Another process is at work in {folder}. Wait until it is done."
            ) from None
        yield


def _lock(file):
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
