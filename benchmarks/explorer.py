"""How long the explorer takes from a moved control to a new picture, on the CPU.

    python benchmarks/explorer.py [--resolutions 32 256] [--repeats 20] [--threads 2]

For networks of the preset `digits` up to 32x32, and of `ffhq256` above, with random weights. What a
visitor waits for is computed as the server does it, without the way to the browser: the sample from
the controls, its picture at all scales as PNG files in HTML, its w, and its command line. The first
picture, which compiles, is told apart.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tensorflow as tf
from step_comparison import print_row

from msg_stylegan.commands import explore
from msg_stylegan.explorer.app import Page
from msg_stylegan.explorer.exhibit import Exhibit
from msg_stylegan.interface import Interface
from msg_stylegan.networks import build_networks, save_networks
from msg_stylegan.presets import get_preset

# The limits of an immediate response, in milliseconds.
LIMITS = {32: 300, 256: 1000}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resolutions", type=int, nargs="+", default=[32, 256])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    titles = ("network", "what moves", "median, ms", "slowest, ms", "limit, ms")
    print_row(titles, is_head=True)
    for resolution in args.resolutions:
        start = time.perf_counter()
        page = open_page(resolution)
        name = f"{resolution}x{resolution}"
        print_row(
            (name, "opened and compiled", f"{1000 * (time.perf_counter() - start):.0f}", "", "")
        )
        for what, change in changes(page).items():
            times = sorted(measure(page, change, number) for number in range(args.repeats + 1))
            # The first one may compile.
            cells = name, what, f"{statistics.median(times[:-1]):.0f}", f"{times[-2]:.0f}"
            print_row((*cells, str(LIMITS.get(resolution, ""))))


def open_page(resolution):
    """The page of untrained networks of this size."""
    config = get_preset("digits" if resolution <= 32 else "ffhq256")
    data = Interface(resolution, 1 if resolution <= 32 else 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.keras")
        save_networks(build_networks(config.generator, config.discriminator, data), path, {})
        return Page(Exhibit(explore.build_parser().parse_args([f"--network={path}"])))


def changes(page):
    """Name of a control to a function of a number that returns the values that it changes."""
    return {
        "seed": lambda i: {page.controls.seed: i},
        "psi": lambda i: {page.controls.psi: i / 50},
        "noise seed": lambda i: {page.controls.noise_mode: "random", page.controls.noise_seed: i},
        "a direction": lambda i: {page.controls.strengths[0]: i / 10},
        "mixed layers": lambda i: {page.controls.mix: True, page.controls.last_layer: i % 8},
    }


def measure(page, change, number):
    """Milliseconds of one answer."""
    values = {one: one.value for one in page.blocks.blocks.values() if hasattr(one, "value")}
    start = time.perf_counter()
    page._draw({**values, **change(number)})
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
