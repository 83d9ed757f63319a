"""How to make a data set that is not there is a command that dataset_tool.py knows."""

import shlex
import subprocess
from pathlib import Path

import pytest
from support.checkout import ROOT

from msg_stylegan.commands.dataset_tool import build_parser
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.how_to_make import how_to_make
from msg_stylegan.presets import PRESETS

OF_PRESETS = {preset.dataset.path: preset.dataset.path_b for preset in PRESETS.values()}


def parsed(path):
    program, command, *words = shlex.split(how_to_make(Path(path)))
    assert (program, command) == ("msg-stylegan", "dataset")
    return build_parser().parse_args(words)


@pytest.mark.parametrize("path", [path for path, path_b in OF_PRESETS.items() if not path_b])
def test_one_data_set_is_made_where_it_is_looked_for(path):
    assert parsed(f"/my data/{path}").out == f"/my data/{path}"


@pytest.mark.parametrize("paths", [pair for pair in OF_PRESETS.items() if pair[1]])
def test_a_pair_is_made_by_one_command(paths):
    args, args_b = (parsed(f"/my data/{path}") for path in paths)
    assert vars(args) == vars(args_b)
    assert args.out == f"/my data/{Path(paths[0]).parent}"


@pytest.mark.parametrize("path", ["datasets/digits", "datasets/emoji64"])
def test_the_demos_make_theirs_by_the_same_command(path):
    # Tests may run in a make of their own, and then this one would tell its folder.
    options = ["--dry-run", "--always-make", "--no-print-directory"]
    rule = ["make", *options, path, "FONT=NotoColorEmoji.ttf"]
    steps = subprocess.run(rule, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    *_, command = steps.splitlines()
    assert shlex.split(command)[2:] == shlex.split(how_to_make(Path(path)))[2:]


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("digits", "create_digits digits"),
        ("fashion_mnist", "create_fashion_mnist fashion_mnist FOLDER"),
        ("mine/a", "create_pair same_names mine FOLDER"),
        ("mnist2fashion/b", "create_pair mnist2fashion mnist2fashion FOLDER FOLDER"),
        ("digits2edge/b", "create_pair digits2edge digits2edge"),
        ("celeba_smiling/a", "create_pair celeba celeba_smiling FOLDER --attribute NAME"),
        ("mine", "create_from_images mine FOLDER"),
    ],
)
def test_known_names_have_commands_of_their_own(tmp_path, monkeypatch, path, command):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"no folder {path}. .* `msg-stylegan dataset {command}`"):
        TFRecordDataset(path)
