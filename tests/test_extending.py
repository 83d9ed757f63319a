"""The recipes of docs/extending.md, as they stand there, used from the command line."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from support.checkout import ROOT
from support.tiny_run import make_run

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
# What makes a training short.
SMALL = [
    *("--config.dataset.resolution=0", "--config.metrics.names=none"),
    *("--config.schedule.total_kimg=0.016", "--config.schedule.tick_kimg=0.016"),
    *("--config.schedule.network_snapshot_ticks=1", "--config.schedule.batch_size=8"),
    *(f"--config.{group}.channel_base=32" for group in ("generator", "discriminator")),
    *(f"--config.generator.{name}=8" for name in ("z_dim", "w_dim", "mapping_width")),
]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def new_files(text):
    """Name and content of every file that the text shows whole."""
    return dict(re.findall(r"^`(\w+\.py)`:\n\n```python\n(.*?)^```", text, re.M | re.S))


def changes(text):
    """Triples of a file, lines of it, and what replaces them."""
    for path, lines in re.findall(r"^```diff\n(\S+)\n(.*?)^```", text, re.M | re.S):
        old = re.sub(r"^\+.*\n", "", lines, flags=re.M)
        new = re.sub(r"^-.*\n", "", lines, flags=re.M)
        yield path, *(re.sub("^.", "", side, flags=re.M) for side in (old, new))


def run(folder, section, *more):
    """Runs the command of a section in a folder with the files of the page; returns its output."""
    command = re.search(r"^```shell\nmsg-stylegan (.*?)\n```", SECTIONS[section], re.M | re.S)[1]
    return run_command(folder, *shlex.split(command), *more).stdout


def run_command(folder, *arguments, expected=0):
    """Runs `msg-stylegan` with the package of the folder, if it holds a changed one."""
    entrance = "import sys; from msg_stylegan.commands.entrance import main; sys.exit(main())"
    package = folder / "package" if (folder / "package").exists() else ROOT
    done = subprocess.run(
        [sys.executable, "-c", entrance, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(package), "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with all files of the page, as a user has it, and a data set."""
    folder = tmp_path_factory.mktemp("mine")
    for name, content in new_files(PAGE).items():
        (folder / name).write_text(content, encoding="utf-8")
    images = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 1), np.uint8)
    np.save(folder / "crops.npy", images)
    run(folder, "A source of images", "--workers=1")
    return folder


def options_of_newest_run(folder):
    newest = max((folder / "results").iterdir())
    return newest, json.loads((newest / "training_options.json").read_text(encoding="utf-8"))


def test_a_recipe_touches_as_few_files_as_it_says():
    for section, text in SECTIONS.items():
        in_package = [path for path, old, _ in changes(text) if read(path).count(old) == 1]
        of_network = section == "An option of the discriminator"
        assert len(set(in_package)) == len(list(changes(text))) == 2 * of_network
        assert len(new_files(text)) <= 1 - of_network


def test_a_source(folder):
    from msg_stylegan.data.dataset import TFRecordDataset

    dataset = TFRecordDataset(folder / "datasets" / "crops")
    images = np.load(folder / "crops.npy")
    np.testing.assert_array_equal(dataset.read_images(np.arange(32)), images)
    help_text = run_command(folder, "dataset", "create_npy", "--help").stdout
    assert "images in a NumPy file" in " ".join(help_text.split())


def test_a_preset(folder):
    assert '"r1_gamma": 1.0' in run(folder, "A preset", *SMALL)


def test_a_wrong_value_of_an_added_option_is_refused(folder):
    arguments = ("train", "--config=crops", "--config.loss.name=margin_hinge")
    message = run_command(folder, *arguments, "--config.loss.margin=0", expected=1).stderr
    assert "loss.margin=0.0: must be greater than 0" in message


def test_an_extension_that_fails_is_named(tmp_path):
    (tmp_path / "config.py").write_text('extensions = ["broken"]\n')
    for text in ("1 / 0\n", None):
        if text is None:
            (tmp_path / "broken.py").unlink()
        else:
            (tmp_path / "broken.py").write_text(text)
        message = run_command(tmp_path, "train", "--help", expected=1).stderr
        assert "config.py" in message and "'broken'" in message and len(message.splitlines()) == 1


@pytest.mark.slow
def test_a_loss_and_a_metric(folder):
    run(folder, "A loss", *SMALL)
    run_dir, options = options_of_newest_run(folder)
    assert options["loss"]["name"] == "margin_hinge"
    assert options["loss"]["margin"] == 0.5
    run(folder, "A metric")
    (line, *_) = (run_dir / "metric-brightness500.jsonl").read_text().splitlines()
    assert 0.0 <= json.loads(line)["results"]["brightness500"] <= 255.0


@pytest.mark.slow
def test_an_augmentation(folder):
    run(folder, "An augmentation", *SMALL, "--config.augment.probability=0.5")
    run_dir, options = options_of_newest_run(folder)
    assert options["augment"]["groups"] == ["blit", "solarize"]
    stats = (run_dir / "stats.jsonl").read_text().splitlines()
    assert json.loads(stats[-1])["Loss/augment/probability"] > 0


@pytest.mark.slow
def test_an_option_of_the_discriminator(folder, tmp_path):
    section = "An option of the discriminator"
    mine = tmp_path / "mine"
    shutil.copytree(folder, mine, ignore=shutil.ignore_patterns("results"))
    for part in ("msg_stylegan", "metrics"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, mine / "package" / part, ignore=ignored)
    for path, old, new in changes(SECTIONS[section]):
        (mine / "package" / path).write_text(read(path).replace(old, new), encoding="utf-8")
    run(mine, section, *SMALL)
    run_dir, options = options_of_newest_run(mine)
    assert options["discriminator"]["mbstd_strength"] == 2.0
    snapshot = run_dir / "network-snapshot-000000.keras"
    assert b'"mbstd_strength": 2.0' in content(snapshot)

    # A snapshot of before has the default.
    older = make_run(tmp_path, tmp_path, snapshots=(0,)) / snapshot.name
    assert b"mbstd_strength" not in content(older)
    run_command(mine, "convert", str(older), "converted.keras")
    assert b'"mbstd_strength": 1.0' in content(mine / "converted.keras")


def content(archive):
    """All that is in a zip archive."""
    with zipfile.ZipFile(archive) as opened:
        return b"".join(opened.read(name) for name in opened.namelist())
