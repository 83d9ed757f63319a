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

Selection = collections.namedtuple("Selection", ["images", "others", "notices"])

# What reads files of these endings -> the endings. The files may be JPEG in truth.
_PLUGINS = {
    "`pip install pillow-heif`": {".heic", ".heics", ".heif", ".heifs", ".hif"},
    "`pip install --upgrade pillow`": {".avif", ".avifs"},
}
_ARCHIVES = {".7z", ".bz2", ".gz", ".rar", ".tar", ".tbz2", ".tgz", ".txz", ".xz", ".zip", ".zst"}

DEAD_LINK = "no file at the other end"

# Labels, and what systems leave in folders: nobody misses these.
_UNSAID_ENDINGS = {".json", ".csv"}
_UNSAID_NAMES = {"thumbs.db", "ehthumbs.db", "desktop.ini"}

# The longest known ending has eight letters. What is longer is a part of the name.
_LONGEST_ENDING = 12
_MOST_ENDINGS = 8
_HEAD_BYTES = 1 << 12


def select_images(names, read):
    """Tells images from other files: by their endings, and by their content if they have none.

    Args:
        names: Relative paths, with forward slashes, of files that are not hidden.
        read: Function that returns the bytes of a file, at most so many: `read(name, limit)`. It
            may raise `SkippedImageError`.

    Returns:
        `Selection` of two lists of names, in the given order, and a list of sentences about what
        was left out.
    """
    images, others = [], []
    for name in tqdm(names, "Listing", unit=" files", delay=1, leave=False):
        is_image = is_image_name(name) or (_is_tried(name) and _begins_an_image(name, read))
        (images if is_image else others).append(name)
    return Selection(images, others, _notices(others))


def left_out(number, noun, reason):
    """List of no or one sentence, such as "2 links were left out: REASON.", without its path."""
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
    """Whether the content of a file is an image, of a kind that can be told by its first bytes."""
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
        # What a short start ends in differs by format.
        with contextlib.suppress(Exception):
            # A text is the reason why the format cannot be read here.
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
    counts = collections.Counter()
    for name in others:
        if posixpath.basename(name).lower() not in _UNSAID_NAMES:
            counts[_ending(name)] += 1
    for ending in _UNSAID_ENDINGS:
        counts.pop(ending, None)
    if not counts:
        return []
    number = counts.total()
    listed = [_kind(ending, count) for ending, count in counts.most_common(_MOST_ENDINGS)]
    rest = number - sum(count for _, count in counts.most_common(_MOST_ENDINGS))
    listed += [f"{rest} of other endings"] if rest else []
    hints = [
        f"For {', '.join(sorted(endings & counts.keys()))}: {plugin}."
        for plugin, endings in _PLUGINS.items()
        if endings & counts.keys()
    ]
    if _ARCHIVES & counts.keys():
        hints.append("Archives among images are not looked into: unpack them.")
    return [" ".join([*left_out(number, "file", ", ".join(listed)), *hints])]


def _kind(ending, count):
    if ending:
        return f"{count} {printable(ending)}"
    return f"{count} without an ending that {'is not an image' if count == 1 else 'are not images'}"


def is_image_name(name):
    """Whether a relative path, with forward slashes, is an image's and not hidden."""
    # `pathlib` would take seconds for a large archive.
    return posixpath.splitext(name)[1].lower() in image_endings() and not is_hidden(name)


def is_hidden(name):
    """Whether a part of a relative path, with forward slashes, begins with a point.

    So are the notes of macOS, which it keeps of each file in a folder of one name.
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
