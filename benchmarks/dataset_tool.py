"""Images per second of dataset_tool.py, beside a plain loop that writes the same records.

Each measurement is a process of its own, from its start to its end, all kinds in turn, so that a
slow minute of the machine does not count for one of them only. The best round counts.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

_RESOLUTIONS = (256, 1024)
_ENCODINGS = ("raw", "png")
_WORKERS = (1, 2)
# Different ones; the others are the same again.
_NUM_PHOTOS = 16


def make_photo(seed, resolution):
    """Noise with the spectrum of photographs, so that PNG files have their size and speed."""
    rng = np.random.default_rng(seed)
    image = np.zeros((resolution, resolution, 3), np.float32)
    side = 4
    while side <= resolution:
        noise = rng.normal(0, 160 * 4 / (side + 12), (side, side, 3)).clip(-127, 127) + 128
        layer = Image.fromarray(np.uint8(noise))
        layer = layer.resize((resolution, resolution), Image.Resampling.BICUBIC)
        image += np.asarray(layer, np.float32) - 128
        side *= 2
    return Image.fromarray(np.uint8((image + 128).clip(0, 255)))


def write_plainly(folder, out, encoding):
    """The same records with TensorFlow and Pillow, image by image, as a script would do it."""
    import tensorflow as tf

    def feature(value):
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=value))

    def content(level):
        if encoding == "raw":
            return level.tobytes()
        file = io.BytesIO()
        Image.fromarray(level.transpose(1, 2, 0)).save(file, "PNG", compress_level=4)
        return file.getvalue()

    out.mkdir()
    writers = {}
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            level = np.asarray(image).transpose(2, 0, 1).astype(np.float32)  # [CHW]
        while level.shape[1] >= 4:
            resolution = level.shape[1]
            if resolution not in writers:
                name = f"{out.name}-r{resolution.bit_length() - 1:02d}.tfrecords"
                writers[resolution] = tf.io.TFRecordWriter(str(out / name))
            pixels = np.rint(level).clip(0, 255).astype(np.uint8)
            features = {"shape": feature(pixels.shape), "data": feature(content(pixels))}
            if encoding != "raw":
                features["encoding"] = feature(encoding.encode())
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writers[resolution].write(example.SerializeToString(deterministic=True))
            level = level.reshape(3, resolution // 2, 2, resolution // 2, 2).mean(axis=(2, 4))
    for writer in writers.values():
        writer.close()


def measure(command):
    begin = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return time.perf_counter() - begin


def commands(folder, parent, encoding):
    """What is measured: name -> function of an empty folder that returns a command."""
    plain = [sys.executable, __file__, "--plain", str(folder), encoding]
    tool = [sys.executable, str(ROOT / "dataset_tool.py"), "create_from_images"]
    options = [str(folder), "--shuffle=0", "--encoding", encoding, "--workers"]
    found = {"plain loop": [*plain, str(parent / "plain" / "photos")]}
    for workers in _WORKERS:
        out = str(parent / f"workers{workers}" / "photos")
        found[f"{workers} worker{'s' * (workers > 1)}"] = [*tool, out, *options, str(workers)]
    return found


def same_records(parent):
    """Whether all ways have written the same."""
    contents = [
        {path.name: path.read_bytes() for path in sorted((way / "photos").glob("*.tfrecords"))}
        for way in parent.iterdir()
    ]
    return all(content == contents[0] for content in contents)


def compare(resolution, encoding, num_images, num_rounds):
    """Prints one line of the table."""
    best = {}
    with tempfile.TemporaryDirectory() as temporary:
        photos = Path(temporary) / "photos"
        photos.mkdir()
        for index in range(num_images):
            path = photos / f"{index:06d}.png"
            if index < _NUM_PHOTOS:
                make_photo(index, resolution).save(path)
            else:
                os.link(photos / f"{index % _NUM_PHOTOS:06d}.png", path)
        for number in range(num_rounds):
            parent = Path(temporary) / f"round{number}"
            ways = commands(photos, parent, encoding)
            for name, command in ways.items():
                Path(parent, "plain").mkdir(parents=True, exist_ok=True)
                best[name] = min(best.get(name, np.inf), measure(command))
            assert same_records(parent), "The ways have written different records."
            shutil.rmtree(parent)
    rates = "".join(f"{num_images / seconds:>14.1f}" for seconds in best.values())
    print(f"{resolution:>4}  {encoding:<8}{rates}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000, help="images of 256x256 (1000)")
    parser.add_argument("--rounds", type=int, default=2, help="how often to measure (2)")
    parser.add_argument(
        "--resolutions", nargs="+", type=int, default=_RESOLUTIONS, help="sides (256 1024)"
    )
    parser.add_argument("--encodings", nargs="+", default=_ENCODINGS, help="encodings (raw png)")
    parser.add_argument("--plain", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.plain:
        folder, encoding, out = args.plain
        write_plainly(Path(folder), Path(out), encoding)
        return
    print("Images per second, from PNG files to records of all levels, start included")
    print(
        "side  encoding  "
        + "".join(f"{name:>14}" for name in ("plain loop", "1 worker", "2 workers"))
    )
    for resolution in args.resolutions:
        # The same amount of pixels.
        num_images = max(args.images * 256**2 // resolution**2, 1)
        for encoding in args.encodings:
            compare(resolution, encoding, num_images, args.rounds)


if __name__ == "__main__":
    main()
