"""The discriminator's logit of given images: the higher, the more like the training images.

Images that are unlike all that the network was trained on tend to get low logits, which is used to
detect anomalies. Each image is scored in a batch of its own, at all scales of its pyramid, so that
its logit never depends on other images. Its minibatch standard deviation is then zero, which the
network has hardly seen in training: compare logits with each other, not with those of a training.
"""

import csv
import io
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from msg_stylegan.data.decoding.reader_arguments import add_reader_arguments, reader_of
from msg_stylegan.files import write_json, write_text
from msg_stylegan.generation.label_class import add_class_argument, check_class
from msg_stylegan.generation.network_source import (
    add_network_arguments,
    network_facts,
)
from msg_stylegan.networks import ops
from msg_stylegan.pretrained import find_network_file, load_networks
from msg_stylegan.projection import find_images, read_target


def add_arguments(parser):
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="images, or folders of images; the middle square is resized to fit the network",
    )
    add_reader_arguments(parser)
    add_network_arguments(parser)
    add_class_argument(parser, "class that the images should have, for a network with labels")
    parser.add_argument(
        "--sort", action="store_true", help="lowest logit first, instead of the order given"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="also write the table as .csv or .json"
    )


def run(args):
    """Scores all images.

    Returns:
        Messages of images that cannot be read.
    """
    if args.output and args.output.suffix.lower() not in (".csv", ".json"):
        raise ValueError(f"--output is a .csv or .json file. Received {args.output}.")
    reader = reader_of(args)
    paths = find_images(args.images)
    network_file = find_network_file(args.network, args.result_dir)
    D = load_networks(network_file).D
    if D is None:
        raise ValueError(f"{network_file} holds no discriminator, so that it cannot score images.")
    scorer = Scorer(D, args.label_class)
    rows, failures = [], []
    for path in tqdm(paths, unit="img", disable=None):
        try:
            image = read_target(path, D.resolution, D.num_channels, reader)
        except ValueError as error:
            failures.append(str(error))
            continue
        rows.append({"image": str(path), "logit": scorer(image)})
    if args.sort:
        rows.sort(key=lambda row: row["logit"])
    for row in rows:
        print(f"{row['logit']:12.4f}  {row['image']}")
    if args.output:
        facts = {**network_facts(network_file), "class": args.label_class}
        _write(args.output, rows, facts)
    return failures


class Scorer:
    """Logits of single images by a discriminator.

    Args:
        D: Discriminator.
        label_class: Class that the images should have; None for an unconditional network.

    Raises:
        ValueError: The class is missing, or there is no such class.
    """

    def __init__(self, D, label_class=None):
        check_class(label_class, D)
        if D.label_size and label_class is None:
            raise ValueError(
                f"This network was trained with labels. Choose --class, 0 to {D.label_size - 1}."
            )
        labels = None
        if D.label_size:
            labels = np.eye(D.label_size, dtype=np.float32)[[label_class]]

        def logit(image):
            image = tf.cast(image[None], tf.float32) / 127.5 - 1.0
            return D(ops.image_scales(image, D.resolutions), labels)[0, 0]

        self._logit = tf.function(logit, autograph=False)

    def __call__(self, image):
        """Logit of a uint8 image `[r, r, C]`, as a float."""
        return float(self._logit(tf.constant(image)))


def _write(path, rows, facts):
    if path.suffix.lower() == ".json":
        write_json(path, {**facts, "scores": rows})
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, ["image", "logit"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
