"""`msg-stylegan` and the scripts: what runs, what messages call it, which config.py it reads."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.checkout import ROOT
from support.source_files import CONFIGURATION, ENTRANCES

import msg_stylegan
from msg_stylegan.command_names import SCRIPTS, called
from msg_stylegan.commands import entrance
from msg_stylegan.commands.user_config import UserConfig, user_config


@pytest.fixture
def call(monkeypatch, capsys):
    """Function that runs `msg-stylegan` and returns its status, output and errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["/somewhere/bin/msg-stylegan", *arguments])
        try:
            status = entrance.main()
        except SystemExit as error:
            status = error.code
        return status, *capsys.readouterr()

    return call


def test_help_and_version(call):
    status, usage, errors = call("--help")
    assert (status, errors) == (0, "")
    assert all(f"\n  {name} " in usage for name in SCRIPTS)
    assert call() == (2, "", usage)
    assert call("--version") == (0, f"msg-stylegan {msg_stylegan.__version__}\n", "")


def test_an_unknown_command_names_the_near_ones(call):
    status, output, errors = call("datasets", "create_digits")
    assert (status, output) == (2, "")
    assert "'datasets'" in errors and "Did you mean dataset?" in errors


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_command_and_its_script_have_the_same_help(name, call, monkeypatch, capsys):
    status, installed, errors = call(name, "--help")
    assert (status, errors) == (0, "") and f"usage: msg-stylegan {name}" in installed
    script = f"{SCRIPTS[name]}.py"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", script, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert f"usage: python {script}" in done.stdout
    # Not a matter of time: what it waits for is what it imports.
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"tensorflow", "keras"}


def test_every_script_is_a_command():
    scripts = {path.stem for path in ENTRANCES if path.stem not in CONFIGURATION}
    assert scripts == set(SCRIPTS.values())


@pytest.mark.parametrize(
    "argv, expected",
    [
        ("/usr/bin/msg-stylegan", "msg-stylegan dataset"),
        ("-c", "msg-stylegan dataset"),
        ("train.py", "python dataset_tool.py"),
        (f"{ROOT}/run_metrics.py", f"python {ROOT}/dataset_tool.py"),
        # Other programs of the same name.
        (f"{ROOT}/benchmarks/dataset_tool.py", "msg-stylegan dataset"),
    ],
)
def test_messages_name_what_was_called(argv, expected, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [argv])
    assert called("dataset") == expected


def test_the_script_reads_the_file_beside_it(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("config.py").write_text("preset = 'here'")
    assert user_config().preset == "here"
    monkeypatch.setattr(sys, "argv", [str(ROOT / "train.py")])
    assert user_config() == UserConfig()


def test_the_file_that_is_shipped_changes_nothing(monkeypatch, tmp_path):
    """Neither as it is, nor with its lines in comments made valid."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "config.py").read_text(encoding="utf-8")
    for name in ("data_dir", "result_dir", "cache_dir"):
        assert f"\n# {name} = " in text
        text = text.replace(f"\n# {name} = ", f"\n{name} = ")
    Path("config.py").write_text(text, encoding="utf-8")
    assert user_config() == UserConfig()


def test_a_config_of_something_else_is_not_run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("config.py").write_text("raise SystemExit('deleted everything')\nDEBUG = True")
    assert user_config() == UserConfig()


@pytest.mark.parametrize(
    "text, problem",
    [
        ("preset = ", "SyntaxError"),
        ("preset = other", "NameError"),
        ("presets = []", "presets=[] must be dict"),
        ("data_dir = 5", "data_dir=5 must be str"),
    ],
)
@pytest.mark.parametrize("name", ["train", "metrics"])
def test_a_config_that_is_wrong_is_one_line(text, problem, name, call, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("config.py").write_text(text)
    status, output, errors = call(name, "--help")
    assert (status, output) == (1, "")
    assert errors.startswith("error: config.py") and problem in errors and errors.count("\n") == 1
