"""Scores of pairs: closed forms, perfect and unrelated pairs, independence of the batches."""

import dataclasses
import types

import numpy as np
import pytest
from support.metric_inputs import array_inputs, make_metric, results_of
from support.tiny_pair import ArrayPairs, generated_pairs, make_pair, pair_inputs, random_pixels

from metrics import label_agreement, pixel_agreement
from metrics.chance import corrected_for_chance, with_unrelated
from metrics.generated_images import GeneratedImages
from metrics.label_agreement import expected_agreement
from msg_stylegan.data.sources.pairs import CHANGES


def joined(batches):
    return [np.concatenate(side) for side in zip(*batches, strict=True)]


def probabilities(count, num_classes, seed=0):
    values = np.random.default_rng(seed).random((count, num_classes)).astype(np.float32)
    return values / values.sum(axis=1, keepdims=True)


# Generated pairs.


class Labels:
    """Rows of a data set of labels."""

    def __init__(self, classes, label_size=3):
        self.label_size, self.num_images = label_size, len(classes)
        self._rows = np.eye(label_size, dtype=np.float32)[classes]

    def read_labels(self, indices):
        return self._rows[indices]


def test_a_pair_has_one_latent_and_one_noise():
    a, b = joined(generated_pairs(make_pair("same")).batches(10))
    assert a.dtype == np.uint8 and a.shape == (10, 16, 16, 1)
    np.testing.assert_array_equal(a, b)
    a, b = joined(generated_pairs(make_pair()).batches(10))
    assert (a != b).any(axis=(1, 2, 3)).all()


def test_a_pair_has_one_label_where_both_have_some():
    nets = make_pair("same", label_sizes=(3, 3))
    label_sets = Labels([0, 1, 2]), Labels([2, 2, 0, 1, 1])
    a, b = joined(generated_pairs(nets, label_sets).batches(10))
    np.testing.assert_array_equal(a, b)
    # Each domain by itself has its own.
    alone = GeneratedImages(nets.G_ema_b, 4, labels_dataset=label_sets[1])
    assert (np.concatenate(list(alone.batches(10))) != b).any()


def test_labels_of_one_domain_are_its_own():
    nets = make_pair(label_sizes=(0, 3))
    _, b = joined(generated_pairs(nets, (None, Labels([0, 1, 2]))).batches(5))
    alone = GeneratedImages(nets.G_ema_b, 4, labels_dataset=Labels([0, 1, 2]))
    np.testing.assert_array_equal(np.concatenate(list(alone.batches(5))), b)


# Chance.


@pytest.mark.parametrize("num_batches", [1, 2, 3, 7])
def test_unrelated_images_are_those_of_the_next_pair(num_batches):
    a, b = random_pixels(7), random_pixels(7, seed=1)
    found = joined(with_unrelated(ArrayPairs(a, b, num_batches).batches(7)))
    for values, expected in zip(found, (a, b, np.roll(b, -1, axis=0)), strict=True):
        np.testing.assert_array_equal(values, expected)


def test_correction_for_chance_is_0_at_chance_and_1_for_perfection():
    assert corrected_for_chance(0.3, 0.3) == 0
    assert corrected_for_chance(1.0, 0.3) == 1
    assert corrected_for_chance(0.65, 0.3) == pytest.approx(0.5)
    assert corrected_for_chance(1.0, 1.0) == 0


# Pixel agreement.


def pixel_scores(change, a, b, **options):
    inputs = pair_inputs(array_inputs(), a, b, **options)
    return results_of(pixel_agreement.FAMILY, f"pixel_agreement{len(a)}_{change}", inputs)


@pytest.mark.parametrize("change", CHANGES)
def test_what_the_change_makes_agrees_in_all_pixels(change):
    a = random_pixels(6)
    b = np.stack([CHANGES[change](image) for image in a])
    scores = pixel_scores(change, a, b)
    assert scores[""] == scores["_corrected"] == 1
    assert scores["_unrelated"] < 0.8


def test_pixels_that_agree_are_counted():
    a = np.zeros((2, 4, 4, 1), np.uint8)
    b = np.zeros((2, 4, 4, 1), np.uint8)
    # All of the negatives of A are white; of B, half of one image, just so, and all of the other.
    b[0, :2], b[0, 2:], b[1] = 128, 127, 255
    scores = pixel_scores("negative", a, b)
    # All pairs are alike in A, so others fit as well.
    assert scores == {"": 0.75, "_unrelated": 0.75, "_corrected": 0.0}


