"""Size and speed of the ways to store a data set, beside its PNG files, as a Markdown table.

Writing is dataset_tool.py as a process of its own with one worker, from its start to its end.
Reading is random access to images of the full resolution by one thread; the PNG files are read with
Pillow. All ways in turn, so that a slow minute of the machine does not count for one of them only;
the median of the rounds counts.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from photographs import photograph_crops
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.parts import LEVELS
from msg_stylegan.data.record_format import ENCODINGS

TOOL = Path(__file__).resolve().parent.parent / "dataset_tool.py"
WAYS = [(encoding, levels) for encoding in ENCODINGS for levels in LEVELS]
PNG_FILES = ("PNG files, Pillow", "top")
# Images that are asked for at once.
_BATCH_SIZE = 16


def make_files(folder, num_images, resolution):
    """Writes the PNG files of which all data sets are made; returns their paths."""
    folder.mkdir()
    paths = [folder / f"{i:06d}.png" for i in range(num_images)]
    crops = photograph_crops(num_images, resolution, np.random.default_rng(0))
    for path, crop in zip(paths, crops, strict=True):
        crop.save(path)
    return paths


def write_data_set(directory, folder, encoding, levels):
    """Makes a data set of the PNG files; returns the seconds."""
    command = [sys.executable, str(TOOL), "create_from_images", str(directory), str(folder)]
    options = [f"--encoding={encoding}", f"--levels={levels}", "--shuffle=0", "--workers=1"]
    begin = time.perf_counter()
    subprocess.run([*command, *options], check=True, capture_output=True)
    return time.perf_counter() - begin


def reader_of_files(paths):
    """Function of image numbers that returns uint8 `[N, r, r, 3]`."""

    def read(indices):
        images = []
        for index in indices:
            with Image.open(paths[index]) as image:
                images.append(np.asarray(image))
        return np.stack(images)

    return read


def reading_rate(read, num_images, seconds):
    """Images per second, of random numbers that are the same for all readers."""
    rng = np.random.default_rng(0)
    num_read = 0
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        read(rng.integers(num_images, size=_BATCH_SIZE))
        num_read += _BATCH_SIZE
    return num_read / (time.perf_counter() - begin)


def bytes_per_image(paths, num_images):
    return sum(path.stat().st_size for path in paths) / num_images


def check_images(read, expected, num_images, encoding):
    """All readers return the same images; JPEG loses a little."""
    indices = np.arange(num_images)[:_BATCH_SIZE]
    difference = np.abs(read(indices).astype(int) - expected(indices)).mean()
    assert difference <= (3.0 if encoding == "jpeg" else 0.0), f"{encoding} holds other images"


def measure(folder, args):
    """Returns two dicts of way -> list of images per second, and a dict of way -> bytes."""
    paths = make_files(folder / "photos", args.images, args.resolution)
    read_files = reader_of_files(paths)
    sizes = {PNG_FILES: bytes_per_image(paths, args.images)}
    writing = {way: [] for way in WAYS}
    reading = {way: [] for way in (PNG_FILES, *WAYS)}
    for _ in range(args.rounds):
        reading[PNG_FILES].append(reading_rate(read_files, args.images, args.seconds))
        for way in WAYS:
            encoding, _ = way
            directory = folder / "data"
            seconds = write_data_set(directory, paths[0].parent, *way)
            writing[way].append(args.images / seconds)
            sizes[way] = bytes_per_image(directory.glob("*.tfrecords"), args.images)
            read = TFRecordDataset(directory).read_images
            check_images(read, read_files, args.images, encoding)
            reading[way].append(reading_rate(read, args.images, args.seconds))
            shutil.rmtree(directory)
    return writing, reading, sizes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=400, help="photographs (400)")
    parser.add_argument("--resolution", type=int, default=256, help="their side, 8 to 256 (256)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of reading, each time (2)")
    parser.add_argument("--rounds", type=int, default=3, help="how often to measure (3)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        writing, reading, sizes = measure(Path(temporary), args)
    print("| encoding | levels | bytes per image | writing, images/s | reading, images/s |")
    print("|---|---|---|---|---|")
    for way, size in sizes.items():
        encoding, levels = way
        written = f"{statistics.median(writing[way]):.0f}" if way in writing else ""
        read = statistics.median(reading[way])
        print(f"| {encoding} | {levels} | {size:,.0f} | {written} | {read:,.0f} |")


if __name__ == "__main__":
    main()
