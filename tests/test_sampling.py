import numpy as np
import pytest
import tensorflow as tf
from support.tiny_generator import make_progan
from support.tiny_run import make_dataset, make_networks

from msg_stylegan.sampling.sampler import (
    Sampler,
    default_psi,
    draw_latents,
    iterate_images,
    latents_of_seeds,
    to_uint8,
    z_of_seeds,
)


def test_pixels_follow_the_rule_of_the_original():
    x = np.array([-9, -1.0, -1 + 1 / 127.5, -0.5 / 127.5, 0, 0.5 / 127.5, 1.0, 9], np.float32)
    # x * 127.5 + 128 without its fraction, limited: 0.5 stays 0, 128.5 stays 128, 255.5 is 255.
    np.testing.assert_array_equal(to_uint8(x), [0, 0, 1, 127, 128, 128, 255, 255])


def test_every_pixel_survives_the_way_to_floats_and_back():
    pixels = np.arange(256)
    np.testing.assert_array_equal(to_uint8((pixels - 127.5) / 127.5), pixels)


def test_latents_of_seeds_are_the_ones_of_the_stylegan_family():
    z = z_of_seeds([3, 77], 5)
    np.testing.assert_array_equal(z[1], np.random.RandomState(77).randn(5).astype(np.float32))
    np.testing.assert_array_equal(z[:1], z_of_seeds([3], 5))
    assert z.dtype == np.float32
    assert z_of_seeds([], 5).shape == (0, 5)


def test_latents_of_seeds_lie_where_the_generator_wants_them():
    for G, is_placed in ((make_networks().G_ema, False), (make_progan(), True)):
        z = latents_of_seeds(G, [3, 77])
        normal = z_of_seeds([3, 77], G.z_dim)
        np.testing.assert_array_equal(z, G.place_z(normal))
        assert (z != normal).all() == is_placed
        assert isinstance(z, np.ndarray) and z.dtype == np.float32
        np.testing.assert_allclose(latents_of_seeds(G, [77]), z[1:], rtol=1e-6)


def test_only_generators_with_w_are_truncated_unless_asked():
    assert default_psi(make_networks().G_ema) == 0.7
    assert default_psi(make_progan()) == 1.0


def test_sequence_does_not_depend_on_how_it_is_cut(tmp_path):
    dataset = make_dataset(tmp_path / "tiny", label_size=3)
    G = make_networks(label_size=3).G_ema
    z, labels = draw_latents(G, 5, 0, 60, dataset)
    z_tail, labels_tail = draw_latents(G, 5, 50, 10, dataset)
    np.testing.assert_array_equal(z[50:], z_tail)
    np.testing.assert_array_equal(labels[50:], labels_tail)
    assert z.shape == (60, 8) and labels.shape == (60, 3)
    # Label rows of the data set are one-hot, and all of them occur.
    np.testing.assert_array_equal(np.unique(labels, axis=0), np.eye(3)[::-1])
    assert abs(z.mean()) < 0.2 and abs(z.std() - 1) < 0.1
    other, _ = draw_latents(G, 6, 0, 60, dataset)
    assert not (z == other).any()


def test_conditional_networks_need_matching_labels(tmp_path):
    G = make_networks(label_size=3).G_ema
    with pytest.raises(ValueError, match="needs a data set with 3 label components"):
        draw_latents(G, 0, 0, 1)
    with pytest.raises(ValueError, match="Received 0"):
        draw_latents(G, 0, 0, 1, make_dataset(tmp_path / "tiny"))


def test_sampler_returns_what_the_network_says():
    G = make_networks(channels=3).G_ema
    z = z_of_seeds(range(5), 8)
    images = Sampler(G, 5, noise_mode="const", truncation_psi=0.5)(z)
    expected = G(z, None, truncation_psi=0.5, noise_mode="const")
    assert [image.shape for image in images] == [(5, r, r, 3) for r in (4, 8, 16)]
    for image, x in zip(images, expected, strict=True):
        # One level of rounding, because compiled sums may be ordered otherwise.
        assert np.abs(image.astype(int) - np.asarray(to_uint8(x), int)).max() <= 1


