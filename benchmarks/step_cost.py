"""What a training step costs at each resolution, by its graphs: nothing is run or timed.

    python benchmarks/step_cost.py [--preset ffhq1024] [--resolutions 32 64 128 256 512 1024]
        [--batch_sizes 4] [--precision float32]

Arithmetic is that of convolutions and matrix products (`graph_flops.py`), with R1 at every update.
An all-reduce adds up the gradients of all weights once per update of G and of D, 4 bytes each.
"""

import argparse
import math
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from step_comparison import make_ours, print_row

from msg_stylegan.interface import Interface
from msg_stylegan.networks import reduced_precision
from msg_stylegan.options import changed
from msg_stylegan.presets import get_preset
from msg_stylegan.training.graph_flops import count_flops
from msg_stylegan.training.step_memory import memory_of_step, update_graphs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="ffhq1024")
    parser.add_argument("--resolutions", type=int, nargs="+", default=[2**k for k in range(5, 11)])
    parser.add_argument("--batch_sizes", type=int, nargs="+", default=[4], help="images at a time")
    parser.add_argument("--precision", default="float32")
    args = parser.parse_args()
    # The figures are for cards, also where there is none: a CPU makes copies that they do not need.
    reduced_precision.has_accelerator = lambda: True
    titles = (
        "resolution",
        "update of D, GFLOP per image",
        "update of G",
        "a step, TFLOP per image",
    )
    titles += ("all-reduce of D and G, MB", "read per image, MB")
    titles += tuple(f"memory of {size}, GiB" for size in args.batch_sizes)
    print_row(titles, is_head=True)
    for resolution in args.resolutions:
        data = [Interface(resolution, num_channels=3)]
        steps = [make_step(args, resolution, size) for size in args.batch_sizes]
        graphs = [update_graphs(step, data) for step in steps]
        flops = {
            name: count_flops(graph).total() / steps[0].batch_size
            for name, graph in graphs[0].items()
        }
        reduced = sum(math.prod(v.shape) for n in "DG" for v in steps[0].nets.trainable(n)) * 4
        cells = (
            f"{resolution}x{resolution}",
            f"{flops['D'] / 1e9:.3g}",
            f"{flops['G'] / 1e9:.3g}",
            f"{sum(flops.values()) / 1e12:.3g}",
            f"{reduced / 1e6:.0f}",
            f"{3 * resolution**2 / 1e6:.3g}",
            *(
                f"{memory_of_step(step, data, graphs=of_step).total / 2**30:.2f}"
                for step, of_step in zip(steps, graphs, strict=True)
            ),
        )
        print_row(cells)


def make_step(args, resolution, batch_size):
    config = changed(
        get_preset(args.preset),
        {"schedule.batch_size": batch_size, "hardware.precision": args.precision},
    )
    return make_ours(config, resolution)


if __name__ == "__main__":
    main()
