"""Memory of a training step as estimated, and as measured.

    python benchmarks/step_memory.py [--sizes digits,64 ffhq1024,1 ffhq1024,8,4] [--narrow 4]

Per size, a preset, the batch, and if given the images of a round: a process of its own makes the
networks and runs two steps on random images. What it takes at its peak, less what the same step
takes with networks of few channels, is what the tensors need: TensorFlow's own memory for the
same number of operations cancels out. Operations run one after the other, which is what the
estimate assumes, and then as many at a time as TensorFlow likes ("2 at once" on two cores).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

SIZES = ("digits,64", "cifar10,64", "ffhq256,4", "ffhq512,2", "ffhq1024,1")


def config_of(preset, batch_size, per_round):
    """A preset with other batches; ValueError if it cannot have these."""
    from msg_stylegan.options import changed, validate
    from msg_stylegan.presets import get_preset

    sizes = {"schedule.batch_size": batch_size, "schedule.batch_per_device": per_round}
    config = changed(get_preset(preset), sizes)
    validate(config)
    return config


def run_steps(preset, batch_size, per_round, channel_max):
    """Makes two steps in this process; prints what they took as JSON."""
    import tensorflow as tf
    from step_comparison import make_ours, random_reals, same_batch

    from msg_stylegan.interface import Interface
    from msg_stylegan.options import changed
    from msg_stylegan.training import devices
    from msg_stylegan.training.step_memory import memory_of_step

    devices.prepare_graph_optimizer()
    config = config_of(preset, batch_size, per_round)
    resolution = config.dataset.resolution or 32
    if channel_max:
        # The base is large enough for as many channels at every scale.
        widths = {"channel_base": channel_max * resolution, "channel_max": channel_max}
        changes = {f"{n}.{k}": v for n in ("generator", "discriminator") for k, v in widths.items()}
        further = ("z_dim", "w_dim", "mapping_width")
        config = changed(config, changes | {f"generator.{name}": channel_max for name in further})
    part = changed(
        config, {"schedule.batch_size": per_round or batch_size, "schedule.batch_per_device": 0}
    )
    data = [Interface(resolution, num_channels=3)]
    rounds = batch_size // (per_round or batch_size)
    memory = memory_of_step(make_ours(part, resolution), data, rounds)

    step = make_ours(config, resolution)
    batches = same_batch(random_reals(batch_size, resolution))
    for _ in range(2):
        start = time.perf_counter()
        step.run(batches, tf.constant(1))["D_updates"].numpy()
        seconds = time.perf_counter() - start
    updates = {name: sum(parts.values()) for name, parts in memory.updates.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"estimate": memory.total, "peak": peak, "seconds": seconds, **updates}))


def measured(size, threads=None, channel_max=0):
    """What `run_steps` prints for a size, in a new process."""
    environment = dict(os.environ)
    if threads:
        environment["TF_NUM_INTEROP_THREADS"] = str(threads)
    command = [sys.executable, __file__, "--run", *map(str, (*size, channel_max))]
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    if result.returncode:
        raise SystemExit(
            f"error: {command} ended with {result.returncode}\n{result.stderr[-2000:]}"
        )
    return json.loads(result.stdout.splitlines()[-1])


def parse_size(text):
    """Preset, batch and images of a round, 0 = all, of a text such as "ffhq1024,8,4"."""
    preset, batch, *per_round = text.split(",")
    return preset, int(batch), int(per_round[0]) if per_round else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=parse_size,
        default=[parse_size(text) for text in SIZES],
        metavar="SIZE",
        help="preset,batch[,images of a round]",
    )
    parser.add_argument("--narrow", type=int, default=4, help="channels of the networks to compare")
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        run_steps(args.run[0], *map(int, args.run[1:]))
        return
    from step_comparison import print_row

    try:
        for size in args.sizes:
            config_of(*size)
    except ValueError as error:
        parser.error(str(error))

    titles = ("preset", "batch", "at a time", "update of D", "of G", "estimate", "one at a time")
    titles += ("measured / estimate", "in parallel", "seconds a step")
    print_row(titles, is_head=True)
    for size in args.sizes:
        narrow, alone, parallel = (
            measured(size, 1, args.narrow),
            measured(size, 1),
            measured(size),
        )
        estimate = alone["estimate"]

        def needed(result, narrow=narrow):
            return result["peak"] - narrow["peak"] + narrow["estimate"]

        sizes = (alone["D"], alone["G"], estimate, needed(alone))
        row = (
            size[0],
            str(size[1]),
            str(size[2] or size[1]),
            *(f"{value / 2**30:.2f}" for value in sizes),
            f"{needed(alone) / estimate:.2f}",
            f"{needed(parallel) / 2**30:.2f}",
            f"{parallel['seconds']:.1f}",
        )
        print_row(row)


if __name__ == "__main__":
    main()
