import numpy as np
import pytest
from support.metric_inputs import array_inputs, make_metric
from support.tiny_run import make_networks

from metrics.generated_images import GeneratedImages
from metrics.stability import FAMILY, mean_squared_differences


def pyramid(seed=0, count=3, channels=3):
    rng = np.random.default_rng(seed)
    return [
        rng.uniform(-1, 1, (count, res, res, channels)).astype(np.float32) for res in (4, 8, 16)
    ]


def test_a_constant_shift_is_squared_at_every_scale():
    images = pyramid()
    shifted = [scale + np.float32(0.25) for scale in images]
    result = mean_squared_differences(images, shifted)
    assert list(result) == [4, 8, 16]
    np.testing.assert_allclose(list(result.values()), 0.0625, rtol=1e-5)


def test_identity_symmetry_and_the_largest_value():
    a, b = pyramid(0), pyramid(1)
    assert mean_squared_differences(a, a) == {4: 0.0, 8: 0.0, 16: 0.0}
    assert mean_squared_differences(a, b) == mean_squared_differences(b, a)
    black, white = ([np.full_like(scale, value) for scale in a] for value in (-1, 1))
    assert mean_squared_differences(black, white) == {4: 4.0, 8: 4.0, 16: 4.0}


def test_scales_and_images_are_independent():
    a, b = pyramid(0), pyramid(1)
    for scale, res in enumerate((4, 8, 16)):
        whole = np.mean((a[scale].astype(np.float64) - b[scale]) ** 2)
        assert mean_squared_differences(a, b)[res] == pytest.approx(whole, rel=1e-12)
    mixed = [np.concatenate([x[:1], y[1:]]) for x, y in zip(a, b, strict=True)]
    first_only = mean_squared_differences(mixed, b)[4]
    assert first_only == pytest.approx(np.mean((a[0][0] - b[0][0]) ** 2) / 3, rel=1e-5)


def test_small_differences_of_bright_images_are_not_rounded_away():
    a = [np.ones((2, 64, 64, 3), np.float32)]
    b = [a[0] + np.float32(2**-20)]
    assert mean_squared_differences(a, b)[64] == 2.0**-40


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"Received \[\[3, 4, 4, 3\], .*different options"):
        mean_squared_differences(pyramid(), pyramid()[:2])
    with pytest.raises(ValueError, match="same shapes"):
        mean_squared_differences(pyramid(), pyramid(channels=1))


def test_first_snapshot_has_nothing_to_be_compared_with():
    generator = GeneratedImages(make_networks().G_ema, 16)
    assert make_metric(FAMILY, "stability36").compute(array_inputs(generator=generator)) == {}


def test_metric_compares_two_generators():
    before = GeneratedImages(make_networks(seed=0).G_ema, 16)
    now = GeneratedImages(make_networks(seed=1).G_ema, 5).after(before.fixed_images)
    metric = make_metric(FAMILY, "stability7")
    result = metric.compute(array_inputs(generator=now))
    assert list(result) == ["stability7", "stability7_4", "stability7_8", "stability7_16"]
    assert result[metric.headline] == result["stability7_16"] > 0
    expected = mean_squared_differences(before.fixed_images(7), now.fixed_images(7))
    assert [result[f"stability7_{res}"] for res in expected] == list(expected.values())

    same = before.after(before.fixed_images)
    assert set(metric.compute(array_inputs(generator=same)).values()) == {0.0}


def test_files_of_images_have_no_stability():
    with pytest.raises(ValueError, match="stability36 looks into a generator"):
        make_metric(FAMILY, "stability36").compute(array_inputs(generator=None))
