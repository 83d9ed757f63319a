"""A `~` that the shell leaves alone: behind `--option=`, in config.py and in the environment."""

import argparse
import json
from pathlib import Path

import pytest

from msg_stylegan import options, presets
from msg_stylegan.command_line import expand_home, run_command
from msg_stylegan.commands import train_arguments
from msg_stylegan.commands.user_config import user_config


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_texts_paths_and_lists(home):
    assert expand_home("~") == str(home)
    assert expand_home("~/a b/[c]") == f"{home}/a b/[c]"
    assert expand_home(Path("~/a")) == home / "a"
    assert expand_home(["~/a", "b"]) == [f"{home}/a", "b"]
    assert expand_home("~root/a") == "/root/a"


@pytest.mark.parametrize(
    "value",
    ["a", "./~", "a/~/b", "gs://bucket//~/a", "~$report", "~nobody-of-this-name/a", 3, None],
)
def test_everything_else_stays(value):
    assert expand_home(value) == value
    assert type(expand_home(value)) is type(value)


def test_all_arguments_of_a_command(home):
    def build_parser():
        parser = argparse.ArgumentParser()
        parser.add_argument("out")
        parser.add_argument("--sheet", type=Path)
        parser.add_argument("--target", nargs="+")
        # As from config.py, for an option and beside them.
        parser.add_argument("--result_dir", default="~/results")
        parser.set_defaults(cache_dir="~/cache", run=len)
        return parser

    seen = {}
    argv = ["~/out", "--sheet=~/sheet.png", "--target", "~/a", "b"]
    assert (
        run_command(build_parser, lambda args: seen.update(vars(args)), argv, interrupted="") == 0
    )
    assert seen == {
        "out": f"{home}/out",
        "sheet": home / "sheet.png",
        "target": [f"{home}/a", "b"],
        "result_dir": f"{home}/results",
        "cache_dir": f"{home}/cache",
        "run": len,
    }


PATHS = [
    "data_dir",
    "result_dir",
    "cache_dir",
    "dataset.path",
    "metrics.inception_weights",
    "metrics.vgg16_weights",
    "metrics.lpips_weights",
    "metrics.efficientnet_weights",
]


@pytest.mark.parametrize("name", PATHS)
def test_options_of_a_training(home, name):
    for argv in ([f"--config.{name}=~/x"], [f"--config.{name}", "~/x"]):
        config = train_arguments.parse_command_line(["--config=digits", *argv]).config
        assert options.option_values(config)[name] == f"{home}/x"


def test_presets_and_names_in_config(home, monkeypatch):
    monkeypatch.chdir(home)
    text = (
        """presets = {"mine": ("digits", {"dataset.path": "~/digits"})}\ncache_dir = "~/cache" """
    )
    (home / "config.py").write_text(text)
    monkeypatch.setenv("SM_CHANNEL_TRAINING", "~/data")
    mine = presets.preset_of(user_config(), "mine")
    assert mine.dataset.path == f"{home}/digits"
    assert (mine.data_dir, mine.cache_dir) == (f"{home}/data", f"{home}/cache")


def test_a_resumed_run(home, tmp_path):
    """It is found in the home folder, and what it has stored stays as it is."""
    run_dir = home / "runs" / "00001-digits-1gpu"
    run_dir.mkdir(parents=True)
    stored = options.changed(presets.get_preset("digits"), {"data_dir": "~/as it was"})
    text = json.dumps(options.to_dict(stored))
    (run_dir / "training_options.json").write_text(text, encoding="utf-8")
    for argv in (
        ["--resume=latest", "--config.result_dir=~/runs"],
        [f"--resume=~/runs/{run_dir.name}"],
    ):
        arguments = train_arguments.parse_command_line([*argv, "--config.cache_dir=~/cache"])
        assert arguments.run_dir == run_dir
        assert arguments.config.data_dir == "~/as it was"
        assert arguments.config.cache_dir == f"{home}/cache"
