"""Files that appear whole or not at all, lists of JSON lines, and the hash of a file."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

_BLOCK_BYTES = 2**20


@contextlib.contextmanager
def atomic_path(target):
    """Yields a temporary path beside `target` that becomes `target` when the block succeeds.

    The temporary name keeps the suffix of the target, if it has one, because some writers choose
    the format by it. After an error the temporary file is removed and an older `target` is left as
    it was.

    Args:
        target: Path of the file to write. Its folder is created if needed.

    Yields:
        A `pathlib.Path` in the same folder that does not exist yet.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.tmp{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_directory(target):
    """Yields a temporary folder beside `target` that is renamed to `target` on success.

    Args:
        target: Path of the folder to make. It must not exist, or must be empty.

    Yields:
        A `pathlib.Path` of an existing, empty folder on the same file system.

    Raises:
        FileExistsError: `target` exists and is not empty.
    """
    target = Path(target).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{target} exists already. Choose another name or remove it first.")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        # mkdtemp makes a private folder; the result should be as readable as any other folder.
        temporary.chmod(0o777 & ~_umask())
        yield temporary
        if target.exists():
            target.rmdir()
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(target, text):
    """Writes a UTF-8 text file in one piece."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target, value):
    """Writes `value` as indented JSON in one piece."""
    write_text(target, json.dumps(value, indent=2) + "\n")


def read_json_lines(path):
    """Returns the list of values of a JSON-lines file; `[]` when there is no such file."""
    path = Path(path)
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def write_json_lines(target, values):
    """Writes a JSON-lines file in one piece."""
    write_text(target, "".join(json.dumps(value) + "\n" for value in values))


def append_json_line(path, value):
    """Adds one line to a JSON-lines file with a single write, so that no half line can appear."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(json.dumps(value) + "\n")


def sha256_of_file(path):
    """SHA-256 of the content of a file, as 64 hexadecimal digits. It is read in small blocks."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _umask():
    current = os.umask(0)
    os.umask(current)
    return current
