"""Sources for tests of conversion, and one conversion as a program that tests can kill.

Run as `python conversion_probe.py run|kill_everywhere OUT JSON_OF_OPTIONS`.
"""

import dataclasses
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from msg_stylegan.data import conversion, parts
from msg_stylegan.data.decoding.remarks import SkippedImageError

NUM_CLASSES = 3


@dataclasses.dataclass(frozen=True)
class NoiseSource:
    """Random images; every 7th is the same as the one before, every 11th cannot be read."""

    num_images: int = 90
    resolution: int = 16
    channels: int = 3
    # Seconds per image, so that there is time to be killed.
    delay: float = 0.0
    # Every how many images there is a broken one, and a copy; 0 = none.
    broken_every: int = 11
    copy_every: int = 7

    @property
    def class_names(self):
        return ["ant", "bee", "cow"]

    @property
    def labels(self):
        return np.eye(NUM_CLASSES, dtype=np.float32)[np.arange(self.num_images) % NUM_CLASSES]

    @property
    def description(self):
        return {"kind": "noise", "num_images": self.num_images}

    def name(self, index):
        return f"noise/{index}"

    def read(self, index):
        time.sleep(self.delay)
        if self.is_broken(index):
            raise SkippedImageError(f"no luck\nwith {index}")
        return self.pixels(index)

    def is_broken(self, index):
        return self.broken_every > 0 and index % self.broken_every == self.broken_every - 1

    def pixels(self, index):
        copied = self.copy_every > 0 and index > 0 and index % self.copy_every == 0
        shape = (self.resolution, self.resolution, self.channels)
        return np.random.default_rng(index - copied).integers(0, 256, shape, np.uint8)


def run(out, *, images_per_part=8, seed=0, source=None, **options):
    """Converts noise in small parts; returns the manifest."""
    # What the parent decides is stored in the plan, so that workers need not know.
    parts._PART_IMAGES = images_per_part
    source = NoiseSource(**(source or {}))
    order = np.random.RandomState(seed).permutation(source.num_images)
    return conversion.convert(source, out, order=order, command={"seed": seed}, **options)


def contents(folder):
    """Everything in a folder: relative path -> bytes."""
    folder = Path(folder)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def kill_at_file_event(number, folder):
    """Ends this process by SIGKILL at its n-th operation on files below a folder."""
    count = 0
    watched = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}

    def hook(event, arguments):
        nonlocal count
        if event in watched and str(arguments[0]).startswith(str(folder)):
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def in_child(function):
    """Runs a function in a forked process; returns whether it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            function()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("The conversion failed.")
    return os.WIFEXITED(status)


def kill_everywhere(folder, options):
    """Kills a conversion at each of its operations on files, continues it, compares the bytes."""
    folder = Path(folder)
    run(folder / "whole" / "noise", **options)
    expected = contents(folder / "whole" / "noise")
    number = 0
    finished = False
    while not finished:
        number += 1
        out = folder / f"killed{number}" / "noise"

        def killed(number=number, out=out):
            kill_at_file_event(number, out.parent)
            run(out, **options)

        finished = in_child(killed)
        # At the very end, only the empty work folder can be left.
        partial = out.with_name(".noise.partial")
        if not out.exists() or (partial / "plan.json").exists():
            in_child(lambda out=out: run(out, **options))
            if partial.exists():
                raise RuntimeError(f"Killed at operation {number}, the work folder is left.")
        if contents(out) != expected:
            raise RuntimeError(f"Killed at operation {number}, the result is another one.")
    print(number)


if __name__ == "__main__":
    arguments = json.loads(sys.argv[3])
    if sys.argv[1] == "kill_everywhere":
        kill_everywhere(sys.argv[2], arguments)
    else:
        limit = arguments.pop("max_file_bytes", None)
        if limit:
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        run(sys.argv[2], **arguments)
