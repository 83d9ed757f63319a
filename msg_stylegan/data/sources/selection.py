"""Which files of a source are images, and what users are told about those that are not."""

import collections
import contextlib
import io
import posixpath
import warnings

from PIL import Image
from tqdm import tqdm

from msg_stylegan.data.decoding.picture_reader import decodable_formats, image_endings
from msg_stylegan.data.decoding.png_chunks import SIGNATURE, split_png
from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.wording import count_of

# What reads files of these endings -> the endings. Such a file may really be JPEG.
_PLUGINS = {
    "`pip install pillow-heif`": {".heic", ".heics", ".heif", ".heifs", ".hif"},
    "`pip install --upgrade pillow`": {".avif", ".avifs"},
}
_ARCHIVES = {".7z", ".bz2", ".gz", ".rar", ".tar", ".tbz2", ".tgz", ".txz", ".xz", ".zip", ".zst"}

DEAD_LINK = "no file at the other end"

# Labels, and what operating systems leave in folders: nobody misses these.
_UNSAID_ENDINGS = {".json", ".csv"}
_UNSAID_NAMES = {"thumbs.db", "ehthumbs.db", "desktop.ini"}

# The longest known ending has eight letters. Anything longer is a part of the name.
_LONGEST_ENDING = 12
_MOST_ENDINGS = 8
_HEAD_BYTES = 1 << 12


def select_images(names, read):
    """Tells images from other files by their endings, or by their content if they have none.

    Args:
        names: Relative paths, with forward slashes, of files that are not hidden.
        read: Function that returns at most `limit` bytes of a file, all if that is None:
            `read(name, limit)`. It may raise `SkippedImageError`.

    Returns:
        Lists of the names of images and of others, both in the given order, and a list of sentences
        about what was left out.
    """
    images, others = [], []
    for name in tqdm(names, "Listing", unit=" files", delay=1, leave=False):
        is_image = is_image_name(name) or (_is_tried(name) and _begins_an_image(name, read))
        (images if is_image else others).append(name)
    return images, others, _notices(others)


def left_out(number, noun, reason):
    """List of one sentence, such as "2 links were left out: REASON."; an empty one for number 0."""
    if not number:
        return []
    return [f"{count_of(number, noun)} {'was' if number == 1 else 'were'} left out: {reason}."]


def _ending(name):
    """Ending of a name in small letters; "" for what only looks like one: `photo.jpg?size=9`."""
    ending = posixpath.splitext(name)[1].lower()
    letters = ending[1:]
    is_one = letters.isascii() and letters.isalnum() and not letters.isdigit()
    return ending if is_one and len(ending) <= _LONGEST_ENDING else ""


def _is_tried(name):
    ending = _ending(name)
    return not ending or any(ending in endings for endings in _PLUGINS.values())


def _begins_an_image(name, read):
    """Whether the content of a file is an image whose format shows in its first bytes."""
    for limit in (_HEAD_BYTES, None):
        try:
            data = read(name, limit)
        except SkippedImageError:
            return False
        if not _is_known(data[:16]):
            return False
        # The header may be longer than the first bytes.
        if _has_header(data):
            return True
    return False


def _is_known(start):
    for name in decodable_formats():
        accept = Image.OPEN[name][1]
        # On too few bytes, formats fail in various ways.
        with contextlib.suppress(Exception):
            # `accept` may also return the reason why the format cannot be read here, a text.
            if accept and accept(start) is True:
                return True
    return False


def _has_header(data):
    if data.startswith(SIGNATURE):
        data, _ = split_png(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=decodable_formats()):
                return True
        except Image.DecompressionBombError:
            return True
        # Pillow meets a damaged file with many kinds of errors.
        except Exception:
            return False


def _notices(others):
    endings = (
        _ending(name) for name in others if posixpath.basename(name).lower() not in _UNSAID_NAMES
    )
    counts = collections.Counter(ending for ending in endings if ending not in _UNSAID_ENDINGS)
    if not counts:
        return []
    most = counts.most_common(_MOST_ENDINGS)
    listed = [_kind(ending, count) for ending, count in most]
    rest = counts.total() - sum(count for _, count in most)
    listed += [f"{rest} with other endings"] if rest else []
    hints = [
        f"For {', '.join(sorted(endings & counts.keys()))}: {plugin}."
        for plugin, endings in _PLUGINS.items()
        if endings & counts.keys()
    ]
    if _ARCHIVES & counts.keys():
        hints.append("Archives among images are not looked into: unpack them.")
    return [" ".join([*left_out(counts.total(), "file", ", ".join(listed)), *hints])]


def _kind(ending, count):
    if ending:
        return f"{count} {printable(ending)}"
    return f"{count} without an ending that {'is not an image' if count == 1 else 'are not images'}"


def is_image_name(name):
    """Whether a relative path, with forward slashes, is an image's and not hidden."""
    # `pathlib` would take seconds for a large archive.
    return posixpath.splitext(name)[1].lower() in image_endings() and not is_hidden(name)


def is_hidden(name):
    """Whether a part of a relative path, with forward slashes, begins with a dot.

    Also hidden are the notes on each file that macOS keeps in a folder `__MACOSX`.
    """
    parts = name.split("/")
    return any(part == "__MACOSX" or (part.startswith(".") and part != ".") for part in parts)


def printable(name):
    """A name for messages and lists: control characters and broken letters are written out."""
    if name.isprintable():
        return name
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in name
    )
