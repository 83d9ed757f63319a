"""The discriminator's logit of given images: the higher, the more like the training images.

Images that are unlike everything that the network was trained on tend to get low logits, which is
used to detect anomalies. Each image is scored in a batch of its own, at all scales of its pyramid,
so that its logit never depends on other images. Its minibatch standard deviation is then zero,
which the network has hardly seen in training: compare logits with each other, not with those from
training.
"""

import csv
import io
from pathlib import Path

from tqdm import tqdm

from msg_stylegan.data.picture_arguments import add_reader_arguments, reader_of
from msg_stylegan.files import write_json, write_text
from msg_stylegan.generation.arguments import add_label_arguments, add_network_arguments
from msg_stylegan.generation.seed_images import chosen_labels, open_networks


def add_arguments(parser):
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="images, or folders of images; the middle square is resized to fit the network",
    )
    add_reader_arguments(parser)
    add_network_arguments(parser)
    add_label_arguments(parser, "the images", "none: a network with labels needs one")
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
    from msg_stylegan.projection import find_images, read_target

    if args.output and args.output.suffix.lower() not in (".csv", ".json"):
        raise ValueError(f"--output is a .csv or .json file. Received {args.output}.")
    reader = reader_of(args)
    paths = find_images(args.images)
    nets, network_file, facts = open_networks(args)
    D = nets.D
    if D is None:
        raise ValueError(f"{network_file} has no discriminator, so it cannot score images.")
    labels = chosen_labels(args, D, nets.info)
    if D.label_size and args.label_class is None and args.label is None:
        choice = f"--label, {labels.describe()}"
        if labels.classes is not None:
            choice = f"--class, {labels.class_list()}"
        raise ValueError(f"This network was trained with labels. Choose {choice}.")
    scorer = Scorer(D, labels.of_seeds([0]))
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
        _write(args.output, rows, {**facts, **labels.choice})
    return failures


class Scorer:
    """Logits of single images by a discriminator.

    Args:
        D: Discriminator.
        label: Label that the images should have, float32 `[1, label_size]`; None for an
            unconditional network.
    """

    def __init__(self, D, label=None):
        import tensorflow as tf

        def logit(image):
            return D(D.scales_of(image[None]), label)[0, 0]

        self._logit = tf.function(logit, autograph=False)

    def __call__(self, image):
        """Logit of a uint8 image `[r, r, C]`, as a float."""
        return float(self._logit(image))


def _write(path, rows, facts):
    if path.suffix.lower() == ".json":
        write_json(path, {**facts, "scores": rows})
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, ["image", "logit"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
