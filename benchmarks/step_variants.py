"""Speed of our training step with other options: variants of one size, timed in turn."""

import argparse
import statistics
import time

import tensorflow as tf
from step_comparison import make_ours, print_row, random_reals, same_batch, seconds_per_call
from tensorflow import keras
from train_step import Size, make_config

from msg_stylegan.options import changed
from msg_stylegan.training import devices


def make_call(size, options, steps):
    """A function that makes some steps on the same batch."""
    keras.utils.set_random_seed(0)
    step = make_ours(changed(make_config(size), options), size.resolution)
    batches = same_batch(random_reals(size.batch_size, size.resolution))
    return lambda: step.run(batches, tf.constant(steps))


def compare_variants(description, variants):
    """Prints a table in Markdown with a row for each size and variant.

    Args:
        description: What `--help` says.
        variants: Dictionary of names to options that differ from the default configuration. All
            are compared with the first of those that the command line chooses.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=lambda text: Size(*map(int, text.split(","))),
        default=[Size(64, 512, 64, 16)],
        help=",".join(Size._fields),
    )
    parser.add_argument("--variants", nargs="+", choices=variants, default=list(variants))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="steps per measurement")
    args = parser.parse_args()

    devices.prepare_graph_optimizer()
    names = ", ".join(device.name for device in tf.config.list_logical_devices())
    print(f"TensorFlow {tf.__version__} on {names}\n")
    titles = (", ".join(Size._fields), "variant", "first call, s", "img/s", "ratio (min-max)")
    print_row(titles, is_head=True)
    for size in args.sizes:
        calls, first = {}, {}
        for variant in args.variants:
            calls[variant] = make_call(size, variants[variant], args.steps)
            start = time.perf_counter()
            seconds_per_call(calls[variant], 1)
            first[variant] = time.perf_counter() - start
        rounds = [
            {name: seconds_per_call(call, 1) / args.steps for name, call in calls.items()}
            for _ in range(args.rounds)
        ]
        for variant in args.variants:
            seconds = statistics.median(times[variant] for times in rounds)
            ratios = [times[args.variants[0]] / times[variant] for times in rounds]
            cells = (
                ", ".join(map(str, size)),
                variant,
                f"{first[variant]:.0f}",
                f"{size.batch_size / seconds:.1f}",
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
            )
            print_row(cells)
