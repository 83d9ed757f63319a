import numpy as np
import pytest
from support.metric_inputs import ArrayFeatures, array_inputs, make_metric

from metrics import inception_score as module
from metrics.inception_score import FAMILY, inception_score


def some_logits(count, classes=12, seed=0):
    return np.random.default_rng(seed).normal(size=(count, classes)).astype(np.float32) * 3


def plain_score(logits):
    """The definition, with the KL divergence of every image."""
    values = np.exp(logits.astype(np.float64))
    p = values / values.sum(axis=1, keepdims=True)
    scores = []
    for split in range(10):
        part = p[len(p) * split // 10 : len(p) * (split + 1) // 10]
        divergences = (part * (np.log(part) - np.log(part.mean(axis=0)))).sum(axis=1)
        scores.append(np.exp(divergences.mean()))
    return np.mean(scores), np.std(scores)


@pytest.mark.parametrize("count", [10, 25, 1000, 1007])
def test_score_equals_a_plain_statement_of_the_definition(count):
    logits = some_logits(count)
    np.testing.assert_allclose(inception_score(logits), plain_score(logits), rtol=1e-9, atol=1e-12)


def test_sure_and_even_classes_score_their_number():
    # 10 splits, each of which has every class equally often.
    logits = np.tile(np.eye(7) * 100, (30, 1))
    np.testing.assert_allclose(inception_score(logits), (7, 0), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("logits", [np.zeros((50, 9)), np.tile(np.arange(9.0), (50, 1))])
def test_equal_images_score_one(logits):
    np.testing.assert_allclose(inception_score(logits), (1, 0), atol=1e-12)


def test_splits_are_contiguous():
    # Each split has one class of its own: nothing varies within it.
    assert inception_score(np.repeat(np.eye(10) * 100, 5, axis=0)) == pytest.approx((1, 0))


def test_a_constant_added_to_all_logits_does_not_count():
    logits = some_logits(200).astype(np.float64)
    for constant in (-1e5, 1e5):
        np.testing.assert_allclose(
            inception_score(logits + constant), inception_score(logits), rtol=1e-6
        )


def test_blocks_do_not_change_the_score(monkeypatch):
    logits = some_logits(1000)
    whole = inception_score(logits)
    monkeypatch.setattr(module, "_ROWS_AT_A_TIME", 7)
    np.testing.assert_allclose(inception_score(logits), whole, rtol=1e-12)


def test_bad_logits_are_refused():
    with pytest.raises(ValueError, match=r"at least 10 images. Received \[9, 12\]"):
        inception_score(some_logits(9))
    with pytest.raises(ValueError, match=r"Received \[30\]"):
        inception_score(np.zeros(30))
    bad = some_logits(20)
    bad[3, 3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        inception_score(bad)


def test_metric_reads_the_logits():
    source = ArrayFeatures(fakes={("inception", "logits"): some_logits(100)})
    mean, std = inception_score(some_logits(100)[:80])
    inputs = array_inputs(features=source)
    assert make_metric(FAMILY, "is80").compute(inputs) == {"is80_mean": mean, "is80_std": std}
