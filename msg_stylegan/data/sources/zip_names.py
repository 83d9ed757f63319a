"""Names in zip archives, which come in UTF-8, in code page 437 or in one that nobody tells."""

import re
import struct
import zlib

_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075
_BLOCK = struct.Struct("<HH")

# In the code pages of East Asia it may be half a letter, whose first half is no ASCII.
_SEPARATOR = re.compile(rb"(?<![\x80-\xff])\\")


def entry_name(entry, encoding=None):
    """Name of a file in an archive.

    Args:
        entry: `zipfile.ZipInfo` from a table of contents.
        encoding: Code page of names that do not say that they are UTF-8; None = not known.

    Returns:
        Relative path with forward slashes, and whether its letters are certain.

    Raises:
        ValueError: The name is not in this code page.
    """
    # `filename` has lost backslashes on some systems.
    name, is_known = entry.orig_filename, True
    if not entry.flag_bits & _UTF8_FLAG:
        name, is_known = _decoded(name.encode("cp437"), entry.extra, encoding)
    elif "\\" in name:
        name = name.replace("\\", "/")
    return name.partition("\0")[0], is_known


def link_target(raw, entry, encoding=None):
    """What a link leads to, read as its name is; see `entry_name`, but nothing is refused.

    Args:
        raw: The bytes that the archive holds for the link.
        entry: `zipfile.ZipInfo` of the link.
        encoding: As for `entry_name`.
    """
    try:
        return _decoded(raw, b"", "utf-8" if entry.flag_bits & _UTF8_FLAG else encoding)[0]
    except ValueError:
        return raw.decode("utf-8", "surrogateescape")


def wrong_encoding(raw, encoding):
    """What to say of a name, bytes, that is not in the code page that the user has given."""
    return (
        f"The name {raw!r} is not in the code page {encoding}. Choose another `--names_encoding`."
    )


def _decoded(raw, extra, encoding):
    if raw.isascii():
        return raw.decode("ascii").replace("\\", "/"), True
    name = _unicode_path(raw, extra)
    if name is None:
        try:
            # Many tools write UTF-8 without saying so.
            name = raw.decode(encoding or "utf-8")
        except UnicodeDecodeError:
            if encoding:
                raise ValueError(wrong_encoding(raw, encoding)) from None
            return _SEPARATOR.sub(b"/", raw).decode("cp437"), False
    return name.replace("\\", "/"), True


def _unicode_path(raw, extra):
    """The name in UTF-8 that some tools add; None if there is none for this name."""
    while len(extra) >= _BLOCK.size:
        kind, size = _BLOCK.unpack_from(extra)
        block, extra = extra[_BLOCK.size :][:size], extra[_BLOCK.size + size :]
        if kind == _UNICODE_PATH and block[1:5] == struct.pack("<I", zlib.crc32(raw)):
            try:
                return block[5:].decode("utf-8")
            except UnicodeDecodeError:
                return None
    return None
