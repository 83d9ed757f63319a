"""Kills a training again and again, and compares its end with that of one that was left alone.

Digits at 16x16 pixels. SIGKILL comes at random moments, half of them while something is being
written. After every kill all that was there must still be there, and every file must open. The
end must be that of the uninterrupted training in every bit: weights, optimizers, pictures and
statistics.

    python benchmarks/killed_training.py --kills 100
"""

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
_SMALL = {"channel_base": 64, "channel_max": 8}
_OPTIONS = {
    "dataset.path": "digits",
    "dataset.resolution": 16,
    "metrics.names": "none",
    "schedule.tick_kimg": 0.256,
    "schedule.network_snapshot_ticks": 2,
    "schedule.keep_snapshots": 0,
    "schedule.image_grid": "4x2",
    "hardware.steps_per_call": 4,
    **{f"{kind}.{k}": v for kind in ("generator", "discriminator") for k, v in _SMALL.items()},
}
# What is beside the file that is being written.
_UNFINISHED = (".*.tmp*", "*/.*.tmp*", "checkpoints/ckpt-new_temp")
# What depends on the time of day.
_CLOCKS = ("Timing/", "Resources/", "timestamp")


def build_parser():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100, metavar="N")
    parser.add_argument("--kimg", type=float, default=50.0, metavar="N", help="length (50)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="decides the moments (0)")
    return parser


def main(argv=None):
    args = build_parser().parse_args(argv)
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        _run(folder, "dataset_tool.py", "create_digits", "datasets/digits").wait()
        options = {**_OPTIONS, "schedule.total_kimg": args.kimg}
        start = [f"--config.{name}={value}" for name, value in options.items()]
        whole = _run_to_end(folder, "whole", start)
        killed, kills = folder / "killed", 0
        resume = ["--resume=1"]
        with tqdm(total=args.kills, unit="kill", disable=None) as bar:
            while kills < args.kills:
                started = killed.is_dir() and any(killed.glob("*-*/checkpoints/*.index"))
                process = _train(folder, "killed", resume if started else start)
                before = _wait(process, killed, rng)
                if process.poll() is not None:
                    break
                process.kill()
                process.wait()
                kills += 1
                bar.update()
                _check(killed, before)
        if kills < args.kills:
            print(f"The training ended after {kills} kills. Choose a larger --kimg.")
            return 1
        parts = _run_to_end(folder, "killed", resume)
        differences = _differences(whole, parts)
        count = sum(path.is_file() for path in parts.rglob("*"))
    print(f"{kills} kills, {count} files: {differences or 'the same in every bit'}")
    return 1 if differences else 0


def _run(folder, script, *arguments):
    return subprocess.Popen(
        [sys.executable, str(ROOT / script), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _train(folder, name, arguments):
    return _run(folder, "train.py", *arguments, f"--config.result_dir={name}")


def _run_to_end(folder, name, arguments):
    if _train(folder, name, arguments).wait():
        raise SystemExit(f"The training in {folder / name} failed.")
    return next((folder / name).glob("00001-*"))


def _wait(process, folder, rng):
    """Waits for a moment to kill; returns the files that were complete shortly before.

    Args:
        process: Training.
        folder: Folder of its run.
        rng: `random.Random`.
    """
    at_a_write = rng.random() < 0.5
    # Some of the moments lie before the first step of a session, when it reads what is there.
    deadline = time.monotonic() + (120.0 if at_a_write else rng.uniform(1.0, 30.0))
    begun, before = time.monotonic(), _complete(folder)
    patience = rng.uniform(0.0, 20.0)
    while process.poll() is None and time.monotonic() < deadline:
        if at_a_write and time.monotonic() - begun > patience and _is_writing(folder):
            time.sleep(rng.uniform(0.0, 0.03))
            break
        time.sleep(0.002 if at_a_write else 0.05)
    return before


def _is_writing(folder):
    return any(any(folder.glob(f"*/{pattern}")) for pattern in _UNFINISHED)


def _complete(folder):
    """Names of the snapshots and pictures of a run."""
    paths = (path for pattern in ("*.keras", "*.png") for path in folder.rglob(pattern))
    return {path for path in paths if not path.name.startswith(".")}


def _check(folder, before):
    """Whether all is still there, and everything opens."""
    missing = sorted(str(path) for path in before if not path.exists())
    if missing:
        raise SystemExit(f"lost: {missing}")
    for path in folder.rglob("*"):
        if path.name.startswith(".") or "_temp" in str(path) or not path.is_file():
            continue
        try:
            if path.suffix == ".png":
                with Image.open(path) as image:
                    image.load()
            elif path.suffix == ".keras":
                with zipfile.ZipFile(path) as archive:
                    assert archive.testzip() is None
            elif path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
        except Exception as error:
            raise SystemExit(f"{path} does not open: {error}") from error


def _differences(whole, parts):
    """Names of what differs between two finished runs."""
    import tensorflow as tf

    from msg_stylegan import load_networks

    found = []
    names = [{str(p.relative_to(run)) for p in _complete(run)} for run in (whole, parts)]
    found += sorted(names[0] ^ names[1])
    for name in sorted(names[0] & names[1]):
        a, b = whole / name, parts / name
        if name.endswith(".png"):
            same = a.read_bytes() == b.read_bytes()
        else:
            pairs = zip(load_networks(a).variables, load_networks(b).variables, strict=True)
            same = all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in pairs)
        if not same:
            found.append(name)
    readers = [tf.train.load_checkpoint(str(run / "checkpoints")) for run in (whole, parts)]
    for name in readers[0].get_variable_to_dtype_map():
        if any(word in name for word in ("OBJECT_GRAPH", "elapsed_sec", "save_counter")):
            continue
        if not np.array_equal(*(reader.get_tensor(name) for reader in readers)):
            found.append(f"checkpoint: {name}")
    lines = [
        [
            {k: v for k, v in json.loads(line).items() if not k.startswith(_CLOCKS)}
            for line in (run / "stats.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        for run in (whole, parts)
    ]
    for a, b in itertools.zip_longest(*lines, fillvalue={}):
        keys = sorted(key for key in a | b if a.get(key) != b.get(key))
        if keys:
            found.append(f"stats.jsonl at {a.get('Progress/kimg')} kimg: {keys}")
    return found


if __name__ == "__main__":
    sys.exit(main())
