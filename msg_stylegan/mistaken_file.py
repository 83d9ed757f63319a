"""What a file is that was taken for another: a web page, a pointer of Git LFS, half a download.

Readers ask here when they do not know a file, or cannot read it.
"""

import codecs
import io
import json
import re
import tarfile
import zipfile
from pathlib import Path

_HEAD = 2**12
_SHOWN = 60
_FEWEST = 4
# Kinds of file that are zip archives.
_ZIPS = ("npz", "keras")
_AGAIN = "Download it again."
_UNPACK = "Unpack it, and give the file inside."
# What compressed files and other containers begin with -> what to call them.
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\x5d\x00\x00\x80\x00\xff": "LZMA",
}
_OTHERS = {
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF-": "a PDF document",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file (.h5)",
    b"\x93NUMPY": "an array of NumPy (.npy)",
}
_SAFETENSORS = re.compile(rb"[\x00-\xff]{5}\x00\x00\x00\{\s*\"")
_ANNEX = re.compile(rb"(\S*\.git)?/annex/objects/[^\x00\n]+")
_WEB_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body|!--|\?xml|script|title)", re.IGNORECASE)


def what_it_is(source, expected=None):
    """Says what a file is that cannot be used as what it was taken for, and what to do.

    Args:
        source: Path of a file or folder, or the bytes of a file.
        expected: What it should be: "text", "json", "zip", "gzip", "tar", which may be
            compressed, or "npz" or "keras", which are zip archives; None for other contents. The
            answer never names this kind.

    Returns:
        One or two sentences such as "It is a web page ... Download it again."; None if nothing is
        known of such content.

    Raises:
        OSError: The file cannot be read.
    """
    if not isinstance(source, bytes) and Path(source).is_dir():
        return "It is a folder. Give a file."
    with io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as file:
        head = file.read(_HEAD)
        return (
            what_download(head)
            or _what_archive(head, file, expected)
            or _what_text(head, file, expected)
            or _what_no_zip(head, expected)
        )


def what_download(data):
    """Says the same of bytes, but knows only what servers send in place of a file."""
    head = data[:_HEAD]
    if not head:
        return f"It is empty. {_AGAIN}"
    if len(head) > 1 and not head.strip(b"\x00"):
        return f"It begins with nothing but zeros, like a download that broke off. {_AGAIN}"
    if is_utf_16(head):
        head = head.decode("utf-16", "ignore").encode("utf-8", "ignore")
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if _WEB_PAGE.match(text):
        return (
            "It is a web page, perhaps one that asks something before the download or says that "
            f"too many have downloaded the file. {_AGAIN}"
        )
    if text.startswith(b"version https://git-lfs"):
        return _pointer("Git LFS", "git lfs pull")
    if _ANNEX.fullmatch(text.rstrip()):
        return _pointer("git-annex", "git annex get")
    return None


def is_utf_16(data):
    """Whether bytes begin with a mark of UTF-16, as some programs of Windows write it."""
    return data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _pointer(system, command):
    return (
        f"It is a pointer of {system} to a file, not the file. Run `{command}` where it came from, "
        "or download it again."
    )


def _what_archive(head, file, expected):
    for start, name in _COMPRESSED.items() if expected not in ("gzip", "tar") else ():
        if head.startswith(start):
            return f"It is compressed ({name}). {_UNPACK}"
    for start, name in _OTHERS.items():
        if head.startswith(start):
            return f"It is {name}."
    if _SAFETENSORS.match(head):
        return "It is a file of safetensors, which is not read here."
    file.seek(0)
    if head.startswith(b"PK\x03\x04") and expected != "zip":
        if not zipfile.is_zipfile(file):
            return f"It is the beginning of a zip archive whose end is missing. {_AGAIN}"
        # Files of weights and of arrays are zip archives, too.
        return f"It is a zip archive. {_UNPACK}" if expected not in (None, *_ZIPS) else None
    if head[257:262] == b"ustar" and expected != "tar" and tarfile.is_tarfile(file):
        return f"It is a tar archive. {_UNPACK}"
    return None


def _what_text(head, file, expected):
    try:
        # It holds back a last letter that is cut in two.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return None
    is_json = text.lstrip()[:1] in ("{", "[")
    if expected == "json" and is_json:
        return f"It is JSON whose end is missing. {_AGAIN}" if _has_no_end(file) else None
    # A few letters may be the start of anything.
    if (
        expected == "text"
        or len(text) < _FEWEST
        or not all(letter.isprintable() or letter in "\r\n\t" for letter in text)
    ):
        return None
    shown = " ".join(text.split())
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    kind = "JSON" if is_json else "text"
    return f"It is {kind}, perhaps the message of a server: {shown!r}. {_AGAIN}"


def _what_no_zip(head, expected):
    """What readers of zip archives know of other contents is about pickles, or that they fail."""
    is_zip = head.startswith((b"PK\x03\x04", b"PK\x05\x06"))
    return "Its content is unknown." if expected in _ZIPS and not is_zip else None


def _has_no_end(file):
    """Whether JSON is correct as far as it goes."""
    file.seek(0)
    text = file.read().decode("utf-8-sig", "ignore").rstrip()
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return (
            error.pos >= len(text) or error.msg.startswith("Unterminated") or text[-1] not in "]}"
        )
    # Numbers and nesting beyond all bounds.
    except (ValueError, RecursionError):
        return False
    return False
