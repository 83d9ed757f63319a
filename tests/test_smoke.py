"""The programs as a user runs them, from a folder of images to a score, with an interruption."""

import json
import re
import signal

import numpy as np
import pytest
from PIL import Image
from support.new_process import run_program, start_program, wait_for

from msg_stylegan.commands import train
from msg_stylegan.files import read_json_lines
from msg_stylegan.image_counts import SNAPSHOTS

OPTIONS = [
    "--config=digits",
    "--config.dataset.path=mine",
    "--config.dataset.resolution=0",
    "--config.generator.channel_base=64",
    "--config.generator.channel_max=8",
    "--config.discriminator.channel_base=64",
    "--config.discriminator.channel_max=8",
    "--config.schedule.batch_size=8",
    "--config.schedule.tick_kimg=0.016",
    "--config.schedule.image_grid=4x2",
    "--config.metrics.names=swd20",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Working directory with a data set made from RGB images of 16x16 pixels."""
    folder = tmp_path_factory.mktemp("smoke")
    rng = np.random.default_rng(0)
    for index in range(24):
        picture = Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8))
        path = folder / "pictures" / f"{index % 3}" / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    words = ("create_from_images", "datasets/mine", "pictures", "--resize", "4")
    run_program(folder, "dataset_tool.py", *words)
    return folder


def test_train_interrupt_resume_score_and_draw(folder):
    # A training without end is stopped by a signal after its second tick, and saves everything.
    process = start_program(folder, "train.py", *OPTIONS)
    (run_dir,) = wait_for(process, lambda: list((folder / "results").glob("00001-digits-1gpu")))
    wait_for(process, lambda: len(read_json_lines(run_dir / "stats.jsonl")) >= 2)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors[-3000:]
    last = r"Stopped by SIGTERM at ([\d.]+) kimg\. Everything is saved\.\nContinue by (\S+)\.\n$"
    stopped_at, resume = re.search(last, output).groups()

    # It goes on from there in the same folder, with its own options and the one that is given.
    total = float(stopped_at) + 0.032
    run_program(folder, "train.py", resume, f"--config.schedule.total_kimg={total}")
    assert [path.name for path in (folder / "results").iterdir()] == [run_dir.name]
    kimg = [line["Progress/kimg"] for line in read_json_lines(run_dir / "stats.jsonl")]
    assert kimg == sorted(set(kimg)) and kimg[-1] == pytest.approx(total)
    assert len(read_json_lines(run_dir / "metric-swd20.jsonl")) == 2
    assert "Finished" in (run_dir / "log.txt").read_text(encoding="utf-8")

    output, _ = run_program(folder, "run_metrics.py", "--network", "latest", "--metrics", "swd20")
    assert SNAPSHOTS.name(total) in output
    words = ("--network", "1", "--seeds", "1,4-5", "--outdir", "out")
    run_program(folder, "generate.py", "images", *words)
    drawn = sorted(path.name for path in (folder / "out").iterdir())
    assert drawn == [f"seed000{seed}.png" for seed in (1, 4, 5)]

    # Other networks cannot continue it; the difference is named.
    _, errors = run_program(
        folder, "train.py", "--resume=1", "--config.generator.channel_max=4", status=1
    )
    assert "generator.channel_max: 8 in the run, 4 now" in errors
    assert "Traceback" not in errors


def test_dry_run_tells_everything_and_writes_nothing(folder):
    before = sorted(folder.rglob("*"))
    output, _ = run_program(folder, "train.py", *OPTIONS, "--dry_run")
    assert sorted(folder.rglob("*")) == before
    text, _, facts = output.partition("\n}\n")
    assert json.loads(text + "\n}")["dataset"]["path"] == "mine"
    assert "24 images, 16x16x3, no labels" in facts
    assert re.search(r"Generator: +[\d,]+ parameters", facts)
    assert re.search(r"Discriminator: +[\d,]+ parameters", facts)
    assert re.search(r"Memory of a step: +[\d.]+ MiB on each device, estimated for 8 images", facts)
    assert re.search(r"Run directory: results.0000\d-digits-1gpu", facts)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--config.dataset.path=nothing"], "dataset.path"),
        (["--config.dataset.resolution=32"], "dataset.resolution"),
        (["--config.dataset.max_label_size=3"], "dataset.max_label_size"),
        (["--config.metrics.names=fud50k"], "fud50k"),
        (["--config.hardware.num_gpus=99"], "hardware.num_gpus"),
        (["--config.optimizer.name=tfa.RectifiedSpam"], "optimizer.name"),
    ],
)
def test_wrong_input_is_one_clear_error(folder, arguments, message, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert train.main([*OPTIONS, *arguments, "--dry_run"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and message in line
