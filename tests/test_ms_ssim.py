import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from support.metric_inputs import array_inputs, make_metric
from support.new_process import run_python
from support.smooth_images import smooth_images

from metrics import ms_ssim as module
from metrics.ms_ssim import FAMILY, large_ms_ssim, mean_ms_ssim, ms_ssim

WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]


def plain_ms_ssim(a, b):
    """The definition for two images, one window at a time, in float64."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    result = 1.0
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            a, b = ((x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4 for x in (a, b))
        size = min(11, a.shape[0])
        offsets = np.arange(size) - (size - 1) / 2
        squares = offsets[:, None] ** 2 + offsets**2
        window = np.exp(-squares / (2 * (1.5 * size / 11) ** 2))
        window /= window.sum()

        def mean(x, window=window):
            planes = [
                scipy.signal.correlate2d(x[..., c], window, "valid") for c in range(x.shape[2])
            ]
            return np.stack(planes, axis=-1)

        mean_a, mean_b = mean(a), mean(b)
        variances = mean(a**2) - mean_a**2 + mean(b**2) - mean_b**2
        structure = (2 * (mean(a * b) - mean_a * mean_b) + c2) / (variances + c2)
        luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
        value = (structure if scale < 4 else structure * luminance).mean()
        result *= max(value, 0.0) ** weight
    return result


@pytest.mark.parametrize("resolution", [16, 32, 64, 176])
@pytest.mark.parametrize("channels", [1, 3])
def test_similarity_equals_a_plain_statement_of_the_definition(resolution, channels):
    a, other = smooth_images(6, resolution, channels).reshape(
        2, 3, resolution, resolution, channels
    )
    mixed = (a * 0.7 + other * 0.3).astype(np.uint8)
    for b in (mixed, other, 255 - a):
        expected = [plain_ms_ssim(x, y) for x, y in zip(a, b, strict=True)]
        np.testing.assert_allclose(ms_ssim(a, b).numpy(), expected, rtol=1e-4, atol=1e-6)
        assert min(expected) >= 0


@pytest.mark.parametrize("numbers", [40 * 176 * 3, 100 * 176 * 3, 2**23])
@pytest.mark.parametrize("channels", [1, 3])
def test_strips_do_not_change_the_similarity(numbers, channels, monkeypatch):
    a, other = smooth_images(4, 176, channels).reshape(2, 2, 176, 176, channels)
    b = (a * 0.7 + other * 0.3).astype(np.uint8)
    monkeypatch.setattr(module, "_NUMBERS_AT_A_TIME", numbers)
    np.testing.assert_allclose(large_ms_ssim(a, b), ms_ssim(a, b), rtol=1e-5)
    expected = [plain_ms_ssim(x, y) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(large_ms_ssim(a, b), expected, rtol=1e-4)


def test_large_images_are_compared_by_strips(monkeypatch):
    x = smooth_images(4)
    expected = mean_ms_ssim(iter([x]), 2)
    strips = []

    def counted(a, b):
        strips.append(a.shape)
        return large_ms_ssim(a, b)

    monkeypatch.setattr(module, "large_ms_ssim", counted)
    monkeypatch.setattr(module, "_NUMBERS_AT_A_TIME", 64 * 64 * 3 - 1)
    assert mean_ms_ssim(iter([x]), 2) == pytest.approx(expected, rel=1e-5)
    assert strips == [(1, 64, 64, 3)] * 2


@pytest.mark.slow
def test_memory_for_large_images_is_bounded():
    """A pair of 4096x4096 needs far less than its 15 times in float32, as it did whole."""
    program = """
import resource, sys
import numpy as np
from metrics.ms_ssim import mean_ms_ssim

