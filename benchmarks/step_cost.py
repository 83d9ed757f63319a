"""What a training step costs at each resolution, by its graphs: nothing is run or timed.

    python benchmarks/step_cost.py [--preset ffhq1024] [--resolutions 32 64 128 256 512 1024]

Arithmetic is that of convolutions and matrix products (`graph_flops.py`), with R1 at every update.
An all-reduce adds up the gradients of all weights once per update of G and of D, 4 bytes each.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tensorflow as tf
from step_comparison import make_ours

from msg_stylegan.interface import Interface
from msg_stylegan.options import changed
from msg_stylegan.presets import get_preset
from msg_stylegan.training.graph_flops import count_flops
from msg_stylegan.training.step_memory import batch_spec, memory_of_step

BATCH_SIZE = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="ffhq1024")
    parser.add_argument("--resolutions", type=int, nargs="+", default=[2**k for k in range(5, 11)])
    args = parser.parse_args()
    titles = (
        "resolution",
        "update of D, GFLOP per image",
        "update of G",
        "a step, TFLOP per image",
    )
    titles += ("all-reduce of D and G, MB", "read per image, MB", "memory of 4 images, GiB")
    print(f"| {' | '.join(titles)} |\n|{len(titles) * '---|'}")
    for resolution in args.resolutions:
        config = changed(get_preset(args.preset), {"schedule.batch_size": BATCH_SIZE})
        step = make_ours(config, resolution)
        data = [Interface(resolution, num_channels=3)]
        spec = batch_spec(BATCH_SIZE, data)
        flops = {
            name: count_flops(
                tf.function(update, autograph=False).get_concrete_function(spec).graph
            ).total()
            / BATCH_SIZE
            for name, update in step.replica_updates().items()
        }
        reduced = sum(v.shape.num_elements() for n in "DG" for v in step.nets.trainable(n)) * 4
        cells = (
            f"{resolution}x{resolution}",
            f"{flops['D'] / 1e9:.3g}",
            f"{flops['G'] / 1e9:.3g}",
            f"{sum(flops.values()) / 1e12:.3g}",
            f"{reduced / 1e6:.0f}",
            f"{3 * resolution**2 / 1e6:.3g}",
            f"{memory_of_step(step, data).total / 2**30:.2f}",
        )
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
