"""Takes a PNG file apart into what decides its pixels and the metadata that matter.

Pillow reads texts and profiles even if nobody wants them, refuses those of more than 1 MiB and all
with a wrong checksum, and so loses good pixels.
"""

import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# No profile or text that matters is larger. Anything larger may be a bomb.
_MAX_METADATA_BYTES = 16 << 20

_EXIF, _XMP = b"Raw profile type exif", b"XML:com.adobe.xmp"


def split_png(data):
    """Separates pixels and metadata.

    Chunks that do not matter are left out unread: texts, thumbnails, and all frames of an animation
    but the first, which is the image itself. Metadata with a wrong checksum are left out, too.
    Damage elsewhere is left for the decoder to find.

    Args:
        data: bytes of a file that begins with `SIGNATURE`.

    Returns:
        Tuple of the file without metadata, bytes, and of the metadata under the names of
        `PIL.Image.Image.info`: "exif" and the texts that may hold an orientation, and
        "icc_profile", which is None if there is one that is damaged.
    """
    view = memoryview(data)
    kept, info = [view[: len(SIGNATURE)]], {}
    start = len(SIGNATURE)
    while start + 8 <= len(data):
        end = start + 12 + int.from_bytes(view[start : start + 4], "big")
        kind = bytes(view[start + 4 : start + 8])
        is_ancillary = kind.isalpha() and kind[:1].islower()
        if not is_ancillary or kind == b"tRNS":
            kept.append(view[start:end])
        elif end <= len(data) and kind in _METADATA:
            body, checksum = bytes(view[start + 8 : end - 4]), view[end - 4 : end]
            is_whole = zlib.crc32(body, zlib.crc32(kind)) == int.from_bytes(checksum, "big")
            info |= _METADATA[kind](body if is_whole else b"")
        if kind == b"IEND":
            break
        start = end
    return b"".join(kept), info


def _profile(body):
    _, _, rest = body.partition(b"\0")
    # Zero, the method, is the only one.
    return {"icc_profile": _inflated(rest[1:]) if rest[:1] == b"\0" else None}


def _exif(body):
    return {"exif": b"Exif\0\0" + body} if body else {}


def _plain_text(body):
    key, _, text = body.partition(b"\0")
    return _orientation_text(key, text, "latin-1")


def _compressed_text(body):
    key, _, rest = body.partition(b"\0")
    return _orientation_text(key, rest[1:], "latin-1", is_compressed=True)


def _international_text(body):
    key, _, rest = body.partition(b"\0")
    # After two flags: language, translated key, text.
    _, _, translated = rest[2:].partition(b"\0")
    _, _, text = translated.partition(b"\0")
    return _orientation_text(key, text, "utf-8", is_compressed=rest[:1] == b"\1")


def _orientation_text(key, text, encoding, is_compressed=False):
    if key not in (_EXIF, _XMP):
        return {}
    if is_compressed:
        text = _inflated(text) or b""
    return {key.decode(): text.decode(encoding, "replace")}


_METADATA = {
    b"iCCP": _profile,
    b"eXIf": _exif,
    b"tEXt": _plain_text,
    b"zTXt": _compressed_text,
    b"iTXt": _international_text,
}


def _inflated(data):
    """What was compressed by zlib; None if it is damaged or too large."""
    decompressor = zlib.decompressobj()
    try:
        inflated = decompressor.decompress(data, _MAX_METADATA_BYTES)
    except zlib.error:
        return None
    return None if decompressor.unconsumed_tail else inflated
