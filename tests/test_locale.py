"""Names of files are stored in the same bytes, whatever the locale is."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from support.checkout import ROOT

# Without Python's UTF-8 mode, which it would turn on by itself.
WITHOUT_LETTERS = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def call(folder, program, *arguments, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, f"{ROOT}/{program}", *map(os.fsencode, arguments)],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
    )


@pytest.fixture
def pictures(tmp_path):
    """Folders whose names are not ASCII, and one whose name is not even UTF-8."""
    for label, name in enumerate([b"\xc3\xa9", "漢".encode(), b"z", b"\xff"]):
        folder = os.fsencode(tmp_path) + b"/pics/" + name
        os.makedirs(folder)  # noqa: PTH103
        for i in range(4):
            values = np.random.default_rng((label, i)).integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(values).save(os.fsdecode(folder + f"/süß{i}.png".encode()))
    (tmp_path / "pics" / "é" / "broken.png").write_bytes(b"nothing")
    (tmp_path / "pics" / "é" / "same.png").write_bytes(
        (tmp_path / "pics" / "é" / "süß1.png").read_bytes()
    )
    return tmp_path


def test_a_data_set_is_the_same_in_every_locale(pictures):
    arguments = ("create_from_images", "schön", "pics", "--labels=folders", "--workers=2")
    contents = []
    for place, environment in (("here", {"PYTHONUTF8": "1"}), ("there", WITHOUT_LETTERS)):
        folder = pictures / place
        folder.mkdir()
        (folder / "pics").symlink_to(pictures / "pics")
        done = call(folder, "dataset_tool.py", *arguments, **environment)
        assert done.returncode == 0, done.stderr
        files = sorted((folder / "schön").iterdir())
        contents.append({file.name: file.read_bytes() for file in files})
        for other in ({"PYTHONUTF8": "1"}, WITHOUT_LETTERS):
            checked = call(folder, "dataset_tool.py", "verify", "schön", **other)
            assert checked.returncode == 0, checked.stderr
    assert contents[0] == contents[1]
    assert {"skipped.txt", "duplicates.txt", "schön-r03.tfrecords"} < set(contents[0])
    # The terminal still gets what it can show.
    assert done.stdout.isascii()
    assert b"sch\\xf6n" in done.stdout


def test_a_training_finds_its_data(pictures):
    done = call(
        pictures,
        "train.py",
        "--config=digits",
        "--config.dataset.path=süß",
        "--dry_run",
        **WITHOUT_LETTERS,
    )
    assert done.returncode == 1
    assert b"s\\xfc\\xdf" in done.stderr
    assert b"Traceback" not in done.stderr
