"""Our training step beside another implementation: is it the same function, and how fast is it?

Rounding decides on which side of the kink of the leaky ReLU an activation near 0 falls. That
changes the penalty and the gradients of this one sample and says nothing about either
implementation, see docs/benchmarks.md. Therefore several small batches are compared. What two
formulas do differently shows in all of them, a kink only in its own, so that the smallest
difference is the one that counts.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import tensorflow as tf

from msg_stylegan.interface import Interface
from msg_stylegan.training import devices
from msg_stylegan.training.architecture import make_networks
from msg_stylegan.training.loss_scale import LossScales
from msg_stylegan.training.path_lengths import PathLengthMean
from msg_stylegan.training.step import TrainStep
from msg_stylegan.training.training_state import make_optimizers

# Batches to compare; of a whole group of the minibatch standard deviation.
NUM_BATCHES, BATCH_SIZE = 8, 4
LOSS_TOLERANCE, GRADIENT_TOLERANCE = 1e-5, 1e-3


def make_ours(config, resolution, **options):
    """Networks, optimizers and step of a `Config`, as `train` makes them on one device.

    Args:
        config: A `Config`.
        resolution: Side of the images, in pixels.
        **options: Further arguments of `TrainStep`.
    """
    nets = make_networks(config, [Interface(resolution, num_channels=3)])
    cur_nimg = tf.Variable(0, dtype=tf.int64, trainable=False)
    return TrainStep(
        nets,
        *make_optimizers(config, nets, cur_nimg),
        cur_nimg,
        strategy=tf.distribute.get_strategy(),
        loss=config.loss,
        schedule=config.schedule,
        path_means=[PathLengthMean()],
        loss_scales=LossScales() if config.hardware.precision == "mixed_float16" else None,
        xla=config.hardware.xla,
        **options,
    )


def move_weights(tables, scale):
    """Adds noise to all variables, so that those count that start at zero.

    A positive constant input, too, makes the gradient of its bias vanish.

    Args:
        tables: For "D" and "G", from `legacy.original_variables` or `legacy.bmsg_variables`.
        scale: Standard deviation of the noise.
    """
    for table in tables.values():
        rng = np.random.RandomState(0)
        for variable, _ in table.values():
            variable.assign_add(scale * rng.randn(*variable.shape).astype(np.float32))


def least_differences(ours, tables, theirs):
    """Smallest differences over the batches.

    Args:
        ours: `TrainStep` for batches of `BATCH_SIZE`.
        tables: As for `move_weights`, by the names that `theirs` uses.
        theirs: Function of reals, uint8 `[BATCH_SIZE, r, r, 3]`, and z. Returns for "D" and "G" a
            tuple of the loss and a dict of the gradients by name, laid out as ours.

    Returns:
        Tuple `(losses, gradients)`: the largest relative difference of a loss (absolute below 1),
        and of the gradient of any variable in the L2 norm.
    """

    def by_name(network, gradients):
        ids = [id(variable) for variable in getattr(ours.nets, network).trainable_variables]
        by_id = dict(zip(ids, gradients, strict=True))
        table = tables[network]
        return {name: by_id[id(v)] for name, (v, _) in table.items() if id(v) in by_id}

    @tf.function(autograph=False)
    def evaluate(reals, z):
        D_gradients, D_stats = ours.domains[0].D_gradients(reals, None, z)
        reals_of_G = (reals, None) if ours.domains[0].loss.G_needs_reals else None
        G_gradients, G_stats = ours.G_gradients(z, reals=[reals_of_G])
        return {
            "D": (D_stats["Loss/D/loss"], by_name("D", D_gradients)),
            "G": (G_stats["Loss/G/loss"], by_name("G", G_gradients)),
        }

    G, rng, results = ours.nets.G, np.random.RandomState(1), []
    for _ in range(NUM_BATCHES):
        reals = random_reals(BATCH_SIZE, G.resolution, rng)
        z = np.array(G.place_z(rng.randn(BATCH_SIZE, G.z_dim).astype(np.float32)))
        our_results, their_results = evaluate(tf.constant(reals), z), theirs(reals, z)
        found = [_differences(our_results[network], their_results[network]) for network in "DG"]
        results.append(tuple(map(max, *found)))
    return tuple(map(min, zip(*results, strict=True)))


def _differences(ours, theirs):
    """Difference of the losses, and of the gradients that differ most."""
    (loss, gradients), (other_loss, other_gradients) = ours, theirs
    assert gradients.keys() == other_gradients.keys()
    return (
        abs(float(loss) - float(other_loss)) / max(abs(float(other_loss)), 1.0),
        max(_relative_distance(gradients[name], other_gradients[name]) for name in gradients),
    )


def _relative_distance(a, b):
    a, b = np.asarray(a), np.asarray(b)
    # Some gradients vanish, such as that of a bias on which no difference of scores depends.
    return np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-6)


def check_agreement(differences):
    """Ends the program if `least_differences` are more than rounding."""
    losses, gradients = differences
    if losses > LOSS_TOLERANCE or gradients > GRADIENT_TOLERANCE:
        raise SystemExit(f"error: not the same function: {losses:.1e} {gradients:.1e}")


def random_reals(batch_size, side, rng=None):
    """uint8 `[batch_size, side, side, 3]`."""
    rng = rng or np.random.RandomState(1)
    return rng.randint(0, 256, (batch_size, side, side, 3)).astype(np.uint8)


def same_batch(reals):
    """Iterator that gives a batch of one domain, without labels, again and again."""
    batch = {"images": tf.constant(reals), "labels": tf.zeros([len(reals), 0])}
    return iter(tf.data.Dataset.from_tensors((batch,)).repeat().prefetch(2))


def print_row(cells, is_head=False):
    """A row of a table in Markdown."""
    print(f"| {' | '.join(cells)} |", flush=True)
    if is_head:
        print(f"|{len(cells) * '---|'}")


def seconds_per_call(function, calls):
    start = time.perf_counter()
    for _ in range(calls):
        result = function()
    # The last result may not be there yet.
    tf.nest.map_structure(np.array, result)
    return (time.perf_counter() - start) / calls


def time_in_turn(ours, reals, their_step, rounds, steps):
    """Seconds per step of both, measured alternately, on the same batch again and again.

    Returns:
        List of pairs `(theirs, ours)`.
    """
    batches = same_batch(reals)
    num_steps = tf.constant(steps)

    def run_both():
        return (
            seconds_per_call(their_step, steps),
            seconds_per_call(lambda: ours.run(batches, num_steps), 1) / steps,
        )

    run_both()  # compilation, and the memory that both keep
    return [run_both() for _ in range(rounds)]


def compare(description, sizes, other, differences, contestants, steps):
    """Prints a table in Markdown with a row for each size.

    Args:
        description: What `--help` says.
        sizes: Named tuples with a `batch_size`; the command line may have others of their kind.
        other: Name of the other implementation.
        differences: Function of a size; returns its `least_differences`.
        contestants: Function of a size; returns our `TrainStep`, reals and a function that makes
            one step of the other implementation.
        steps: Steps per measurement if the command line does not say.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=lambda text: type(sizes[0])(*map(int, text.split(","))),
        default=sizes,
        help=",".join(sizes[0]._fields),
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=steps, help="steps per measurement")
    args = parser.parse_args()

    devices.prepare_graph_optimizer()
    print(f"TensorFlow {tf.__version__}, {os.cpu_count()} cores\n")
    for number, size in enumerate(args.sizes):
        found = differences(size)
        check_agreement(found)
        pairs = time_in_turn(*contestants(size), args.rounds, args.steps)
        theirs, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
        ratios = [a / b for a, b in pairs]
        row = {
            ", ".join(size._fields): ", ".join(map(str, size)),
            f"{other} img/s": f"{size.batch_size / theirs:.1f}",
            "ours img/s": f"{size.batch_size / ours:.1f}",
            "ratio (min-max)": f"{statistics.median(ratios):.2f} "
            f"({min(ratios):.2f}-{max(ratios):.2f})",
            "loss difference": f"{found[0]:.0e}",
            "gradient difference": f"{found[1]:.0e}",
        }
        if number == 0:
            print_row(row, is_head=True)
        print_row(row.values())
