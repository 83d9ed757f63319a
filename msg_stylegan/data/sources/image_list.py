"""Images that a text file lists."""

from pathlib import Path, PurePath

from msg_stylegan.data.sources.encoded_images import EncodedImages
from msg_stylegan.data.sources.image_names import printable
from msg_stylegan.data.sources.storage import MAX_FILE_BYTES, read_file


class ListSource(EncodedImages):
    """The images of a text file with one path per line, in the order of the lines.

    Paths are relative to the folder of the text file. Lines without text are left out. Files count
    whatever their ending is.

    Args:
        path: Path of the text file, in UTF-8.
        preparation: `ImagePreparation`.
        labels: See `read_labels`; names are the paths as they are listed.
        max_images: Only so many, from the first one on; None = all.

    Raises:
        ValueError: The file is no text, or see `EncodedImages`.
        OSError: The file cannot be read.
    """

    def __init__(self, path, preparation, labels=None, max_images=None):
        self._folder = Path(path).parent
        names = [PurePath(line).as_posix() for line in _read_lines(Path(path))]
        super().__init__(path, names, preparation, labels, max_images, {"kind": "list"})

    def name(self, index):
        return printable(str(self._folder / self._names[index]))

    def _data(self, index):
        return read_file(self._folder / self._names[index])


def _read_lines(path):
    with path.open("rb") as file:
        # All archives, images and videos have a zero early on; this one may be very large.
        is_text = b"\0" not in file.read(4096) and path.stat().st_size <= MAX_FILE_BYTES
    data = path.read_bytes() if is_text else b"\0"
    if b"\0" in data:
        raise ValueError(
            f"{path} is neither an archive nor a list of images. Expected a folder, a zip or tar "
            "archive, or a text file in UTF-8 with the path of one image per line."
        )
    # Names of files may be no UTF-8. Only the end of a line ends it, not all that Unicode has.
    text = data.decode("utf-8-sig", "surrogateescape")
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [line for line in lines if line.strip()]
