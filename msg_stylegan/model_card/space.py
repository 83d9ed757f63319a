"""A Space: what a folder with a model card needs to show its network on a hub.

Two kinds: the explorer as an app of Gradio, and the static page that draws in the browser.
"""

import contextlib
import dataclasses
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from msg_stylegan import files
from msg_stylegan.export import ExportOptions, export_generator
from msg_stylegan.model_card.pinned_requirements import licence_text, pinned_requirements
from msg_stylegan.model_card.readme import README_FILE, join_readme, read_readme
from msg_stylegan.model_card.space_fields import OF_MODELS, check_space_fields

_PACKAGE = Path(__file__).parents[1]
# Fields that the kind of a Space decides.
_OF_KIND = ("sdk", "sdk_version", "python_version", "app_file", "app_port")

_APP = '''\
"""The explorer of MSG-StyleGAN as a Space. Written by `msg-stylegan card --space gradio`."""

import os
import sys
from pathlib import Path

from msg_stylegan.commands import explore

if __name__ == "__main__":
    # The commands that the page shows name the file of the networks, without this folder.
    os.chdir(Path(__file__).parent)
    sys.exit(explore.main({arguments!r}))
'''
_REQUIREMENTS = """\
# The versions with which this Space was made. MSG-StyleGAN itself is in the folder msg_stylegan.
# Gradio's is that of sdk_version in README.md, too.
"""


@dataclasses.dataclass(frozen=True)
class SpaceOptions:
    """What is decided when a Space is made."""

    # Key of `SPACES`.
    kind: str
    # Name of the Space; None for the one that the card has.
    title: str | None = None
    # Licence as model hubs write it; None for the one that the card has.
    license_name: str | None = None
    # Folder of the npm package for a static Space; None for the place of npm.
    onnxruntime_web: str | None = None


@dataclasses.dataclass(frozen=True)
class _Kind:
    """One kind of Space."""

    # Function that returns the fields of README.md by which a hub runs it.
    fields: Callable
    # write(folder, nets, snapshot, title, options) puts its files into an empty folder.
    write: Callable
    # How to try it; `{folder}` stands for the folder.
    usage: str


def add_space(folder, nets, snapshot, options):
    """Adds a Space to a folder with a model card: all of its files, or none.

    The text of README.md stays as it is, and so do the fields of its head, apart from those that
    belong to models only or that the kind of Space decides.

    Args:
        folder: Folder with README.md and the snapshot.
        nets: `Networks` of the snapshot.
        snapshot: Name of its file.
        options: `SpaceOptions`.

    Raises:
        FileExistsError: A file that would be added is there already.
        FileNotFoundError: There is no README.md, or no ONNX Runtime Web.
        ValueError: The head of README.md holds what a Space does not know, there is no generator,
            or a package is missing.
    """
    folder, kind, nets = Path(folder), SPACES[options.kind], nets.of_domain("a")
    if nets.G_ema is None:
        raise ValueError(f"{folder / snapshot} has no generator to draw with.")
    matter, text = read_readme(folder)
    matter = _space_matter(matter, text, options, nets.G_ema)
    check_space_fields(matter)
    with tempfile.TemporaryDirectory(prefix=".", suffix=".tmp", dir=folder) as temporary:
        staged = Path(temporary, "space")
        staged.mkdir()
        kind.write(staged, nets, snapshot, matter["title"], options)
        _move_into(folder, staged, join_readme(matter, text))


def _move_into(folder, staged, readme):
    """Moves what is in a folder beside a README, which gets a new text; or changes nothing."""
    added = sorted(path.name for path in staged.iterdir())
    if there := [name for name in added if (folder / name).exists()]:
        raise FileExistsError(
            f"{folder} holds {', '.join(there)} already. Remove what is to be written anew."
        )
    with contextlib.ExitStack() as undo:
        for name in added:
            (staged / name).rename(folder / name)
            undo.callback((folder / name).rename, staged / name)
        with files.atomic_path(folder / README_FILE) as path:
            path.write_bytes(readme.encode("utf-8"))
        undo.pop_all()


def _space_matter(matter, text, options, G):
    """The front matter of a Space from that of a card, whose text may have a title."""
    heading = re.search(r"^# +(.*\S)", text, re.MULTILINE)
    defaults = {
        "title": heading[1] if heading else "MSG-StyleGAN",
        "emoji": "\N{ARTIST PALETTE}",
        "colorFrom": "indigo",
        "colorTo": "pink",
        "short_description": f"Images of {G.resolution}x{G.resolution} pixels and smaller scales",
    }
    kept = {name: x for name, x in matter.items() if name not in (*OF_MODELS, *_OF_KIND)}
    chosen = {"title": options.title, "license": options.license_name}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    return {**defaults, **kept, **chosen, **SPACES[options.kind].fields()}


def _gradio_fields():
    return {
        "sdk": "gradio",
        "sdk_version": pinned_requirements()["gradio"],
        # For other versions of Python there may be no such versions of the packages.
        "python_version": ".".join(map(str, sys.version_info[:2])),
        "app_file": "app.py",
    }


def _write_gradio(folder, nets, snapshot, title, options):
    """The app, its requirements and this package.

    A hub installs the requirements before it looks at any other file, so a wheel in the folder
    would not be found; but what lies beside the app can be imported.
    """
    arguments = [f"--network={snapshot}", f"--title={title}"]
    files.write_text(folder / "app.py", _APP.format(arguments=arguments))
    pins = "".join(f"{name}=={version}\n" for name, version in pinned_requirements().items())
    files.write_text(folder / "requirements.txt", _REQUIREMENTS + pins)
    copy, unwanted = folder / _PACKAGE.name, shutil.ignore_patterns("__pycache__")
    shutil.copytree(_PACKAGE, copy, ignore=unwanted, copy_function=shutil.copyfile)
    files.write_text(copy / "LICENSE", licence_text())


def _static_fields():
    return {"sdk": "static", "app_file": "index.html"}


def _write_static(folder, nets, snapshot, title, options):
    export_options = ExportOptions(onnxruntime_web=options.onnxruntime_web)
    export_generator(nets.G_ema, folder, "web", export_options, info=nets.info)


SPACES = {
    "gradio": _Kind(_gradio_fields, _write_gradio, "python {folder}/app.py"),
    "static": _Kind(_static_fields, _write_static, "python -m http.server --directory {folder}"),
}
