"""The commands and links of the documentation are right."""

import functools
import importlib
import json
import re
import shlex

import pytest
from support.checkout import ROOT
from support.source_files import CONFIGURATION

from experiments.frame.command import build_parser as experiment_parser
from msg_stylegan import options, presets
from msg_stylegan.commands import (
    convert,
    dataset_tool,
    explore,
    export,
    generate,
    model_card,
    run_metrics,
    train_arguments,
    train_classifier,
)
from msg_stylegan.interface import Interface
from msg_stylegan.networks import build_networks, save_networks
from msg_stylegan.options import DiscriminatorOptions, GeneratorOptions
from msg_stylegan.training.run_directory import create_run_directory

PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
# All entrances but those that describe a run.
PROGRAMS = [path for path in ROOT.glob("*.py") if path.stem not in CONFIGURATION]


def commands(page):
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


ALL_COMMANDS = [(page.name, line) for page in PAGES for line in commands(page)]


# Program for a special purpose -> the page that has its commands; the others are in the README.
SPECIAL = {"train_classifier.py": "classifier.md"}


def test_every_program_has_its_commands():
    for program in ("make demo", *(path.name for path in PROGRAMS)):
        place = SPECIAL.get(program, "README.md")
        assert any(program in line for page, line in ALL_COMMANDS if page == place)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """Networks to start from."""
    path = tmp_path_factory.mktemp("networks") / "a.keras"
    narrow = {"channel_max": 8}
    generator = GeneratorOptions(mapping_layers=2, **narrow)
    nets = build_networks(generator, DiscriminatorOptions(**narrow), Interface(8, 3))
    save_networks(nets, path, {})
    return path.read_bytes()


@pytest.mark.parametrize("page, command", ALL_COMMANDS)
def test_commands_parse(page, command, tmp_path, monkeypatch, snapshot):
    monkeypatch.chdir(tmp_path)
    for number in (1, 3):
        run_dir = tmp_path / "results" / f"{number:05d}-digits-1gpu"
        create_run_directory(run_dir, options.to_dict(presets.get_preset("digits")))
        (run_dir / "network-snapshot-000000.keras").write_bytes(snapshot)
    for name in re.findall(r"--init_from=(\S+\.\w+)", command):
        (tmp_path / name).write_bytes(snapshot)
    program, *arguments = shlex.split(command)
    if program == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
        assert set(arguments) <= set(targets)
        return
    assert program == "python"
    script, *arguments = arguments
    if script == "-m":
        module = importlib.import_module(arguments[0])
        build_parser = (
            functools.partial(experiment_parser, module.EXPERIMENT)
            if hasattr(module, "EXPERIMENT")
            else module.build_parser
        )
        build_parser().parse_args(arguments[1:])
        return
    assert (ROOT / script).is_file()
    if script == "train.py":
        train_arguments.parse_command_line(arguments)
    elif script.startswith("benchmarks/"):
        # They have parsers of their own; that they run is not a matter of documentation.
        return
    else:
        parsers = {
            "convert.py": convert.build_parser,
            "dataset_tool.py": dataset_tool.build_parser,
            "run_metrics.py": run_metrics.build_parser,
            "generate.py": generate.build_parser,
            "explore.py": explore.build_parser,
            "export.py": export.build_parser,
            "model_card.py": model_card.build_parser,
            "train_classifier.py": train_classifier.build_parser,
        }
        parsers[script]().parse_args(arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


def test_every_picture_has_a_page():
    for name in generate.COMMANDS:
        page = ROOT / "docs" / "generate" / f"{name}.md"
        assert f"python generate.py {name} " in commands(page)[0] + " "
        assert f"(generate/{name}.md)" in (ROOT / "docs" / "generate.md").read_text()


def test_every_experiment_has_its_command_on_the_page():
    text = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    for path in (ROOT / "experiments").glob("[!_]*.py"):
        assert f"python -m experiments.{path.stem}" in text


def test_presets_of_the_readme_are_the_presets():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Presets")[2].partition("\n## ")[0]
    named = {
        name for row in table.splitlines() if "|" in row for name in re.findall("`(.+?)`", row)
    }
    assert named == set(presets.PRESETS)


def test_python_example_of_the_readme(tmp_path, monkeypatch):
    from support.tiny_run import make_run

    run_dir = make_run(tmp_path / "results", tmp_path)
    run_dir.rename(run_dir.with_name("00001-digits-1gpu"))
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S | re.M
    )
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert [image.shape[1] for image in names["images"]] == [4, 8, 16]
    assert names["logits"].shape == (4, 1)
    assert names["w"].shape == (4, names["nets"].G.w_dim)


def test_stored_options_are_plain_json():
    for name in presets.PRESETS:
        stored = json.dumps(options.to_dict(presets.get_preset(name)))
        assert options.from_dict(json.loads(stored)) == presets.get_preset(name)
