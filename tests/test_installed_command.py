"""The wheel: `msg-stylegan` in a folder of its own, without the checkout."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from support.checkout import ROOT
from support.source_files import PACKAGES

pytestmark = pytest.mark.slow

TINY = (
    *("--config=digits", "--config.generator.channel_max=8", "--config.generator.channel_base=64"),
    *("--config.discriminator.channel_max=8", "--config.discriminator.channel_base=64"),
    *("--config.schedule.batch_size=4", "--config.discriminator.mbstd_group_size=4"),
    *("--config.schedule.total_kimg=0.016", "--config.schedule.tick_kimg=0.016"),
    *("--config.schedule.image_grid=4x2", "--config.metrics.names=swd20"),
)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The command in a new environment with the wheel, and with the packages of this one."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    # TensorFlow needs setuptools, so it is here; a build in isolation would have to download it.
    build = ["--no-build-isolation", "--no-deps", f"--wheel-dir={folder}"]
    source = folder / "source"
    # A build leaves its files beside the source.
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "LICENSE_ORIGINAL.txt"):
        shutil.copy(ROOT / name, source)
    subprocess.run([*pip, "wheel", *build, str(source)], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    install = ["install", "--no-index", "--no-deps", str(wheel)]
    subprocess.run([*pip, f"--python={python}", *install], check=True, capture_output=True)
    # Only now, or pip would take the package of this environment for the one to install.
    own = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
    places = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    Path(own, "packages.pth").write_text("\n".join(places))
    return python.with_name("msg-stylegan")


def call(program, folder, *arguments, status=0):
    """Runs the command; returns what it printed."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [program, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr
    # Neither a fault nor what TensorFlow says on a machine without a GPU.
    assert not re.search("Traceback|oneDNN|cuInit|absl|cuda", done.stderr)
    return done.stdout + done.stderr


def test_the_wheel_has_every_file_of_the_packages(program):
    (installed,) = program.parents[1].glob("lib/*/site-packages")
    files = [path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file()]
    for path in files:
        if "__pycache__" not in path.parts:
            assert (installed / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


def test_the_demo_without_a_checkout(program, tmp_path):
    program_folder = call(
        program.with_name("python"), tmp_path, "-c", "import metrics; print(metrics)"
    )
    assert str(program.parents[1]) in program_folder
    what_to_do = call(program, tmp_path, "train", status=1)
    (command,) = re.findall("Make the data set by `msg-stylegan (.*)`", what_to_do)
    call(program, tmp_path, *command.split())
    call(program, tmp_path, "train", *TINY)
    scores = call(program, tmp_path, "metrics", "--run", "latest", "--all", "--metrics", "swd30")
    assert "swd30" in scores
    drawn = ("multiscale", "--network", "latest", "--seeds", "0-3", "--outdir", "out")
    call(program, tmp_path, "generate", *drawn)
    (run_dir,) = (tmp_path / "results").iterdir()
    assert (run_dir / "metric-swd20.jsonl").is_file()
    assert list((tmp_path / "out").iterdir())
    assert {p.name for p in tmp_path.iterdir()} == {"datasets", "results", "cache", "out"}


def test_a_config_in_the_current_folder_is_read(program, tmp_path):
    (tmp_path / "config.py").write_text('data_dir = "~/mine"\npresets = {"own": ("digits", {})}')
    text = call(program, tmp_path, "train", "--help")
    assert f"--config.data_dir={Path('~/mine').expanduser()}" in text and "own." in text
    assert "usage: msg-stylegan train [--config=PRESET]" in text
