import numpy as np
import pytest
import tensorflow as tf
from support.tiny_run import RESOLUTION, make_dataset, make_networks

from metrics.generated_images import GeneratedImages


@pytest.fixture(scope="module")
def G():
    return make_networks().G_ema


def joined(batches):
    return np.concatenate(list(batches))


def mean_difference(a, b):
    return tf.reduce_mean(tf.abs(a - b), axis=(1, 2, 3))


def start_value(a, b):
    return tf.reduce_mean(a, axis=(1, 2, 3))


def along_paths(images, num_paths=6, distance=mean_difference, **options):
    options = {"space": "w", "sampling": "end", "epsilon": 1e-3, **options}
    return np.concatenate(list(images.path_distances(num_paths, distance, **options)))


def test_images_are_the_highest_of_all_scales(G):
    images = GeneratedImages(G, 4, seed=3)
    top = joined(images.batches(6))
    scales = [np.concatenate(scale) for scale in zip(*images.scale_batches(6), strict=True)]
    assert top.dtype == np.uint8 and top.shape == (6, RESOLUTION, RESOLUTION, 1)
    assert [scale.shape[1] for scale in scales] == images.resolutions == [4, 8, 16]
    np.testing.assert_array_equal(scales[-1], top)


def test_the_seed_decides(G):
    first, again, other = (joined(GeneratedImages(G, 4, seed=s).batches(4)) for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("space", ["z", "w"])
def test_paths_close_as_epsilon_falls(G, space):
    images = GeneratedImages(G, 4)
    means = [along_paths(images, space=space, epsilon=e).mean() for e in (1e-1, 1e-2, 1e-3)]
    # Both images have the same noise; otherwise they would not meet.
    assert means[0] > 3 * means[1] > 9 * means[2] > 0
    np.testing.assert_array_equal(along_paths(images, space=space, epsilon=0.0), np.zeros(6))


def test_paths_start_at_their_first_latent_in_both_spaces(G):
    images = GeneratedImages(G, 4)
    w, z = (along_paths(images, distance=start_value, space=space) for space in ("w", "z"))
    np.testing.assert_allclose(w, z, atol=1e-4)
    assert np.ptp(w) > 1e-3


def test_paths_begin_at_the_end_or_anywhere(G):
    images = GeneratedImages(G, 4)
    full, again, end = (
        along_paths(images, distance=start_value, sampling=s) for s in ("full", "full", "end")
    )
    assert np.abs(full - end).max() > 1e-3
    np.testing.assert_array_equal(full, again)


def test_images_on_paths_are_float_and_of_the_highest_resolution(G):
    seen = []

    def distance(a, b):
        seen.append((a.shape, a.dtype, b.shape))
        return mean_difference(a, b)

    few, many = (along_paths(GeneratedImages(G, 4), n, distance) for n in (5, 8))
    assert few.shape == (5,) and few.dtype == np.float32
    np.testing.assert_array_equal(few, many[:5])
    shape = (4, RESOLUTION, RESOLUTION, 1)
    assert seen == 2 * [(shape, tf.float32, shape)]


def test_fixed_images_change_with_the_weights_only():
    G = make_networks().G_ema
    images = GeneratedImages(G, 4)
    before = images.fixed_images(6)
    assert [scale.shape for scale in before] == [(6, r, r, 1) for r in (4, 8, 16)]
    again = GeneratedImages(G, 3).fixed_images(6)
    for a, b in zip(before, again, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    for variable in G.trainable_variables:
        variable.assign(variable * 1.1)
    assert np.abs(images.fixed_images(6)[-1] - before[-1]).max() > 1e-3


def test_previous_fixed_images_come_from_the_one_who_knows(G):
    images = GeneratedImages(G, 4)
    assert images.previous_fixed_images(2) is None
    later = images.after(lambda count: ["images", count])
    assert later.previous_fixed_images(2) == ["images", 2]
    assert images.previous_fixed_images(2) is None


def test_conditional_generators_get_the_labels_of_the_data_set(tmp_path):
    dataset = make_dataset(tmp_path / "tiny", label_size=3)
    G = make_networks(label_size=3).G_ema
    images = GeneratedImages(G, 4, labels_dataset=dataset)
    assert joined(images.batches(6)).shape == (6, RESOLUTION, RESOLUTION, 1)
    assert along_paths(images).shape == (6,)
    assert images.fixed_images(2)[-1].shape == (2, RESOLUTION, RESOLUTION, 1)
    with pytest.raises(ValueError, match="conditional"):
        joined(GeneratedImages(G, 4).batches(1))


def test_no_global_random_state_is_touched(G):
    def draw():
        return np.random.rand(), float(tf.random.uniform([]))

    np.random.seed(1)
    tf.random.set_seed(1)
    expected = draw()
    np.random.seed(1)
    tf.random.set_seed(1)
    images = GeneratedImages(G, 4)
    joined(images.batches(4))
    along_paths(images, sampling="full")
    images.fixed_images(2)
    assert draw() == expected
