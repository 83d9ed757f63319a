"""What a user sets once for all commands: `config.py`.

The options are not imported before the extensions, which may add to them.
"""

import ast
import importlib
import os
import runpy
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path

from msg_stylegan.command_line import expand_home
from msg_stylegan.command_names import script_folder


def _default(name):
    from msg_stylegan.options import Config

    return getattr(Config(), name)


@dataclass(frozen=True)
class UserConfig:
    """The names that `config.py` may set, with what holds without it."""

    # The preset that is trained when no --config is given.
    preset: str = "digits"
    # Amazon SageMaker names its own folders in environment variables.
    data_dir: str = field(
        default_factory=lambda: os.environ.get("SM_CHANNEL_TRAINING") or _default("data_dir")
    )
    result_dir: str = field(
        default_factory=lambda: os.environ.get("SM_MODEL_DIR") or _default("result_dir")
    )
    cache_dir: str = field(default_factory=lambda: _default("cache_dir"))
    # Name -> name of the preset to start from, and dictionary of the options that differ.
    presets: dict = field(default_factory=dict)
    # Names of modules beside `config.py` that add losses, metrics and the like.
    extensions: list = field(default_factory=list)

    def __post_init__(self):
        for name in ("data_dir", "result_dir", "cache_dir"):
            # The shell, which replaces "~" elsewhere, does not see these names.
            object.__setattr__(self, name, expand_home(getattr(self, name)))


def user_config():
    """Reads `config.py` beside the script that was called; without a script, in the current folder.

    A file of the current folder that sets none of our names belongs to something else and is not
    run.

    Returns:
        `UserConfig`; the defaults if there is no such file.

    Raises:
        ValueError: The file cannot be run, or sets a name to something of another type.
    """
    return UserConfig(**_read())


def import_extensions():
    """Imports the modules that `extensions` of `config.py` names, from its folder.

    Raises:
        ValueError: One of them cannot be imported, or as `user_config`.
    """
    names = _read().get("extensions", [])
    if names:
        # At the end: a file of the folder must not stand in for a module of ours. Worker processes
        # have this path, too.
        sys.path.append(str(_path().parent.absolute()))
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            raise ValueError(
                f"{_path()}: the extension {name!r} cannot be imported: "
                f"{type(error).__name__}: {error}"
            ) from error


def _path():
    return (script_folder() or Path()) / "config.py"


def _read():
    """The names that the file sets, with their values."""
    path = _path()
    if not path.is_file():
        return {}
    types = {item.name: item.type for item in fields(UserConfig)}
    try:
        text = path.read_text(encoding="utf-8")
        if script_folder() is None and not types.keys() & _names_set_by(ast.parse(text)):
            return {}
        values = runpy.run_path(str(path))
    except Exception as error:
        raise ValueError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    values = {name: values[name] for name in types if name in values}
    for name, value in values.items():
        if isinstance(value, os.PathLike):
            values[name] = os.fspath(value)
        elif not isinstance(value, types[name]):
            raise ValueError(
                f"{path}: {name}={value!r} must be {types[name].__name__}, not "
                f"{type(value).__name__}."
            )
    return values


def add_result_dir(parser):
    """Adds the option that says where the runs are."""
    parser.add_argument(
        "--result_dir",
        default=user_config().result_dir,
        metavar="DIR",
        help="folder of the runs (default: %(default)s)",
    )


def _names_set_by(module):
    """Names that the statements of a module assign to."""
    return {
        node.id
        for node in ast.walk(module)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
