"""Do generated digits show what their labels say? `python -m experiments.conditional_digits`.

A classifier of scikit-learn learns some of the real digits. Its accuracy is measured on the other
real ones, and on generated ones against the labels that they were asked for. Because a network
that always draws the same good 7 would score well, the variety within the classes is measured too.
"""

import sys

import numpy as np

from experiments.frame import snapshot_command
from experiments.frame.training_data import data_of_training
from msg_stylegan.command_names import called
from msg_stylegan.data.dataset import classes_of
from msg_stylegan.files import append_json_line
from msg_stylegan.generation.arguments import finite, positive
from msg_stylegan.sampling.sampler import Sampler

RESULTS_FILE = "label-accuracy.jsonl"
_HELD_OUT = 0.5
# Side to which larger images are reduced for the classifier; the digits were drawn in 8x8 pixels.
_CLASSIFIER_SIDE = 16
_BATCH_SIZE = 50


def build_parser():
    parser = snapshot_command.snapshot_parser(
        "conditional_digits",
        "Measures how often a classifier, trained on real digits, finds in generated digits the "
        f"class that they were asked for. First: {called('train')} --config=digits_conditional.",
        decided_by_seed="latents, noise, and which reals are held out",
    )
    parser.add_argument(
        "--images_per_class",
        type=positive,
        default=200,
        metavar="N",
        help="generated images of each class (default: %(default)s)",
    )
    parser.add_argument(
        "--truncation_psi",
        type=finite,
        default=1.0,
        metavar="PSI",
        help="less than 1 trades variety for quality (default: 1, none)",
    )
    return parser


def main(argv=None):
    """Runs the program; returns its exit status."""
    return snapshot_command.main(build_parser, run, argv)


def run(args):
    """Measures, prints a table, and adds a line to `RESULTS_FILE` beside the snapshot."""
    snapshot, info, G = snapshot_command.open_snapshot(args)
    if not G.label_size:
        raise ValueError(
            f"{snapshot} does not hold a generator with labels. Train one by "
            f"`{called('train')} --config=digits_conditional`."
        )
    reals = data_of_training(info, G, args.data).everything
    classes = classes_of(reals)
    if classes is None or len(np.unique(classes)) < G.label_size:
        raise ValueError(f"{reals.path} must have labels of one class per image, and every class.")
    images = reals.read_images(np.arange(reals.num_images))
    classifier, real_accuracy = train_classifier(images, classes, args.seed)

    wanted = np.repeat(np.arange(G.label_size), args.images_per_class)
    sampler = Sampler(
        G, _BATCH_SIZE, resolutions=[G.resolution], truncation_psi=args.truncation_psi
    )
    z = np.random.default_rng(args.seed).standard_normal((len(wanted), G.z_dim), np.float32)
    labels = np.eye(G.label_size, dtype=np.float32)[wanted]
    (fakes,) = sampler(np.asarray(G.place_z(z)), labels, seed=args.seed)
    found = classifier.predict(pixels(fakes))

    line = {
        "snapshot": snapshot.name,
        "kimg": info.get("cur_nimg", 0) / 1000,
        "accuracy_of_reals": real_accuracy,
        "accuracy": float(np.mean(found == wanted)),
        "accuracy_of_classes": [
            float(np.mean(found[wanted == label] == label)) for label in range(G.label_size)
        ],
        "variety_of_classes": [
            float(deviation(fakes[wanted == label]) / deviation(images[classes == label]))
            for label in range(G.label_size)
        ],
        "images_per_class": args.images_per_class,
        "truncation_psi": args.truncation_psi,
        "seed": args.seed,
    }
    append_json_line(snapshot.parent / RESULTS_FILE, line)
    print(report(line, wanted, found))


def train_classifier(images, classes, seed):
    """Trains a classifier on half of the reals.

    Args:
        images: uint8 `[N, r, r, C]`.
        classes: int `[N]`.
        seed: Decides the halves.

    Returns:
        Tuple of the classifier, to be used on `pixels(images)`, and its accuracy on the other half.
    """
    try:
        from sklearn.model_selection import train_test_split
        from sklearn.svm import SVC
    except ImportError:
        raise ValueError(
            "The classifier needs scikit-learn. Install it with `pip install -e .[demo]`."
        ) from None
    train, test, train_classes, test_classes = train_test_split(
        pixels(images), classes, test_size=_HELD_OUT, random_state=seed, stratify=classes
    )
    classifier = SVC(gamma=0.1, C=10.0).fit(train, train_classes)
    return classifier, float(classifier.score(test, test_classes))


def pixels(images):
    """What the classifier sees: uint8 `[N, r, r, C]` as float64 `[N, 256 C]` from 0 to 1."""
    count, side, _, channels = images.shape
    small = min(side, _CLASSIFIER_SIDE)
    blocks = images.reshape(count, small, side // small, small, side // small, channels)
    return blocks.mean(axis=(2, 4)).reshape(count, -1) / 255.0


def deviation(images):
    """Standard deviation over uint8 images `[N, r, r, C]`, root mean square over their pixels."""
    return np.sqrt(images.astype(np.float64).var(axis=0).mean())


def report(line, wanted, found):
    """The results as text, with what the images of each class were mostly taken for instead."""
    rows = []
    columns = zip(line["accuracy_of_classes"], line["variety_of_classes"], strict=True)
    for label, (accuracy, variety) in enumerate(columns):
        others = found[(wanted == label) & (found != label)]
        counts = np.bincount(others, minlength=1)
        hint = f"  most of the others look like {counts.argmax()}" if len(others) else ""
        rows.append(f"  {label:5d}  {accuracy:8.1%}  {variety:7.2f}{hint}")
    return "\n".join(
        [
            f"{line['snapshot']}, {line['kimg']:g} kimg",
            f"Held-out real digits:  {line['accuracy_of_reals']:.1%} right",
            f"Generated digits:      {line['accuracy']:.1%} right, "
            f"{line['images_per_class']} of each class, truncation {line['truncation_psi']:g}",
            "Variety is the deviation within a class, that of the reals being 1.",
            "",
            "  class  accuracy  variety",
            *rows,
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
