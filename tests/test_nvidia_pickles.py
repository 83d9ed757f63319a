"""Pickles of NVIDIA's StyleGAN: generators of one scale, or a refusal with a reason."""

import numpy as np
import pytest
from support import tflib_writer
from support.original_recording import assert_close
from support.pickled_networks import SETTINGS, make_trio, nvidia_trio

from msg_stylegan.networks import Generator
from msg_stylegan.pretrained import load_networks

# Nothing may be run out of a file.
pytestmark = pytest.mark.usefixtures("victim")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_network_of_nvidia_makes_our_largest_image(tmp_path, small_networks, protocol):
    path = tflib_writer.save(tmp_path / "karras.pkl", nvidia_trio(small_networks), protocol)
    nets = load_networks(path)
    assert nets.D is None and nets.G_ema.resolutions == [16]
    z = np.random.default_rng(1).normal(size=(3, 8)).astype(np.float32)
    for psi in (1.0, 0.7):
        (image,) = nets.G_ema(z, truncation_psi=psi, noise_mode="const")
        expected = small_networks.G_ema(z, truncation_psi=psi, noise_mode="const")[-1]
        assert_close(image, expected, 1e-6)
    assert nets.info["source"]["format"] == "pickle of NVIDIA StyleGAN"
    growth, discriminator = nets.info["source"]["left_out"]
    assert "grew" in growth and "one scale" in discriminator


def test_a_network_of_nvidia_without_smaller_images(tmp_path, small_networks):
    records = nvidia_trio(small_networks, drop=["ToRGB_lod1", "ToRGB_lod2"])
    nets = load_networks(tflib_writer.save(tmp_path / "fixed.pkl", records[2]))
    assert nets.G_ema.resolutions == [16]
    assert "left_out" not in nets.info["source"]


@pytest.mark.parametrize("lod", [2.4, 1.0, 0.01])
def test_a_growing_network_is_refused(tmp_path, small_networks, lod):
    path = tflib_writer.save(tmp_path / "growing.pkl", nvidia_trio(small_networks, lod=lod))
    with pytest.raises(ValueError, match=rf"growing\.pkl.*still growing.*`lod` is {lod:g}"):
        load_networks(path)


@pytest.mark.parametrize("lod", [np.nan, np.float32([0, 0]), np.array("0")])
def test_a_strange_lod_is_refused(tmp_path, small_networks, lod):
    more = {"lod": np.asarray(lod)}
    record = tflib_writer.generator(small_networks.G, SETTINGS, more=more)
    with pytest.raises(ValueError, match=r"`lod` is not a number|array of type"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


def test_a_strange_layer_of_a_smaller_image_is_refused(tmp_path, small_networks):
    more = {"lod": np.float32(0), "ToRGB_lod7/bias": np.zeros(3, np.float32)}
    record = tflib_writer.generator(small_networks.G, SETTINGS, more=more)
    with pytest.raises(ValueError, match=r"Unknown: 'G_synthesis/ToRGB_lod7/bias'"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


def test_conditional_generators_of_both_kinds_are_the_same_function(tmp_path):
    settings = SETTINGS | {"label_size": 3}
    nets = make_trio(settings)
    records = nvidia_trio(nets, settings)
    single = load_networks(tflib_writer.save(tmp_path / "file.pkl", records)).G_ema
    assert isinstance(single, Generator) and single.label_size == 3
    z, labels = np.ones((3, 8), np.float32), np.eye(3, dtype=np.float32)
    expected = nets.G_ema(z, labels, noise_mode="const")[-1]
    assert_close(single(z, labels, noise_mode="const")[0], expected, 1e-6)