def test_outlines_are_white_where_a_brighter_neighbour_is():
    a = np.zeros((2, 8, 8, 1), np.uint8)
    a[:, 3:5, 3:5] = 255
    b = np.zeros_like(a)
    b[:, 2:6, 2:6] = 255
    # A square instead of its outline: four pixels are wrong.
    assert pixel_scores("edge", a, b)[""] == 60 / 64
    b[:, 3:5, 3:5] = 0
    assert pixel_scores("edge", a, b)[""] == 1
    # Half as bright, all the same: white is relative to what the change makes.
    assert pixel_scores("edge", a // 3, b // 3)[""] == 1
    assert pixel_scores("edge", a // 3, np.zeros_like(b))[""] == 52 / 64


def test_unrelated_images_agree_by_chance_only():
    scores = pixel_scores("negative", random_pixels(400), random_pixels(400, seed=1))
    # 25,600 pixels, each a fair coin: a standard deviation of 0.003.
    assert scores[""] == pytest.approx(0.5, abs=0.015)
    assert scores["_corrected"] == pytest.approx(0.0, abs=0.04)


def test_pixels_of_colour_and_gray_images_compare():
    a = random_pixels(5)
    assert pixel_scores("negative", a, np.repeat(255 - a, 3, axis=3))[""] == 1


def test_agreement_does_not_depend_on_batches_or_on_the_order_of_pairs():
    a, b = random_pixels(9), random_pixels(9, seed=1)
    b[:5] = 255 - a[:5]
    one, many = (pixel_scores("negative", a, b, num_batches=n) for n in (1, 5))
    assert one == pytest.approx(many)
    order = np.random.default_rng(0).permutation(9)
    assert pixel_scores("negative", a[order], b[order])[""] == pytest.approx(one[""])


def test_negative_generators_make_negative_pairs():
    def scores(relation):
        inputs = dataclasses.replace(array_inputs(), pairs=generated_pairs(make_pair(relation)))
        return results_of(pixel_agreement.FAMILY, "pixel_agreement32_negative", inputs)

    assert scores("negative")[""] == 1
    # Generators of random weights make fields of a mean colour each, so that chance is anything.
    unrelated = scores(None)
    assert unrelated[""] == pytest.approx(unrelated["_unrelated"], abs=0.1)


# Label agreement.


class Judge:
    """What a classifier says of pairs, `of_pairs` of `Features`.

    Args:
        a, b: Probabilities float32 `[N, k]`.
        num_batches: In how many batches they come.
    """

    def __init__(self, a, b, num_batches=3):
        self._answers = ArrayPairs(a, b, num_batches)

    def of_pairs(self, network, pairs):
        assert network == "classifier"
        return self._answers.batches(sum(len(a) for a, _ in pairs))


def classifier(kind="classes", num_classes=3, resolution=8, **info):
    return types.SimpleNamespace(
        kind=kind,
        num_classes=num_classes,
        resolution=resolution,
        accuracy=info.get("accuracy"),
        info=info,
    )


def label_scores(a, b, judge=None, **options):
    count = len(a)
    judge = judge or classifier(num_classes=a.shape[1])
    pixels = random_pixels(count)
    inputs = pair_inputs(array_inputs(features=Judge(a, b, **options)), pixels, pixels)
    name = f"label_agreement{count}"
    return results_of(label_agreement.FAMILY, name, inputs, classifier=judge)


def test_pairs_of_one_class_agree():
    a = np.float32([[0.8, 0.1, 0.1], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.5, 0.4, 0.1]])
    b = np.float32([[0.5, 0.4, 0.1], [0.0, 0.9, 0.1], [0.7, 0.2, 0.1], [0.4, 0.3, 0.3]])
    scores = label_scores(a, b)
    assert scores[""] == 0.75
    # Classes 0, 1, 2 are seen 2, 1, 1 times in A and 3, 1, 0 times in B.
    assert scores["_chance"] == pytest.approx((2 * 3 + 1 * 1 + 1 * 0) / 16)
    assert scores["_corrected"] == pytest.approx((0.75 - 7 / 16) / (9 / 16))
    assert scores["_confidence_a"] == pytest.approx((0.8 + 0.6 + 0.6 + 0.5) / 4)
    assert scores["_confidence_b"] == pytest.approx((0.5 + 0.9 + 0.7 + 0.4) / 4)


def test_attributes_agree_one_by_one():
    a = np.float32([[0.9, 0.6], [0.2, 0.7]])
    b = np.float32([[0.8, 0.4], [0.6, 0.5]])
    scores = label_scores(a, b, classifier("attributes", 2, accuracy=0.9))
    assert scores[""] == 0.5
    # Yes: half and all in A, all and half in B.
    assert scores["_chance"] == pytest.approx((0.5 * 1 + 0.5 * 0 + 1 * 0.5 + 0 * 0.5) / 2)
    assert scores["_confidence_a"] == pytest.approx((0.9 + 0.6 + 0.8 + 0.7) / 4)
    assert scores["_expected"] == pytest.approx(0.9**2 + 0.1**2)


def test_the_same_answers_agree_always_and_other_ones_by_chance():
    a, b = probabilities(4000, 5), probabilities(4000, 5, seed=1)
    scores = label_scores(a, a)
    assert scores[""] == scores["_corrected"] == 1
    scores = label_scores(a, b)
    assert scores["_chance"] == pytest.approx(0.2, abs=0.01)
    assert scores["_corrected"] == pytest.approx(0, abs=0.03)


def test_agreement_in_a_single_class_is_worth_nothing():
    a = np.float32([[1.0, 0.0]] * 6)
    scores = label_scores(a, a)
    assert (scores[""], scores["_chance"], scores["_corrected"]) == (1, 1, 0)


@pytest.mark.parametrize("kind", ["classes", "attributes"])
def test_label_agreement_is_symmetric_and_blind_to_batches_and_order(kind):
    a, b = probabilities(50, 4), probabilities(50, 4, seed=1)
    b[:20] = a[:20]
    judge = classifier(kind, 4)
    ab, ba = label_scores(a, b, judge), label_scores(b, a, judge, num_batches=7)
    for end in ("", "_chance", "_corrected"):
        assert ab[end] == pytest.approx(ba[end])
    assert ab["_confidence_a"] == pytest.approx(ba["_confidence_b"])
    order = np.random.default_rng(0).permutation(50)
    assert label_scores(a[order], b[order], judge) == pytest.approx(ab)


def test_expected_agreement_is_that_of_a_judge_with_such_mistakes():
    assert expected_agreement((1.0, 1.0), 10) == 1
    # One that guesses agrees by chance.
    assert expected_agreement((0.1, 0.1), 10) == pytest.approx(0.1)
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 200_000)
    seen = []
    for accuracy in (0.9, 0.7):
        wrong = rng.random(len(truth)) > accuracy
        seen.append((truth + wrong * rng.integers(1, 4, len(truth))) % 4)
    found = (seen[0] == seen[1]).mean()
    assert expected_agreement((0.9, 0.7), 4) == pytest.approx(found, abs=0.005)


def test_accuracies_of_both_domains_count_where_they_are_known():
    a = probabilities(4, 3)
    known = classifier(accuracy=0.8, accuracies=[0.9, 0.7])
    assert label_scores(a, a, known)["_expected"] == expected_agreement((0.9, 0.7), 3)
    joint = classifier(accuracy=0.8, accuracies=[0.8])
    assert label_scores(a, a, joint)["_expected"] == expected_agreement((0.8, 0.8), 3)
    assert "_expected" not in label_scores(a, a)


def test_images_must_not_be_smaller_than_those_of_the_classifier():
    judge = classifier(resolution=32)
    metric = make_metric(label_agreement.FAMILY, "label_agreement1k", classifier=judge)
    assert metric.min_resolution == 32 and metric.networks == ("classifier",)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        (pixel_agreement.FAMILY, "pixel_agreement1k_edge"),
        (label_agreement.FAMILY, "label_agreement1k"),
    ],
)
def test_one_domain_has_no_pairs(family, name):
    metric = make_metric(family, name, classifier=classifier())
    assert metric.of_pair and not metric.lower_is_better
    with pytest.raises(ValueError, match=f"{name} compares images of two domains"):
        metric.compute(array_inputs())
