"""Files that appear whole or not at all, JSON, hashes, and errors of writing as one clear line."""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

_BLOCK_BYTES = 2**20

_REASONS = {
    errno.ENOSPC: "the disk that holds it is full. Free some room there",
    errno.EDQUOT: "the quota of the disk that holds it is used up. Free some room there",
    errno.EFBIG: "it is larger than files may be here. Raise the limit (ulimit -f)",
    errno.EROFS: "its file system is read-only. Allow writing there, or check the disks",
    errno.ESTALE: "the connection to its file system is lost. Connect it again",
    errno.EIO: "a disk reports an input/output error. Check the disks",
}


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

    Raises:
        WriteError: The disk is full, or the like.
    """
    target = Path(target)
    # A name of its own, because the name of the target may be as long as names can be.
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp{target.suffix}")
    try:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_directory(target, replace=False):
    """Yields a temporary folder beside `target` that is renamed to `target` on success.

    Args:
        target: Path of the folder to make. It must not exist, or must be empty.
        replace: Whether it may also be a folder with content, which stays until the end.

    Yields:
        A `pathlib.Path` of an existing, empty folder on the same file system.

    Raises:
        FileExistsError: `target` exists and is not empty.
        WriteError: The disk is full, or the like.
    """
    target = Path(target).absolute()
    if target.exists() and (not target.is_dir() or (any(target.iterdir()) and not replace)):
        raise FileExistsError(f"{target} exists already. Choose another name or remove it first.")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".", suffix=".tmp", dir=target.parent))
        try:
            # mkdtemp makes a private folder; the result should be as readable as any other folder.
            temporary.chmod(0o777 & ~_umask())
            yield temporary
            old = temporary.with_suffix(".old.tmp")
            if target.exists():
                # `rmdir` removes empty folders only: what came meanwhile is not lost.
                target.replace(old) if replace else target.rmdir()
            temporary.replace(target)
            shutil.rmtree(old, ignore_errors=True)
        except WriteError as error:
            # Of a file in the folder: by the name that it would have got.
            raise WriteError(str(error).replace(str(temporary), str(target))) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(folder):
    """Removes what `atomic_path` and `atomic_directory` have left in a folder when killed."""
    for path in list(Path(folder).glob(".*.tmp*")):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def write_text(target, text):
    """Writes a UTF-8 text file in one piece; bytes of file names that are not UTF-8 are escaped."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(target, value):
    """Writes `value` as indented JSON in one piece."""
    write_text(target, json.dumps(value, indent=2) + "\n")


def read_json(path, keys=()):
    """Returns the value in a JSON file.

    Args:
        path: The file.
        keys: If given, the value must be an object with these.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It does not hold such JSON. The message names the file.
    """
    try:
        return _parse(Path(path).read_bytes(), keys)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def read_json_lines(path, keys=()):
    """Returns the list of values of a JSON-lines file; `[]` when there is no such file.

    A last line that was cut short, by a full disk or a kill, is left out with a notice.

    Args:
        path: The file.
        keys: If given, all values must be objects with these.

    Raises:
        ValueError: Another line does not hold such JSON. The message names file and line.
    """
    path = Path(path)
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    values = []
    for number, line in numbered:
        try:
            values.append(_parse(line, keys))
        except ValueError as error:
            if number != numbered[-1][0] or not _is_cut_short(line):
                raise ValueError(
                    f"Line {number} of {path} is damaged: {error}. Remove that line to go on "
                    "without it."
                ) from error
            _notice(f"line {number} of {path}, the last one, was cut short and is left out")
    return values


def write_json_lines(target, values):
    """Writes a JSON-lines file in one piece."""
    write_text(target, "".join(json.dumps(value) + "\n" for value in values))


def append_json_line(path, value):
    """Adds one line to a JSON-lines file, whole or not at all.

    If the last line of the file was cut short, it is removed with a notice.

    Raises:
        WriteError: The disk is full, or the like.
    """
    path = Path(path)
    line = json.dumps(value).encode() + b"\n"
    with writing(path), path.open("ab", buffering=0) as file:
        # Pipes and devices can be written to as well.
        content = path.read_bytes() if path.is_file() else b""
        lines = content.rstrip().split(b"\n")
        if _is_cut_short(lines[-1]):
            _notice(f"line {len(lines)} of {path}, the last one, was cut short and is removed")
            content = content[: sum(len(line) + 1 for line in lines[:-1])]
            file.truncate(len(content))
        if content and not content.endswith(b"\n"):
            line = b"\n" + line
        try:
            # As a rule one write, so that lines of two processes do not mix.
            while line:
                line = line[file.write(line) :]
        except BaseException:
            if path.is_file():
                file.truncate(len(content))
            raise


def _parse(data, keys):
    try:
        # Editors on Windows put a mark before the text.
        value = json.loads(data.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("brackets are nested too deep") from error
    if keys and not (isinstance(value, dict) and {*keys} <= value.keys()):
        raise ValueError(f"expected an object with {', '.join(keys)}")
    return value


def _is_cut_short(line):
    """Whether a line is only the beginning of an object, or what power failures leave: zeros."""
    try:
        _parse(line, ())
    except ValueError:
        return line.startswith((b"{", b"\xef\xbb\xbf{", b"\0"))
    return False


def _notice(text):
    print(f"notice: {text}", file=sys.stderr)


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


class WriteError(OSError):
    """A file cannot be written; the message is a whole sentence for the user."""


@contextlib.contextmanager
def writing(target):
    """Turns errors of the block that mean a full or failing disk into a `WriteError`.

    Libraries raise errors of their own for them: TensorFlow calls a full disk exhausted resources,
    as it does a full memory, and many leave out the name of the file.

    Args:
        target: Path of what the block writes, for the message.

    Raises:
        WriteError: The disk is full, fails, or allows no such file. Other errors pass.
    """
    try:
        yield
    except WriteError:
        raise
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise WriteError(f"{target} cannot be written: {reason}.") from error


def _reason(error):
    """What an error says about the disk, or None."""
    while error is not None:
        for number, reason in _REASONS.items():
            if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
                return reason
        error = error.__cause__ or error.__context__
    return None
