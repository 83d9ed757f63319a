"""Does a network copy the pictures it was trained on? `python -m experiments.copies`.

For every generated picture the nearest real one is looked up, among those of the training and
those of the same data set that the training never saw (`dataset.num_images`). A network that has
learned what such pictures are like is as near to the one kind as to the other; copies are nearest
to pictures of the training only.
"""

import sys

import numpy as np

from experiments.frame import snapshot_command
from experiments.frame.training_data import data_of_training
from metrics.feature_networks.library import FeatureNetworks
from metrics.feature_networks.network import FeatureExtractor
from metrics.generated_images import GeneratedImages
from metrics.nearest_neighbors import distance_blocks
from msg_stylegan.command_names import called
from msg_stylegan.commands.user_config import user_config
from msg_stylegan.files import append_json_line
from msg_stylegan.generation.arguments import positive
from msg_stylegan.pictures.sheets import save_image, side_by_side, tile

RESULTS_FILE = "copies.jsonl"
_BATCH_SIZE = 32
_COLUMNS = 4


def build_parser():
    parser = snapshot_command.snapshot_parser(
        "copies",
        "Counts how many generated pictures are nearest to a picture of the training, and not to "
        "one that the training left out, and draws the nearest pairs. For networks that were "
        "trained with --config.dataset.num_images.",
        decided_by_seed="latents",
    )
    parser.add_argument(
        "--num_images",
        type=positive,
        default=1000,
        metavar="N",
        help="generated pictures (default: %(default)s)",
    )
    parser.add_argument(
        "--pairs",
        type=positive,
        default=32,
        metavar="N",
        help="pairs in the picture, nearest first (default: %(default)s)",
    )
    parser.add_argument(
        "--feature_network",
        metavar="FILE",
        help=f"network in whose features pictures are near, as `{called('metrics')}` takes it "
        "(default: EfficientNet-Lite0)",
    )
    parser.add_argument(
        "--cache_dir",
        default=user_config().cache_dir,
        metavar="DIR",
        help="see config.py (default: %(default)s)",
    )
    return parser


def main(argv=None):
    """Runs the program; returns its exit status."""
    return snapshot_command.main(build_parser, run, argv)


def run(args):
    """Measures, adds a line to `RESULTS_FILE` beside the snapshot, and draws the nearest pairs."""
    snapshot, info, G = snapshot_command.open_snapshot(args)
    data = data_of_training(info, G, args.data)
    seen = data.seen()
    networks = FeatureNetworks(args.cache_dir, custom=args.feature_network)
    extract = FeatureExtractor(networks.get(networks.custom_name or "efficientnet"))

    def features(batches):
        return np.concatenate([outputs["features"] for outputs in extract(batches)])

    generated = GeneratedImages(G, _BATCH_SIZE, seed=args.seed, labels_dataset=data.everything)
    fakes = np.concatenate(list(generated.batches(args.num_images)))
    nearest, distances = nearest_of(
        features([fakes]), features(data.everything.iterate_images(_BATCH_SIZE))
    )

    line = {
        "snapshot": snapshot.name,
        "kimg": info.get("cur_nimg", 0) / 1000,
        "nearest_is_of_training": float(seen[nearest].mean()),
        "share_of_training": float(seen.mean()),
        "num_images": args.num_images,
        "features": extract.network.name,
        "seed": args.seed,
    }
    closest = np.argsort(distances, kind="stable")[: args.pairs]
    pairs = side_by_side(fakes[closest], data.everything.read_images(nearest[closest]))
    picture = snapshot.with_name(f"{snapshot.stem}-copies.png")
    save_image(tile(pairs, 2 * _COLUMNS), picture)
    append_json_line(snapshot.parent / RESULTS_FILE, line)
    print(report(line, picture))


def nearest_of(points, others):
    """The nearest of other points.

    Args:
        points: `[N, d]`.
        others: `[M, d]`.

    Returns:
        Tuple of their numbers, int64 `[N]`, and squared distances, float64 `[N]`.
    """
    nearest = np.zeros(len(points), np.int64)
    distances = np.full(len(points), np.inf)
    for i, j, block in distance_blocks(points, others):
        here = block.argmin(axis=1)
        found = block[np.arange(len(block)), here]
        is_nearer = found < distances[i]
        nearest[i] = np.where(is_nearer, j.start + here, nearest[i])
        distances[i] = np.where(is_nearer, found, distances[i])
    return nearest, distances


def report(line, picture):
    """The results as text."""
    share = line["share_of_training"]
    lines = [f"{line['snapshot']}, {line['kimg']:g} kimg, {line['num_images']} generated pictures"]
    if share < 1:
        lines += [
            f"Nearest to a picture of the training: {line['nearest_is_of_training']:.1%}",
            f"Pictures of the training in the data:  {share:.1%}",
            "Copies would be nearest to pictures of the training only.",
        ]
    else:
        lines.append(
            "The training has seen all pictures of the data set, so that there are none to compare "
            "with: look at the picture."
        )
    lines.append(f"Each generated picture beside the nearest real one, nearest first: {picture}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
