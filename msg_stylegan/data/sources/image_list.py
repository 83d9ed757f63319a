"""Images that a text file lists."""

from pathlib import Path, PurePath

from msg_stylegan.data.sources.image_names import printable
from msg_stylegan.data.sources.labels import LABELS_NAME
from msg_stylegan.data.sources.storage import MAX_FILE_BYTES, read_file
from msg_stylegan.mistaken_file import what_download, what_it_is


class ListStore:
    """The images of a text file with one path per line, in the order of the lines.

    Paths are relative to the folder of the text file. Lines without text are left out. Files count
    whatever their ending is. Of other files, only the labels beside it are known. See `open_store`.

    Args:
        path: Path of the text file, in UTF-8.

    Raises:
        ValueError: The file is no text.
        OSError: The file cannot be read.
    """

    notices = ()

    def __init__(self, path):
        self.path = str(path)
        self.facts = {"kind": "list"}
        self.names = [PurePath(line).as_posix() for line in _read_lines(Path(path))]
        has_labels = Path(path).with_name(LABELS_NAME).is_file()
        self.other_names = [LABELS_NAME] if has_labels else []

    def name(self, index):
        return printable(str(Path(self.path).parent / self.names[index]))

    def data(self, index):
        return self.read_member(self.names[index])

    def read_member(self, name):
        return read_file(Path(self.path).parent / name)


def _read_lines(path):
    with path.open("rb") as file:
        # All archives, images and videos have a zero early on; this one may be very large.
        is_text = b"\0" not in file.read(4096) and path.stat().st_size <= MAX_FILE_BYTES
    data = path.read_bytes() if is_text else b"\0"
    if b"\0" in data:
        what = what_it_is(path, expected="text")
        raise ValueError(
            f"{path} is neither an archive nor a list of images. {f'{what} ' if what else ''}"
            "Expected a folder, a zip or tar archive, or a text file in UTF-8 with the path of one "
            "image per line."
        )
    if what := what_download(data):
        raise ValueError(f"{path} is no list of images. {what}")
    # Names of files may be no UTF-8. Only the end of a line ends it, not all that Unicode has.
    text = data.decode("utf-8-sig", "surrogateescape")
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [line for line in lines if line.strip()]
