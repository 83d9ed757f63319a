"""Names of the files of a run by the number of real images that it had seen.

`fakes000016.png` belongs to 16 thousand images, `fakes000016_008.png` to 8 more. Up to 999,999
thousands the names sort as texts, too. Older versions rounded to thousands.
"""

import dataclasses
import re
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class NumberedFiles:
    """A kind of files, whose names begin and end with these texts."""

    prefix: str
    suffix: str

    def name(self, kimg):
        """Name of the file after so many thousands of images, a multiple of 0.001."""
        thousands, rest = divmod(round(kimg * 1000), 1000)
        return f"{self.prefix}{thousands:06d}" + (f"_{rest:03d}" if rest else "") + self.suffix

    def images(self, name):
        """Number of images that a name gives, or None if it is not of this kind."""
        number = "([0-9]+)(?:_([0-9]{3}))?"
        match = re.fullmatch(re.escape(self.prefix) + number + re.escape(self.suffix), name)
        return None if match is None else int(match[1]) * 1000 + int(match[2] or 0)

    def paths(self, folder):
        """Paths of such files in a folder, by their numbers; `[]` if there is no folder."""
        folder = Path(folder)
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        numbered = [(self.images(name), name) for name in names]
        return [folder / name for _, name in sorted(n for n in numbered if n[0] is not None)]


SNAPSHOTS = NumberedFiles("network-snapshot-", ".keras")
FAKES = NumberedFiles("fakes", ".png")