side = int(sys.argv[1])
images = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
mean_ms_ssim(iter([images]), 1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
    peaks = [int(run_python("-c", program, side)) for side in (2048, 4096)]
    more = 3 * (4096**2 - 2048**2)
    assert peaks[1] - peaks[0] < 8 * more


def test_similarity_of_flat_images_has_a_closed_form():
    # Without structure only the luminance of the coarsest scale is left.
    a, b = (np.full((1, 64, 64, 3), value, np.uint8) for value in (50, 100))
    luminance = (2 * 50 * 100 + 2.55**2) / (50**2 + 100**2 + 2.55**2)
    np.testing.assert_allclose(ms_ssim(a, b), luminance**0.1333, rtol=5e-5)


def test_equal_images_have_similarity_one():
    for x in (smooth_images(4), np.zeros((1, 16, 16, 1), np.uint8), np.full((1, 32, 32, 3), 255.0)):
        np.testing.assert_allclose(ms_ssim(x, x), 1.0, rtol=1e-6)


def test_similarity_is_symmetric_and_knows_no_direction():
    a, b = smooth_images(3), smooth_images(3, seed=1)
    value = ms_ssim(a, b).numpy()
    np.testing.assert_allclose(ms_ssim(b, a), value, rtol=1e-5)
    np.testing.assert_allclose(ms_ssim(a[:, ::-1], b[:, ::-1]), value, rtol=1e-4)
    turned = ms_ssim(a.transpose(0, 2, 1, 3), b.transpose(0, 2, 1, 3))
    np.testing.assert_allclose(turned, value, rtol=1e-4)


def test_opposite_images_have_no_similarity():
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    np.testing.assert_array_equal(ms_ssim(noise, 255 - noise), 0.0)


def test_more_noise_is_less_similar():
    a = smooth_images(4).astype(np.float32)
    noise = np.random.default_rng(1).normal(size=a.shape)
    values = [ms_ssim(a, a + noise * size).numpy().mean() for size in (0, 5, 20, 60)]
    assert sorted(values, reverse=True) == values


def test_pairs_are_consecutive_images():
    x = smooth_images(8)
    expected = np.mean([plain_ms_ssim(x[i], x[i + 1]) for i in (0, 2, 4, 6)])
    assert mean_ms_ssim(iter([x]), 4) == pytest.approx(expected, rel=1e-4)
    twins = np.repeat(x, 2, axis=0)
    assert mean_ms_ssim(iter([twins]), 8) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("cuts", [[8], [1, 2, 3, 4, 5, 6, 7], [3, 3, 6], [5], [7]])
def test_batches_do_not_change_the_mean(cuts, monkeypatch):
    x = smooth_images(8)
    counts = []
    monkeypatch.setattr(module, "_NUMBERS_AT_A_TIME", 64 * 64 * 3 * 2)
    batches = (batch for batch in np.split(x, cuts) if len(batch))
    value = mean_ms_ssim(batches, 4, counts.append)
    monkeypatch.undo()
    assert value == pytest.approx(mean_ms_ssim(iter([x]), 4), rel=1e-6)
    assert sum(counts) == 8


@pytest.mark.parametrize(
    ("batch", "pairs", "message"),
    [
        (np.zeros((2, 8, 8, 3), np.uint8), 1, r"a multiple of 16. Received .*8, 8, 3\]"),
        (np.zeros((2, 40, 40, 3), np.uint8), 1, "a multiple of 16"),
        (np.zeros((2, 32, 32, 3), np.float32), 1, "Received float32"),
        (np.zeros((3, 32, 32, 3), np.uint8), 2, "Expected 4 images. Received 3"),
        (np.zeros((0, 32, 32, 3), np.uint8), 2, "Expected 4 images. Received 0"),
    ],
)
def test_bad_images_are_refused(batch, pairs, message):
    with pytest.raises(ValueError, match=message):
        mean_ms_ssim(iter([batch]), pairs)


def test_images_of_different_size_are_refused():
    with pytest.raises(ValueError, match="one size"):
        ms_ssim(smooth_images(2), smooth_images(2, 32))


def test_metric_looks_at_fakes():
    x = smooth_images(9)
    for name, options, pairs in (("msssim3", {}, 3), ("msssim", {"num_fakes": 9}, 4)):
        result = make_metric(FAMILY, name).compute(array_inputs(fakes=x, **options))
        expected = mean_ms_ssim(iter([x[: 2 * pairs]]), pairs)
        assert result == {name: pytest.approx(expected, rel=1e-6)}
