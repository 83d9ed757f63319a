"""Speed and memory of the training input, against plain tf.data, on generated images.

Each measurement runs in a process of its own, both kinds in turn, so that neither the memory of an
earlier one nor a slow minute of the machine counts for one of them only.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import psutil
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from msg_stylegan.data.batches import training_batches
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.dataset_folder import records_name
from msg_stylegan.data.record_format import encode_example

# Like the shuffle buffer of the original, but 256 MiB instead of its 4 GiB, which the generated
# data would not fill.
_SHUFFLE_BUFFER_BYTES = 256 << 20


def plain_batches(directory, batch_size, resolution):
    """The same batches in plain tf.data: read, parse, shuffle buffer, batch."""
    features = {
        "shape": tf.io.FixedLenFeature([3], tf.int64),
        "data": tf.io.FixedLenFeature([], tf.string),
    }

    def parse(record):
        parsed = tf.io.parse_single_example(record, features)
        image = tf.reshape(tf.io.decode_raw(parsed["data"], tf.uint8), parsed["shape"])  # [CHW]
        image = tf.ensure_shape(tf.transpose(image, [1, 2, 0]), [resolution, resolution, 3])
        return {"images": image, "labels": tf.zeros([0])}

    path = next(Path(directory).glob("*.tfrecords"))
    batches = tf.data.TFRecordDataset(str(path), buffer_size=8 << 20)
    batches = batches.map(parse, num_parallel_calls=2)
    batches = batches.shuffle(_SHUFFLE_BUFFER_BYTES // (3 * resolution**2), seed=0).repeat()
    return batches.batch(batch_size, drop_remainder=True).prefetch(2)


def our_batches(directory, batch_size, resolution):
    return training_batches(TFRecordDataset(directory, resolution), batch_size=batch_size, seed=0)


KINDS = {"ours": our_batches, "plain tf.data": plain_batches}


def measure(kind, directory, batch_size, resolution, seconds):
    """Runs one pipeline; returns images/s and the memory it added at its peak, in bytes."""
    process = psutil.Process()
    # The first operation starts TensorFlow, whose memory is not the pipeline's.
    next(iter(tf.data.Dataset.range(1).batch(1)))
    before = peak = process.memory_info().rss
    batches = iter(KINDS[kind](directory, batch_size, resolution))
    next(batches)
    num_images = 0
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        next(batches)
        num_images += batch_size
        peak = max(peak, process.memory_info().rss)
    return {"rate": num_images / (time.perf_counter() - begin), "memory": peak - before}


def make_data(directory, resolution, num_bytes):
    """Writes random images of one level, which is all that training reads."""
    rng = np.random.default_rng(0)
    # Small images would take longer to write than to measure.
    num_images = min(max(num_bytes // (3 * resolution**2), 64), 50_000)
    path = directory / records_name(directory.name, resolution)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(num_images):
            image = rng.integers(0, 256, (3, resolution, resolution), np.uint8)
            writer.write(encode_example(image))


def measure_apart(*args):
    command = [sys.executable, __file__, "--measure", json.dumps(args)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolutions", type=int, nargs="+", default=[32, 64, 256, 1024])
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument(
        "--megabytes", type=int, default=256, help="size of the data per resolution"
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one measurement")
    parser.add_argument("--repeats", type=int, default=3, help="measurements; the median counts")
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(*args.measure)))
        return

    print("| resolution | pipeline | images/s | MB/s | peak memory, MB |")
    print("|---|---|---|---|---|")
    for resolution in args.resolutions:
        with tempfile.TemporaryDirectory() as folder:
            directory = Path(folder) / "data"
            directory.mkdir()
            make_data(directory, resolution, args.megabytes * 10**6)
            results = {kind: [] for kind in KINDS}
            for _ in range(args.repeats):
                for kind, runs in results.items():
                    run = [kind, str(directory), args.batch_size, resolution, args.seconds]
                    runs.append(measure_apart(*run))
        for kind, runs in results.items():
            rate = np.median([run["rate"] for run in runs])
            megabytes = rate * 3 * resolution**2 / 1e6
            memory = max(run["memory"] for run in runs) / 1e6
            print(
                f"| {resolution} | {kind} | {rate:.0f} | {megabytes:.0f} | {memory:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
