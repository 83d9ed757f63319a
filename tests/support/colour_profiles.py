"""ICC profiles and files of PNG, made by hand for tests."""

import struct
import zlib

import numpy as np
from PIL import ImageCms


def srgb():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped():
    """sRGB with red and green exchanged, which still calls itself sRGB."""
    profile = srgb()
    result = bytearray(profile)
    for offset, name, _, _ in _tags(profile):
        result[offset : offset + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(name, name)
    return bytes(result)


def gray(gamma):
    """A profile of gray that is light to the power of `gamma`."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    return _profile(b"mntrGRAYXYZ ", {b"wtpt": white, b"kTRC": curve})


def cmyk():
    """A profile of four inks, of which the second is green."""
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0])
    table += struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    table += bytes(range(256)) * 4
    for node in range(16):
        c, m, y, k = (node >> shift & 1 for shift in (3, 2, 1, 0))
        table += bytes([(255 - 60 * (c + m + y)) * (1 - k), 128 - 50 * m, 128 + 60 * y - 40 * c])
    table += bytes(range(256)) * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    return _profile(b"prtrCMYKLab ", {b"wtpt": white, b"A2B0": table})


def rgb_of_gamma(gamma):
    """The primaries of sRGB with another curve."""
    profile = srgb()
    result = bytearray(profile)
    for _, name, offset, size in _tags(profile):
        if name[1:] == b"TRC":
            curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
            result[offset : offset + size] = curve.ljust(size, b"\0")
    return bytes(result)


def chunk(kind, body, checksum=None):
    """A chunk of a PNG file."""
    checksum = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def bomb():
    """A small file of PNG that claims to hold 60000x60000 pixels."""
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    pieces = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*piece) for piece in pieces)


def with_chunk(png, piece, before=b"IDAT"):
    """A PNG file with a further chunk before the first one of a kind."""
    at = png.index(before) - 4
    return png[:at] + piece + png[at:]


def _profile(kind, tags):
    """A profile of version 2 from its class and spaces, and the contents of its tags."""
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(body), len(content))
        body += content.ljust(-(-len(content) // 4) * 4, b"\0")
    head = bytearray(128)
    head[0:4] = struct.pack(">I", 128 + len(table) + len(body))
    head[8:12] = b"\2\x10\0\0"
    head[12:24] = kind
    head[36:40] = b"acsp"
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    return bytes(head) + table + body


def _tags(profile):
    (count,) = struct.unpack(">I", profile[128:132])
    for i in range(count):
        offset = 132 + 12 * i
        yield offset, *struct.unpack(">4sII", profile[offset : offset + 12])


def png_of_bits(samples, bits, key=None):
    """A PNG file of gray `[H, W]` or RGB `[H, W, 3]` of any depth, with a transparent colour."""
    height, width = samples.shape[:2]
    places = np.arange(bits - 1, -1, -1)
    packed = np.packbits(samples.reshape(height, -1, 1) >> places & 1).reshape(height, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    header = struct.pack(">IIBBBBB", width, height, bits, 2 * (samples.ndim == 3), 0, 0, 0)
    chunks = [chunk(b"IHDR", header)]
    if key is not None:
        chunks.append(chunk(b"tRNS", np.array(key, ">u2").tobytes()))
    chunks += [chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
