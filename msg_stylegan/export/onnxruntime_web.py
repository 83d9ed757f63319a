"""ONNX Runtime Web, which runs a graph in a browser: the files of its npm package."""

import dataclasses
import re
import shutil
import sys
from pathlib import Path

from msg_stylegan.files import read_json

_PACKAGE = "onnxruntime-web"
# The oldest and the newest release that were tested.
_TESTED = ("1.24", "1.30")
# The command that gets it.
INSTALL = f"npm install {_PACKAGE}@{_TESTED[1]}"
# The back end that needs a processor and no special headers of the server.
_FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")


@dataclasses.dataclass(frozen=True)
class OnnxRuntimeWeb:
    """An unpacked npm package.

    Attributes:
        folder: Its folder, with `package.json`.
        version: Text, such as "1.30.0".
    """

    folder: Path
    version: str

    def copy_to(self, target):
        """Copies what a page needs into an existing folder."""
        for name in _FILES:
            shutil.copyfile(self.folder / "dist" / name, target / name)


def find_onnxruntime_web(folder=None):
    """Opens the package. A release that was not tested is used with a notice.

    Args:
        folder: Folder of the unpacked package; None for the place where npm installs it, below the
            current folder.

    Returns:
        `OnnxRuntimeWeb`.

    Raises:
        FileNotFoundError: It is not there.
        ValueError: It is another package, or `package.json` is damaged.
    """
    place = Path("node_modules", _PACKAGE) if folder is None else Path(folder)
    facts_file = place / "package.json"
    if not facts_file.is_file():
        raise FileNotFoundError(
            f"The web format needs ONNX Runtime Web, and there is none in {place}. Get it by: "
            f"{INSTALL}; or name the folder of the unpacked package by --onnxruntime_web."
        )
    facts = read_json(facts_file, keys=("name", "version"))
    if facts["name"] != _PACKAGE:
        raise ValueError(f"{place} holds the package {facts['name']}, not {_PACKAGE}.")
    version = str(facts["version"])
    missing = [name for name in _FILES if not (place / "dist" / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{_PACKAGE} {version} in {place} lacks dist/{', dist/'.join(missing)}. "
            f"Get a release that has them by: {INSTALL}"
        )
    oldest, newest = map(_numbers, _TESTED)
    if not oldest <= _numbers(version) <= newest:
        known = " to ".join(_TESTED)
        print(f"notice: {_PACKAGE} {version} was not tested, only {known}", file=sys.stderr)
    return OnnxRuntimeWeb(place, version)


def _numbers(version):
    """The first two numbers of a version."""
    return tuple(map(int, re.findall(r"\d+", version)[:2]))
