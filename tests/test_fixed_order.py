"""No score depends on the names or the order of files, for every metric that there is."""

import functools
import re
import types
import zipfile

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from support.image_sources import write_folder
from support.linear_networks import PER_CLASS, Networks, pictures
from support.stored_data_sets import write_records
from support.tiny_run import make_networks
from tqdm import tqdm

from metrics.evaluation import MetricEvaluator
from metrics.feature_networks.network import FeatureExtractor
from metrics.fixed_order import FixedOrder
from metrics.image_files import open_images
from metrics.metric import Metric, MetricOptions
from metrics.moments import StreamingMoments
from metrics.registry import get_metric, known_names
from msg_stylegan.data.dataset import TFRecordDataset

# In place of the numbers in the names: fewer images than there are, and more.
SOME, MORE = 20, 50


def write_zip(path, folder):
    with zipfile.ZipFile(path, "w") as archive:
        for number, file in enumerate(sorted(folder.rglob("*.png"), reverse=True)):
            archive.write(file, f"{number % 3}/{number}.png")
    return path


def all_metrics():
    """Every kind of metric but those of pairs, of all files, of some, and of more than exist."""
    judge = MetricOptions(classifier=types.SimpleNamespace(resolution=8))
    of_files = [name for name in known_names() if not get_metric(name, judge).of_pair]
    counts = dict.fromkeys(of_files, (SOME, MORE))
    counts |= dict.fromkeys(("fid", "kid", "is", "pr3", "dc5", "msssim"), (0, SOME))
    made = [get_metric(name, MetricOptions(count)) for name in counts for count in counts[name]]
    return {metric.name: metric for metric in made}


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """Function of the paths of fakes and reals: results by metric, and what was refused."""
    folder = tmp_path_factory.mktemp("scores")

    @functools.cache
    def compute(fakes, reals, seed=0):
        results, refused = {}, {}
        evaluator = MetricEvaluator(
            all_metrics().values(),
            open_images(reals),
            networks=Networks(),
            cache_dir=folder / f"cache-{reals.parent.name}",
            mirror=True,
            seed=seed,
        )
        evaluation = evaluator.of_images(open_images(fakes))
        for metric in evaluator.metrics:
            try:
                results |= evaluation.compute(metric).results
            except ValueError as error:
                refused[metric.name] = str(error)
        return results, refused

    return compute


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Path of fakes and reals in each form."""
    folder = tmp_path_factory.mktemp("stored")
    paths = {}
    for kind, seed in (("fakes", 1), ("reals", 2)):
        images = pictures(seed)
        mixed = np.random.default_rng(3).permutation(len(images))
        places = np.random.default_rng(4).permutation(len(images))
        by_class = {f"{i // PER_CLASS}/{i:02d}.png": image for i, image in enumerate(images)}
        renamed = {f"{place:02d}.png": image for place, image in zip(places, images, strict=True)}
        sorted_ = write_folder(folder / "by_class" / kind, by_class)
        paths[kind] = {
            "by_class": sorted_,
            "renamed": write_folder(folder / "renamed" / kind, renamed),
            "archive": write_zip(folder / f"{kind}.zip", sorted_),
            "records": write_records(folder / "records" / kind, images),
            "mixed": write_records(folder / "mixed" / kind, images[mixed]),
        }
    return paths


@pytest.mark.parametrize("form", ["renamed", "archive", "records", "mixed"])
def test_no_score_depends_on_names_or_order(scores, stored, form):
    expected, _ = scores(stored["fakes"]["by_class"], stored["reals"]["by_class"])
    found, _ = scores(stored["fakes"][form], stored["reals"][form])
    assert found == pytest.approx(expected, rel=1e-6)


def test_every_metric_of_files_was_tried(scores, stored):
    results, refused = scores(stored["fakes"]["by_class"], stored["reals"]["by_class"])
    for name, error in refused.items():
        generator_only = re.match("ppl|stability|fid.*_scales", name)
        assert ("looks into a generator" in error) == bool(generator_only), (name, error)
        assert generator_only or "asks for" in error
    for metric in all_metrics().values():
        assert metric.headline in results or metric.name in refused
    assert {"is_mean", "is20_mean", "fid", "fid20", "kid20", "msssim10", "swd20_avg"} <= set(
        results
    )


def test_splits_and_pairs_are_mixed(scores, stored):
    results, _ = scores(stored["fakes"]["by_class"], stored["reals"]["by_class"])
    # Class by class, each tenth would hold one class, and most pairs would be of one.
    assert results["is_mean"] > 1.05
    order = in_order(stored["fakes"]["by_class"])
    images = np.concatenate(list(order.iterate_images(8)))
    classes = [place_of(image) // PER_CLASS for image in images]
    assert len(set(classes[:PER_CLASS])) >= 3


def test_copies_of_an_image_do_not_stay_together(tmp_path):
    images = np.repeat(pictures(1)[:10], 4, axis=0)
    folder = write_folder(
        tmp_path / "copies", {f"{i:02d}.png": image for i, image in enumerate(images)}
    )
    found = np.concatenate(list(in_order(folder).iterate_images(8)))
    pairs = [np.array_equal(a, b) for a, b in zip(found[0::2], found[1::2], strict=True)]
    assert sum(pairs) < 5


def test_grayscale_and_colour_have_one_order(tmp_path):
    gray = pictures(1)[..., :1]
    records = write_records(tmp_path / "gray", gray)
    files = {f"{i}.png": np.repeat(image, 3, axis=2) for i, image in enumerate(gray)}
    colour = write_folder(tmp_path / "colour", files)
    a, b = (
        np.concatenate(list(in_order(path).iterate_images(16, start=7)))
        for path in (records, colour)
    )
    np.testing.assert_array_equal(np.repeat(a, 3, axis=3), b)


@pytest.fixture(scope="module", params=["by_class", "records"])
def ordered(stored, request):
    order = in_order(stored["fakes"][request.param])

    def read(batch_size=64, *arguments, **options):
        return np.concatenate(list(order.iterate_images(batch_size, *arguments, **options)))

    return read


@hypothesis.given(
    batch_size=st.integers(1, 50),
    num_images=st.integers(1, 100),
    start=st.integers(0, 50),
    shuffled=st.booleans(),
)
@hypothesis.settings(max_examples=20)
def test_images_are_one_endless_sequence(ordered, batch_size, num_images, start, shuffled):
    images = ordered(shuffled=shuffled)
    found = ordered(batch_size, num_images, start=start, shuffled=shuffled)
    np.testing.assert_array_equal(found, images[np.arange(start, start + num_images) % len(images)])


def test_mirroring_depends_on_seed_and_position_only(ordered):
    images, whole = ordered(600, 600), ordered(600, 600, mirror_seed=0)
    np.testing.assert_array_equal(ordered(7, 600, mirror_seed=0), whole)
    np.testing.assert_array_equal(ordered(50, 400, start=123, mirror_seed=0), whole[123:523])
    kept = (whole == images).all(axis=(1, 2, 3))
    flipped = (whole == images[:, :, ::-1]).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(kept, ~flipped)
    # Five standard deviations around one half.
    assert abs(kept.mean() - 0.5) < 5 * 0.5 / np.sqrt(600)
    assert not np.array_equal(ordered(600, 600, mirror_seed=1), whole)


def test_data_sets_and_files_are_mirrored_alike(stored):
    records, files = (
        np.concatenate(list(in_order(path).iterate_images(16, 100, start=3, mirror_seed=7)))
        for path in (stored["fakes"]["records"], stored["fakes"]["by_class"])
    )
    np.testing.assert_array_equal(records, files)


def test_settings_name_the_order_where_it_counts(stored, tmp_path):
    evaluator = MetricEvaluator(
        [], open_images(stored["reals"]["records"]), networks=Networks(), cache_dir=tmp_path
    )
    for name in ("fid50k", "kid50k", "kid50k_full", "pr50k3", "dc50k5_full", "swd2k"):
        assert "order" in evaluator.settings(get_metric(name)), name
    # Results from before there was an order stay comparable.
    for name in ("fid50k_full", "fid", "is50k", "ppl2_wend", "msssim10k", "stability36"):
        assert "order" not in evaluator.settings(get_metric(name)), name


def test_moments_of_all_reals_are_those_in_the_order_of_the_files(stored, tmp_path):
    reals = open_images(stored["reals"]["records"])
    (metric,) = [get_metric("fid")]
    evaluator = MetricEvaluator([metric], reals, networks=Networks(), cache_dir=tmp_path)
    found = evaluator.of_reals().real_moments(metric)
    network = Networks().get("inception")
    moments = StreamingMoments(5)
    for outputs in FeatureExtractor(network)(reals.iterate_images(8)):
        moments.add(outputs["features"])
    np.testing.assert_array_equal(found.covariance, moments.result().covariance)


def what_is_drawn(inputs):
    """Everything that metrics ask of a generator: images, fixed images (stability), paths (PPL)."""
    generator = inputs.generator
    drawn = {"images": np.concatenate(list(generator.batches(12)))}
    drawn |= {f"fixed_{x.shape[1]}": x for x in generator.fixed_images(12)}
    for space, sampling in (("z", "full"), ("w", "end")):
        distances = generator.path_distances(
            12,
            lambda a, b: tf.reduce_mean((a - b) ** 2, axis=[1, 2, 3]),
            space=space,
            sampling=sampling,
            epsilon=0.1,
        )
        drawn[f"paths_{space}"] = np.concatenate([np.asarray(x) for x in distances])
    return {name: float(np.std(array.astype(np.float64))) for name, array in drawn.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classes", "vectors"])
def test_labels_of_fakes_do_not_depend_on_the_order_of_the_data_set(tmp_path, kind):
    """PPL, stability and all scores of a generator with labels: the same for the same images."""
    rng = np.random.default_rng(5)
    labels = np.eye(3)[np.sort(rng.integers(0, 3, 40))]
    if kind == "vectors":
        labels = rng.normal(size=(40, 3))
    G = make_networks(channels=3, label_size=3).G_ema
    found = []
    for folder, order in (("a", np.arange(40)), ("b", rng.permutation(40))):
        folder = tmp_path / folder
        write_records(folder / "set", pictures(1)[order], labels[order])
        dataset = TFRecordDataset(folder / "set", max_label_size=-1)
        evaluator = MetricEvaluator(
            [], dataset, networks=Networks(), cache_dir=folder, labels_dataset=dataset
        )
        evaluation = evaluator.of_generator(G)
        probe = Metric("m", "images", True, what_is_drawn)
        results = evaluation.compute(probe).results
        for name in ("kid50k", "swd2k"):
            metric = get_metric(name, MetricOptions(SOME))
            results |= evaluation.compute(metric).results
        found.append(results)
    assert found[1] == pytest.approx(found[0], rel=1e-6)


def place_of(image):
    """Number of an image among `pictures(1)`."""
    return next(i for i, other in enumerate(pictures(1)) if np.array_equal(image, other))


def in_order(path):
    return FixedOrder(open_images(path), functools.partial(tqdm, disable=True), print)
