"""Help and usage errors of all commands: at once, silent, and the same in every locale."""

import importlib
import subprocess
import sys

import pytest
from support.checkout import ROOT
from support.program_calls import subcommands

NAMES = (
    "dataset_tool",
    "run_metrics",
    "generate",
    "export",
    "convert",
    "explore",
    "model_card",
    "train_classifier",
)
# What takes long to import.
HEAVY = ("tensorflow", "keras", "matplotlib", "scipy", "h5py")

# Asks each command of a program for help, and makes a mistake in each.
PROGRAM = """
import contextlib, io, sys
sys.path[:0] = [{root!r}, {tests!r}]
from importlib import import_module
from support.program_calls import calls

module = import_module("msg_stylegan.commands.{name}")
for arguments in calls(module):
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            module.main(arguments)
        except SystemExit as error:
            status = error.code
    is_help = arguments[-1:] == ["--help"]
    assert status == (0 if is_help else 2), arguments
    assert bool(output.getvalue()) == is_help, arguments
    assert bool(errors.getvalue()) != is_help, arguments
loaded = {{name.partition(".")[0] for name in sys.modules}} & set({heavy!r})
assert not loaded, loaded
"""


@pytest.mark.parametrize("name", NAMES)
def test_help_and_mistakes_do_not_wait_for_large_packages(name):
    program = PROGRAM.format(root=str(ROOT), tests=str(ROOT / "tests"), name=name, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", NAMES)
def test_without_arguments_a_command_says_what_it_can_do(name, capsys):
    module = importlib.import_module(f"msg_stylegan.commands.{name}")
    with pytest.raises(SystemExit) as exit_info:
        module.main([])
    assert exit_info.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    # The whole help, with every command.
    assert printed.err == module.build_parser().format_help()
    assert all(f"\n    {command}" in printed.err for command in subcommands(module.build_parser()))


@pytest.mark.parametrize("name", [*NAMES, "train"])
def test_help_in_ascii(name):
    """French names and dashes are no reason to fail."""
    done = subprocess.run(
        [sys.executable, f"{name}.py", "--help"],
        cwd=ROOT,
        env={"PYTHONIOENCODING": "ascii"},
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"{name}.py".encode() in done.stdout
