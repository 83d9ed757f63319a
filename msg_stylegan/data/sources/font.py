"""Colour bitmaps of a font, such as Noto Color Emoji: the PNG images in its table CBDT."""

from pathlib import Path

from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.sources.file_stores import check_size
from msg_stylegan.data.sources.selection import left_out, printable

# First bytes of fonts with outlines of TrueType and of PostScript, and of Apple's.
_SIGNATURES = (b"\0\1\0\0", b"OTTO", b"true")

# Of the formats of bitmaps, those that hold a PNG file.
_PNG_FORMATS = (17, 18, 19)


def is_font(start):
    """Whether a file that begins with these bytes, at least five, is a font."""
    # The number of tables follows. Its first byte is 0, which no text has.
    return start.startswith(_SIGNATURES) and start[4:5] == b"\0"


class FontStore:
    """The largest bitmaps of a font, in the order of its glyphs, by whose names they go.

    Nothing is drawn: the bitmaps lie in the font. See `open_store`.

    Args:
        path: Path of the font, `.ttf` or `.otf`.

    Raises:
        ValueError: The font is damaged or has no such bitmaps, or fontTools is not installed.
        OSError: The file cannot be read.
    """

    def __init__(self, path):
        self.path = str(path)
        self.facts = {"kind": "font"}
        self.other_names = []
        self._glyphs = None
        sizes = self._open()
        self.names = [
            name for name, glyph in self._glyphs.items() if glyph.getFormat() in _PNG_FORMATS
        ]
        num_others = len(self._glyphs) - len(self.names)
        self.notices = [
            *left_out(num_others, "glyph", "bitmaps that are not PNG"),
            *left_out(sizes - 1, "smaller size", "the largest counts"),
        ]

    def __getstate__(self):
        # Copies read the font anew, rather than carry ten megabytes to each process.
        return {**self.__dict__, "_glyphs": None}

    def name(self, index):
        return printable(f"{self.path}, glyph {self.names[index]}")

    def data(self, index):
        return self.read_member(self.names[index])

    def read_member(self, name):
        if self._glyphs is None:
            self._open()
        try:
            data = self._glyphs[name].imageData
        # A damaged bitmap shows as various errors.
        except Exception as error:
            raise SkippedImageError("its bitmap is damaged") from error
        check_size(len(data))
        return data

    def _open(self):
        """Reads the bitmaps of the largest size; returns how many sizes there are."""
        try:
            from fontTools.ttLib import TTFont
        except ImportError:
            raise ValueError(
                f"{self.path} is a font, which needs fontTools: `pip install fonttools`, or the "
                "extra `font`."
            ) from None
        # Opened here: what a file of this computer lacks is no fault of the font.
        with Path(self.path).open("rb") as file:
            try:
                font = TTFont(file)
                tables = set(font.keys())
                if {"CBDT", "CBLC"} <= tables:
                    sizes = [strike.bitmapSizeTable.ppemY for strike in font["CBLC"].strikes]
                    strikes = font["CBDT"].strikeData
            # A damaged font shows as various errors.
            except Exception as error:
                raise ValueError(
                    f"{self.path} is damaged, or not a font that fontTools reads ({error})."
                ) from error
        if not {"CBDT", "CBLC"} <= tables or not any(strikes):
            raise ValueError(
                f"{self.path} has no colour bitmaps (tables CBDT and CBLC), which Noto Color Emoji "
                f"has, for example.{_other_colours(tables)}"
            )
        self._glyphs = strikes[sizes.index(max(sizes))]
        return len(sizes)


def _other_colours(tables):
    kinds = {"COLR": "layers", "SVG ": "drawings in SVG", "sbix": "Apple's bitmaps"}
    found = [f"{what} ({tag.strip()})" for tag, what in kinds.items() if tag in tables]
    return f" Its colours are {' and '.join(found)}, which are not read." if found else ""
