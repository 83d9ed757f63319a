"""The encoder gives one latent per image, from all of its scales and from nothing else."""

import numpy as np
import pytest
import tensorflow as tf
from support.network_weights import count, randomize_zeros
from support.plain_operations import one_hot
from support.tiny_discriminator import CHANGES, OPTIONS, make_discriminator, random_scales
from tensorflow import keras

from msg_stylegan.networks import Encoder
from msg_stylegan.networks.pair_member import flat_config


def make_encoder(z_dim=5, **options):
    """Built, with no weight at zero."""
    E = Encoder.from_config({**OPTIONS, **options, "z_dim": z_dim})
    E.build()
    randomize_zeros(E, seed=0)
    return E


@pytest.mark.parametrize("body", ["stylegan", "progan"])
@pytest.mark.parametrize("connect", ["all", "none", "8"])
def test_components_are_the_logits_of_a_discriminator_of_classes(body, connect):
    options = {"body": body, "connect": connect, "mbstd_group_size": 0}
    D = make_discriminator(**options, label_size=3)
    E = make_encoder(z_dim=3, body=body, connect=connect)
    for variable, other in zip(E.variables, D.variables, strict=True):
        variable.assign(np.asarray(other))
    images = random_scales(E, 4)
    logits = [D(images, one_hot([label] * 4, 3)) for label in range(3)]
    np.testing.assert_allclose(E(images), np.concatenate(logits, axis=1), rtol=1e-5, atol=1e-6)


def test_latent_does_not_depend_on_the_batch():
    E = make_encoder()
    images = random_scales(E, 4)
    together = np.asarray(E(images))
    assert together.shape == (4, 5)
    for index in range(4):
        alone = E([image[index : index + 1] for image in images])
        np.testing.assert_allclose(alone[0], together[index], rtol=1e-4, atol=1e-5)


def test_pictures_are_seen_as_means_and_gray_ones_in_colour():
    E = make_encoder(connect="coarse")
    pictures = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 1), np.uint8)
    scales = E.scales_of(pictures)
    assert [scale.shape[1] for scale in scales] == E.resolutions
    for scale in scales:
        side = 16 // scale.shape[1]
        means = pictures.reshape(2, 16 // side, side, 16 // side, side, 1).mean(axis=(2, 4))
        np.testing.assert_allclose(scale, means / 127.5 - 1.0, atol=1e-5)
    colour = E.scales_of(pictures.repeat(3, axis=3))
    np.testing.assert_allclose(E(scales), E(colour), rtol=1e-5, atol=1e-6)


def test_every_scale_counts():
    E = make_encoder()
    images = [tf.constant(image) for image in random_scales(E, 2)]
    with tf.GradientTape() as tape:
        tape.watch(images)
        latents = E(images)
    gradients = tape.gradient(latents, images)
    assert [gradient.shape[1] for gradient in gradients] == E.resolutions == [4, 8, 16]
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)


def test_only_the_last_layer_knows_the_number_of_components():
    small, large = make_encoder(z_dim=1), make_encoder(z_dim=11)
    # The dense layer before it has 8 channels.
    difference = count(large.trainable_variables) - count(small.trainable_variables)
    assert difference == 10 * (8 + 1)


def test_description_and_file_bring_it_back(tmp_path):
    E = make_encoder(z_dim=7, **CHANGES)
    config = E.get_config()
    assert config["z_dim"] == E.z_dim == 7
    assert Encoder.from_config(config).get_config() == config
    assert {**flat_config(E.options, E.data), "z_dim": 7, "name": E.name} == config
    E.save(tmp_path / "encoder.keras")
    again = keras.models.load_model(tmp_path / "encoder.keras", compile=False)
    assert type(again) is Encoder
    assert again.get_config() == config
    images = random_scales(E, 2)
    np.testing.assert_array_equal(again(images), E(images))


def test_wrong_use_is_refused():
    with pytest.raises(ValueError, match=r"`z_dim` to be at least 1\. Received: 0"):
        make_encoder(z_dim=0)
    E = make_encoder()
    with pytest.raises(ValueError, match="images from low to high resolution"):
        E(random_scales(E, 2)[1:])
