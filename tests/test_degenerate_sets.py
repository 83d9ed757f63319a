"""Sets of images with which no metric can do much: each metric says so, and which set it is."""

import warnings

import numpy as np
import pytest
import tensorflow as tf
from support.image_sources import write_folder
from support.linear_networks import Networks, pictures
from support.metric_inputs import array_inputs

from metrics.evaluation import MetricEvaluator
from metrics.feature_networks.network import FeatureNetwork
from metrics.image_files import open_images
from metrics.registry import get_metric

SETS = {
    "good": pictures(1),
    "one": pictures(2)[:1],
    "copies": np.repeat(pictures(2)[:1], 40, axis=0),
    "black": np.zeros((40, 16, 16, 3), np.uint8),
    "white": np.full((40, 16, 16, 3), 255, np.uint8),
}
METRICS = ["fid", "fid40", "kid", "is", "pr3", "dc5", "msssim", "swd20"]
# Those of the fakes alone.
ALONE = ("is", "msssim")


class BrokenNetworks(Networks):
    def get(self, name):
        def model(x):
            features = tf.fill((tf.shape(x)[0], 5), np.float32(np.nan))
            return {"features": features, "logits": features}

        return FeatureNetwork(name, "broken", model, lambda x: x, 5)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    for name, images in SETS.items():
        write_folder(folder / name, {f"{i:02d}.png": image for i, image in enumerate(images)})
    return folder


def evaluate(folders, tmp_path, capsys, name, fakes, reals, networks=None):
    """Results of a metric (None if it is refused), and all that was said."""
    evaluator = MetricEvaluator(
        [], open_images(folders / reals), networks=networks or Networks(), cache_dir=tmp_path
    )
    evaluation = evaluator.of_images(open_images(folders / fakes))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            results, error = evaluation.compute(get_metric(name)).results, ""
        except ValueError as refused:
            results, error = None, str(refused)
    return results, error + capsys.readouterr().err


@pytest.mark.parametrize("name", METRICS)
def test_one_fake_is_too_few(folders, tmp_path, capsys, name):
    results, said = evaluate(folders, tmp_path, capsys, name, "one", "good")
    assert results is None
    assert f"{name} needs at least" in said or f"{name} asks for" in said
    assert "fakes" in said


@pytest.mark.parametrize("name", [name for name in METRICS if name not in ALONE])
def test_one_real_is_too_few(folders, tmp_path, capsys, name):
    results, said = evaluate(folders, tmp_path, capsys, name, "good", "one")
    assert results is None and f"{name} needs at least" in said and "reals. Received 1" in said


@pytest.mark.parametrize("name", METRICS)
def test_copies_are_said_to_be_copies(folders, tmp_path, capsys, name):
    results, said = evaluate(folders, tmp_path, capsys, name, "copies", "good")
    assert np.isfinite(list(results.values())).all()
    assert f"All 40 images of {folders / 'copies'} are copies of one" in said


@pytest.mark.parametrize("name", [name for name in METRICS if name not in ALONE])
def test_copies_among_reals_are_said_to_be_copies(folders, tmp_path, capsys, name):
    results, said = evaluate(folders, tmp_path, capsys, name, "good", "copies")
    assert np.isfinite(list(results.values())).all()
    assert "copies of one" in said


@pytest.mark.parametrize("name", METRICS)
def test_all_black_against_all_white(folders, tmp_path, capsys, name):
    results, said = evaluate(folders, tmp_path, capsys, name, "black", "white")
    assert (results is None) == (name == "swd20")
    assert ("cannot tell them apart" if name == "swd20" else "copies of one") in said


def test_one_side_of_one_colour_has_a_distance(folders, tmp_path, capsys):
    for fakes, reals, flat in (("black", "good", "fakes"), ("good", "white", "reals")):
        results, said = evaluate(folders, tmp_path, capsys, "swd20", fakes, reals)
        assert results["swd20_avg"] > 0 and f"all {flat} are of one colour" in said


@pytest.mark.parametrize("name", ["fid", "kid", "is", "pr3", "dc5"])
def test_features_that_are_not_numbers(folders, tmp_path, capsys, name):
    results, said = evaluate(folders, tmp_path, capsys, name, "good", "good", BrokenNetworks())
    assert results is None
    assert "is NaN or infinity" in said and ("in the fakes" in said or "in the reals" in said)


def test_good_sets_get_no_notice(folders, tmp_path, capsys):
    for name in METRICS:
        results, said = evaluate(folders, tmp_path, capsys, name, "good", "good")
        assert results and said == ""


def test_images_of_a_broken_generator_have_no_stability():
    class Generator:
        def previous_fixed_images(self, count):
            return [np.zeros((count, 4, 4, 3), np.float32)]

        def fixed_images(self, count):
            return [np.full((count, 4, 4, 3), np.nan, np.float32)]

    inputs = array_inputs(generator=Generator())
    with pytest.raises(ValueError, match=r"stability36: .* NaN or infinity"):
        get_metric("stability36").compute(inputs)
