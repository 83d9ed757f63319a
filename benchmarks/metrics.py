"""Speed of the heavy parts of the metrics beside the tools that people know, as Markdown tables.

    python benchmarks/metrics.py [inception] [frechet] [precision_recall] [--rounds 5]

Inception: the network alone, at equal batches of images that are resized already, beside Keras'
application and, with the extra `compare`, pytorch-fid's. Fréchet distance: beside
`scipy.linalg.sqrtm` of the product. Both are timed in turn, A B A B ..., in one process; ratios are
medians over the rounds. Precision and recall: time and peak memory of a process of its own.
"""

import argparse
import importlib.util
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np
import scipy.linalg

DIM = 2048
# Features of VGG16, which precision and recall compare.
VGG_DIM = 4096


def build_parser():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions (default: 5)")
    parser.add_argument("--batch_size", type=int, default=32, help="for inception (default: 32)")
    parser.add_argument(
        "--num_images", type=int, default=50_000, help="for precision_recall (default: 50000)"
    )
    return parser


def main():
    parser = build_parser()
    args = parser.parse_args()
    unknown = set(args.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}")
    for name in args.parts or PARTS:
        PARTS[name](args)


def time_in_turn(functions, rounds):
    """Seconds of each function in each round: dict of name -> list."""
    seconds = {name: [] for name in functions}
    for function in functions.values():
        function()
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def print_times(seconds, unit, per_call=None):
    """One line per function; ratios are those of the first one, ours, to the others."""
    ours = next(iter(seconds.values()))
    print(f"\n| | {unit} | ours relative to it |\n|---|---|---|")
    for name, values in seconds.items():
        median = statistics.median(values)
        shown = median if per_call is None else per_call / median
        ratios = [other / own for own, other in zip(ours, values, strict=True)]
        low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
        ratio = "" if values is ours else f"{middle:.2f} ({low:.2f}-{high:.2f}) times as fast"
        print(f"| {name} | {shown:.1f} | {ratio} |")


def inception(args):
    import tensorflow as tf
    from support.synthetic_inception import torch_arrays
    from tensorflow import keras

    from metrics.feature_networks.inception import inception_networks
    from metrics.feature_networks.inception_weights import from_torch

    arrays = torch_arrays()
    model = inception_networks(from_torch(arrays), "")["inception"].model
    application = keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg")
    images = np.random.default_rng(0).uniform(-1, 1, (args.batch_size, 299, 299, 3))
    images = tf.constant(images, tf.float32)
    run = tf.function(lambda x: model(x), autograph=False)
    run_application = tf.function(lambda x: application(x, training=False), autograph=False)
    functions = {
        "ours": lambda: run(images)["features"].numpy(),
        "Keras' application": lambda: run_application(images).numpy(),
    }
    if importlib.util.find_spec("pytorch_fid"):
        functions["pytorch-fid"] = pytorch_fid_function(arrays, images.numpy())
        ours, theirs = (functions[name]() for name in ("ours", "pytorch-fid"))
        error = np.abs(ours - theirs).max() / np.abs(theirs).max()
        print(f"Largest difference to pytorch-fid's features: {error:.1e} of the largest feature")
        assert error < 1e-3
    print_times(time_in_turn(functions, args.rounds), "images/s", args.batch_size)


def pytorch_fid_function(arrays, images):
    """Function that runs pytorch-fid's network with the same weights on the same input."""
    import torch
    from pytorch_inception import (
        make_torchvision_importable,
        pytorch_fid_network,
        weights_of_pytorch_fid,
    )

    make_torchvision_importable()
    with weights_of_pytorch_fid(arrays):
        network = pytorch_fid_network(resize_input=False, normalize_input=False)
    tensor = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())

    def run():
        with torch.no_grad():
            return network(tensor)[0][:, :, 0, 0].numpy()

    return run


def frechet(args):
    from metrics.frechet_distance import frechet_distance
    from metrics.moments import StreamingMoments

    moments = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        mixing = rng.normal(size=(DIM, DIM)) / np.sqrt(DIM)
        some = StreamingMoments(DIM)
        some.add(np.maximum(rng.normal(size=(3 * DIM, DIM)) @ mixing, 0.0))
        moments.append(some.result())
    a, b = moments

    def sqrtm():
        root = scipy.linalg.sqrtm(a.covariance @ b.covariance).real
        shift = a.mean - b.mean
        return shift @ shift + np.trace(a.covariance + b.covariance - 2 * root)

    ours, theirs = frechet_distance(a, b), sqrtm()
    print(f"Relative difference of the distances: {abs(ours - theirs) / theirs:.1e}")
    assert abs(ours - theirs) < 1e-6 * theirs
    functions = {"ours": lambda: frechet_distance(a, b), "scipy.linalg.sqrtm": sqrtm}
    print_times(time_in_turn(functions, args.rounds), "seconds")


def precision_recall(args):
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{seed}.npy" for seed in range(2)]
        for seed, path in enumerate(paths):
            write_features(path, args.num_images, seed)
        # A new process, whose peak is not that of anything else.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, gigabytes = pool.apply(measure_precision_recall, (paths,))
    print("\n| images of each side | features | minutes | peak memory, GB |\n|---|---|---|---|")
    print(f"| {args.num_images} | {VGG_DIM} | {seconds / 60:.1f} | {gigabytes:.2f} |")


def write_features(path, num_images, seed):
    """Features of a low-dimensional set in many dimensions, cut off at zero as by a ReLU."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(9).normal(size=(20, VGG_DIM))
    shape = (num_images, VGG_DIM)
    rows = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    for start in range(0, num_images, 1000):
        block = rows[start : start + 1000]
        block[:] = np.maximum(rng.normal(size=(len(block), 20)) @ mixing + 0.1 * seed, 0.0)
    rows.flush()


def measure_precision_recall(paths):
    from metrics import precision_recall

    reals, fakes = (np.load(path, mmap_mode="r") for path in paths)
    start = time.perf_counter()
    precision_recall.precision_recall(reals, fakes)
    # Kilobytes on Linux. It counts the mapped files, as far as they are in memory.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return time.perf_counter() - start, peak * 1024 / 1e9


PARTS = {"inception": inception, "frechet": frechet, "precision_recall": precision_recall}


if __name__ == "__main__":
    main()