def test_chunks_are_padded_and_cut_without_a_trace():
    G = make_networks().G_ema
    z = z_of_seeds(range(7), 8)
    sampler = Sampler(G, 3, noise_mode="const")
    images = sampler(z)
    assert sampler._run._run.experimental_get_tracing_count() == 1
    for whole, alone in zip(images, sampler(z[6:]), strict=True):
        assert len(whole) == 7
        np.testing.assert_array_equal(whole[6:], alone)


def test_labels_reach_the_network():
    sampler = Sampler(make_networks(label_size=3).G_ema, 2, noise_mode="const")
    z = np.repeat(z_of_seeds([0], 8), 2, axis=0)
    images = sampler(z, np.eye(3)[:2])[-1]
    assert (images[0] != images[1]).any()
    with pytest.raises(ValueError, match=r"labels \[N, 3\]"):
        sampler(z)


def test_current_weights_are_used():
    G = make_networks().G_ema
    sampler = Sampler(G, 1, noise_mode="const")
    z = z_of_seeds([0], 8)
    before = sampler(z)[-1]
    for variable in G.trainable_variables:
        variable.assign(variable * 1.5)
    assert (sampler(z)[-1] != before).any()


def test_random_noise_follows_from_the_seed():
    sampler = Sampler(make_networks().G_ema, 4, resolutions=[16])
    batches = list(iterate_images(sampler, 10, seed=1))
    again = list(iterate_images(sampler, 10, seed=1))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(batches), np.concatenate(again))

    z = np.repeat(z_of_seeds([0], 8), 4, axis=0)
    (images,) = sampler(z, seed=1)
    assert (images[0] != images[1]).any()
    assert (images != sampler(z, seed=2)[0]).any()
    assert (images != sampler(z, seed=1, start=4)[0]).any()
    # Seeds that need more than 31 bits.
    assert (sampler(z, seed=2**32 - 1)[0] != sampler(z, seed=2**31 - 1)[0]).any()


def test_images_do_not_depend_on_the_batch_size_but_for_noise():
    G = make_networks(use_noise=False).G_ema
    small, large = (
        np.concatenate(list(iterate_images(Sampler(G, size, resolutions=[16]), 10, seed=0)))
        for size in (3, 16)
    )
    assert small.shape == (10, 16, 16, 1)
    assert np.abs(small.astype(int) - large).max() <= 1


def test_global_random_states_stay_as_they_are():
    G = make_networks().G_ema

    def draws(work):
        tf.random.set_seed(3)
        np.random.seed(3)
        generator = tf.random.get_global_generator()
        generator.reset_from_seed(3)
        before = tf.random.normal([2])
        work()
        numbers = [before, tf.random.normal([2]), generator.normal([2]), np.random.randn(2)]
        return np.stack([np.asarray(number) for number in numbers])

    with_images = draws(lambda: list(iterate_images(Sampler(G, 4, resolutions=[16]), 6, seed=0)))
    np.testing.assert_array_equal(with_images, draws(lambda: None))


def test_networks_that_are_not_finite_are_reported():
    G = make_networks().G_ema
    G.trainable_variables[-1].assign(G.trainable_variables[-1] * np.nan)
    with pytest.raises(ValueError, match="NaN"):
        Sampler(G, 1)(z_of_seeds([0], 8))


def test_wrong_requests_are_refused():
    G = make_networks().G_ema
    with pytest.raises(ValueError, match=r"\[4, 8, 16\] pixels. Received \[32\]"):
        Sampler(G, 1, resolutions=[32])
    with pytest.raises(ValueError, match="batch size"):
        Sampler(G, 0)
    with pytest.raises(ValueError, match=r"Expected z \[N, 8\]"):
        Sampler(G, 1)(np.zeros((1, 7)))
    with pytest.raises(ValueError, match="N > 0"):
        Sampler(G, 1)(np.zeros((0, 8)))
