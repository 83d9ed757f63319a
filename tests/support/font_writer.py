"""Small fonts with colour bitmaps."""

import io

from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib import newTable
from fontTools.ttLib.tables import C_B_D_T_, E_B_L_C_
from fontTools.ttLib.tables.BitmapGlyphMetrics import SmallGlyphMetrics


def write_font(path, *sizes, glyphs=None):
    """Writes a font.

    Args:
        path: File to write.
        *sizes: For each size a dict of glyph name -> bytes of its bitmap, in the order of the
            glyphs; none for a font without bitmaps.
        glyphs: Names of all glyphs; None for those of the first size.
    """
    names = [".notdef", *(glyphs or sizes[0])]
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({0xE000 + i: name for i, name in enumerate(names[1:])})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Tiny"})
    builder.setupOS2()
    builder.setupPost()
    if sizes:
        _add_bitmaps(builder.font, sizes)
    builder.save(path)


def _add_bitmaps(font, sizes):
    locator, data = newTable("CBLC"), newTable("CBDT")
    locator.version = data.version = 3.0
    locator.strikes = [_strike(font, 16 * (i + 1), bitmaps) for i, bitmaps in enumerate(sizes)]
    data.strikeData = [
        {name: _bitmap(font, png) for name, png in bitmaps.items()} for bitmaps in sizes
    ]
    font["CBLC"], font["CBDT"] = locator, data


def _strike(font, pixels, bitmaps):
    strike = E_B_L_C_.Strike()
    size = strike.bitmapSizeTable = E_B_L_C_.BitmapSizeTable()
    size.colorRef, size.flags, size.bitDepth = 0, 1, 32
    size.ppemX = size.ppemY = pixels
    for line in ("hori", "vert"):
        metrics = E_B_L_C_.SbitLineMetrics()
        for field in E_B_L_C_.sbitLineMetricsFormat.split("\n"):
            name = field.strip().partition(":")[0]
            if name and name.isidentifier():
                setattr(metrics, name, 0)
        setattr(size, line, metrics)
    table = E_B_L_C_.eblc_index_sub_table_1(b"", font)
    del table.data
    table.names = list(bitmaps)
    table.indexFormat, table.imageFormat = 1, 17
    strike.indexSubTables = [table]
    return strike


def _bitmap(font, png):
    bitmap = C_B_D_T_.cbdt_bitmap_format_17(b"", font)
    del bitmap.data
    bitmap.imageData = png
    bitmap.metrics = SmallGlyphMetrics()
    for name in ("height", "width", "BearingX", "BearingY", "Advance"):
        setattr(bitmap.metrics, name, 0)
    return bitmap


def png_bytes(image):
    """A picture of Pillow as the bytes of a PNG file."""
    file = io.BytesIO()
    image.save(file, format="png")
    return file.getvalue()
