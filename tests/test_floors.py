"""The house: who may import whom, and what files are like."""

import ast
import re
import subprocess
import sys

import pytest
from support.checkout import ROOT
from support.source_files import (
    CONFIGURATION,
    ENTRANCES,
    EXPERIMENTS,
    FILES,
    TOP,
    imported_modules,
    imported_tops,
)

# Part of msg_stylegan -> the other parts that it may import. Whoever adds a part adds a line.
INSIDE = {
    "__init__": {"pretrained", "tensorflow_start"},
    "tensorflow_start": set(),
    "mistaken_file": set(),
    "stored_class": set(),
    "files": set(),
    "tensorflow_files": {"files"},
    "wording": set(),
    "workers": set(),
    "lazy_tensorflow": set(),
    "resolutions": set(),
    "kimg_schedule": {"lazy_tensorflow"},
    "option": {"kimg_schedule"},
    "interface": set(),
    "domains": set(),
    "options": {
        "augmentation",
        "command_line",
        "interface",
        "kimg_schedule",
        "losses",
        "option",
        "resolutions",
        "wording",
        "workers",
    },
    "presets": {"losses", "options", "pair_presets", "wording"},
    "pair_presets": {"losses", "options"},
    "image_counts": set(),
    "output_streams": set(),
    "faults": set(),
    "command_line": {"faults", "output_streams"},
    "command_names": set(),
    "losses": {"kimg_schedule", "lazy_tensorflow", "option"},
    "networks": {
        "domains",
        "files",
        "image_counts",
        "interface",
        "option",
        "options",
        "tensorflow_files",
        "resolutions",
    },
    "augmentation": {"kimg_schedule", "wording"},
    "coupling": set(),
    "transfer": {"files", "networks", "options", "wording"},
    "classifier": {
        "command_names",
        "data",
        "files",
        "lazy_tensorflow",
        "mistaken_file",
        "networks",
        "stored_class",
        "tensorflow_files",
    },
    "data": {
        "command_names",
        "faults",
        "files",
        "foreign_files",
        "mistaken_file",
        "pictures",
        "wording",
    },
    "sampling": {
        "command_names",
        "data",
        "files",
        "lazy_tensorflow",
        "mistaken_file",
        "networks",
        "wording",
    },
    "pictures": {"files"},
    "generation": {
        "data",
        "pretrained",
        "networks",
        "training",
        "projection",
        "sampling",
        "files",
        "image_counts",
        "pictures",
        "wording",
    },
    "explorer": {
        "command_names",
        "data",
        "faults",
        "generation",
        "image_counts",
        "networks",
        "pictures",
        "pretrained",
        "projection",
        "sampling",
        "training",
    },
    "projection": {"files", "mistaken_file", "networks", "data", "sampling"},
    "export": {"files", "lazy_tensorflow", "legacy", "networks", "tensorflow_files", "sampling"},
    "model_card": {
        "export",
        "files",
        "pictures",
        "networks",
        "pretrained",
        "sampling",
        "training",
        "wording",
    },
    "foreign_files": set(),
    "legacy": {
        "command_names",
        "files",
        "foreign_files",
        "interface",
        "networks",
        "option",
        "options",
        "resolutions",
    },
    "pretrained": {
        "command_names",
        "files",
        "foreign_files",
        "mistaken_file",
        "legacy",
        "networks",
        "stored_class",
        "training",
    },
    "training": {
        "coupling",
        "command_names",
        "domains",
        "files",
        "kimg_schedule",
        "lazy_tensorflow",
        "losses",
        "augmentation",
        "networks",
        "data",
        "sampling",
        "image_counts",
        "legacy",
        "pictures",
        "tensorflow_files",
        "transfer",
        "interface",
        "resolutions",
        "wording",
        "workers",
    },
}
# What is read before anybody waits for TensorFlow.
QUICK = (
    "kimg_schedule",
    "option",
    "options",
    "presets",
    "pair_presets",
    "losses",
    "augmentation",
    "resolutions",
    "command_line",
)


TESTS = sorted((ROOT / "tests").glob("*.py"))
METRICS = sorted((ROOT / "metrics").rglob("*.py"))
SUPPORT = sorted((ROOT / "tests" / "support").glob("[!_]*.py"))


def names(paths):
    return [path.relative_to(ROOT).as_posix() for path in paths]


def part_of(path):
    """Part of msg_stylegan to which a file belongs."""
    return path.relative_to(ROOT / "msg_stylegan").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_imports_point_down(path):
    ours = imported_tops(path) & TOP
    parts = path.relative_to(ROOT).parts
    if parts[0] == "metrics" or parts[:2] == ("msg_stylegan", "commands"):
        assert ours <= {"msg_stylegan", "metrics"}
    elif parts[0] == "experiments":
        assert ours <= {"experiments", "msg_stylegan", "metrics"}
    else:
        assert ours <= {"msg_stylegan"}


@pytest.mark.parametrize("path", ENTRANCES, ids=names(ENTRANCES))
def test_scripts_only_call_a_command(path):
    assert imported_modules(path) <= {"sys", "msg_stylegan.commands.entrance.run_script"}


@pytest.mark.parametrize("path", METRICS, ids=names(METRICS))
def test_only_commands_know_commands(path):
    assert not any(module.startswith("msg_stylegan.commands") for module in imported_modules(path))


def test_experiments_share_the_frame_only():
    for path in EXPERIMENTS:
        ours = {name for name in imported_modules(path) if name.startswith("experiments.")}
        assert all(name.startswith("experiments.frame.") for name in ours)


def test_what_a_user_edits_needs_the_standard_library_only():
    for name in CONFIGURATION:
        assert imported_tops(ROOT / f"{name}.py") <= set(sys.stdlib_module_names)


def test_options_do_not_wait_for_tensorflow():
    modules = ", ".join(f"msg_stylegan.{name}" for name in QUICK)
    program = f"import sys, {modules}; assert not {{'tensorflow', 'keras'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    "path", inside := [path for path in FILES if "msg_stylegan" in path.parts], ids=names(inside)
)
def test_parts_of_the_package_do_not_know_their_neighbours(path):
    used = {
        module.split(".")[1]
        for module in imported_modules(path)
        if module.startswith("msg_stylegan.")
    }
    part = part_of(path)
    # `from msg_stylegan import __version__` and the like would import the roof.
    assert part == "commands" or used <= INSIDE[part] | {part}


@pytest.mark.parametrize("path", [*TESTS, *SUPPORT], ids=names([*TESTS, *SUPPORT]))
def test_tests_do_not_import_each_other(path):
    assert not imported_tops(path) & {test.stem for test in TESTS}


@pytest.mark.parametrize("path", SUPPORT, ids=names(SUPPORT))
def test_what_supports_tests_is_used(path):
    """By an import, or as a program whose file is named."""
    others = [file.read_text(encoding="utf-8") for file in {*TESTS, *SUPPORT} - {path}]
    use = re.compile(rf"""support( import .*|[./]|" / "){path.stem}\b""")
    assert any(use.search(text) for text in others)


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_a_file_holds_one_idea(path):
    text = path.read_text(encoding="utf-8")
    assert path.stem not in {"utils", "util", "helpers", "common", "misc", "base", "core"}
    assert path.name == "__init__.py" or ast.get_docstring(ast.parse(text))
