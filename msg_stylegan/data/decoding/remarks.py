"""Messages about single images: why one cannot be used, and remarks on those that are used.

Remarks of one kind become one sentence for a whole data set.
"""

import contextlib
import contextvars

from msg_stylegan.wording import count_of

_current = contextvars.ContextVar("remarks", default=None)


def remark(kind, detail):
    """Notes something about the image being read; without effect outside `remarks_of_image`.

    Args:
        kind: A name of `_SENTENCES`.
        detail: A text, of which the first image's is kept, or a whole number, of which the
            largest is kept.
    """
    remarks = _current.get()
    if remarks is not None:
        remarks.append((kind, detail))


@contextlib.contextmanager
def remarks_of_image():
    """Context of a list of `(kind, detail)`, which grows with each `remark` in this thread."""
    found = []
    token = _current.set(found)
    try:
        yield found
    finally:
        _current.reset(token)


def add_remarks(gathered, remarks):
    """Adds remarks to those of other images.

    Args:
        gathered: Dictionary for JSON, empty at the beginning: kind -> `[number of images, first
            position, detail]`. The order in which images are added does not matter.
        remarks: A dictionary like `gathered`.
    """
    for kind, (count, position, detail) in remarks.items():
        if kind not in gathered:
            gathered[kind] = [count, position, detail]
            continue
        old_count, old_position, old_detail = gathered[kind]
        if isinstance(detail, int):
            detail = max(detail, old_detail)
        elif old_position < position:
            detail = old_detail
        gathered[kind] = [count + old_count, min(position, old_position), detail]


def add_image_remarks(gathered, position, found):
    """Adds what `remarks_of_image` has found about the image at a position, see `add_remarks`."""
    for kind, detail in found:
        add_remarks(gathered, {kind: [1, position, detail]})


def sentences(gathered, name):
    """The sentences about all images of a data set.

    Args:
        gathered: What `add_remarks` has gathered.
        name: Function that returns the name of the image at a position.

    Returns:
        List of texts, one for each kind that needs one.
    """
    texts = (
        _SENTENCES[kind](count, name(position), detail)
        for kind, (count, position, detail) in sorted(gathered.items())
    )
    return [text for text in texts if text]


def _of_profiles(count, name, reason):
    return (
        f"{count_of(count, 'image')} with a colour profile that cannot be applied: the pixels are "
        f"used as they are. The first one: {name} ({reason})."
    )


def _of_deep_gray(count, name, largest):
    bits = max(largest.bit_length(), 8)
    if not largest or bits > 15:
        return None
    white = 2**bits - 1
    return (
        f"The largest value of {count_of(count, 'gray image')} of 16 bits is {largest} of 65535: "
        f"these look like {bits} bits and come out dark. Give --value_range={white} to make "
        f"{white} white. The first one: {name}."
    )


def _of_deep_colours(count, name, largest):
    if not largest or largest > 127:
        return None
    return (
        f"The largest value of {count_of(count, 'colour image')} of 16 bits is about "
        f"{largest * 257} of 65535: this comes out dark. Only the upper 8 bits of each "
        "colour can be read: bring them to 8 bits by another program first. "
        f"The first one: {name}."
    )


def _of_values_outside(count, name, text):
    return (
        f"{count_of(count, 'image')} with values outside of --value_range, which become black or "
        f"white. The first one: {name} ({text})."
    )


_SENTENCES = {
    "profile": _of_profiles,
    "deep gray": _of_deep_gray,
    "deep colours": _of_deep_colours,
    "values outside": _of_values_outside,
}


class SkippedImageError(ValueError):
    """An image that cannot be used. The others can go on.

    Args:
        reason: Text. A full stop at its end is removed, because messages have their own.
    """

    def __init__(self, reason):
        super().__init__(reason.removesuffix("."))
