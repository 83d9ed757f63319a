"""Which scales are connected: both networks agree, and everything that uses them works."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from support.tiny_discriminator import make_discriminator, random_scales
from support.tiny_generator import images_of, make_generator
from support.tiny_training import make_tiny_dataset, tiny_config, train_tiny

from msg_stylegan.generation.score import Scorer
from msg_stylegan.networks import load_snapshot, newest_snapshot, ops
from msg_stylegan.networks.snapshot import Networks
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.options import changed
from msg_stylegan.projection.pyramid_loss import PyramidLoss
from msg_stylegan.resolutions import connected_scales
from msg_stylegan.training.architecture import make_networks

# (connect, resolution) -> scales.
SCALES = {
    ("all", 128): [4, 8, 16, 32, 64, 128],
    ("coarse", 128): [4, 8, 128],
    ("middle", 128): [16, 32, 128],
    ("fine", 256): [64, 128, 256],
    ("fine", 32): [32],
    ("middle", 16): [16],
    ("none", 128): [128],
    ("32,8", 64): [8, 32, 64],
    ("64", 64): [64],
}


@pytest.mark.parametrize("case", SCALES)
def test_connected_scales(case):
    assert connected_scales(*case) == SCALES[case]


@pytest.mark.parametrize("connect", ["", "some", "4,", "64", "4,all", "12", "-4", "None"])
def test_unknown_connections_are_refused(connect):
    with pytest.raises(ValueError, match=r"`connect` to be one of.*'coarse'.*4, 8, 16, 32"):
        connected_scales(connect, 32)


@pytest.mark.parametrize("connect", ["coarse", "none", "8"])
@pytest.mark.parametrize("progan", [False, True])
def test_generator_gives_the_images_that_the_discriminator_sees(connect, progan):
    G = make_generator(connect=connect)
    D = make_discriminator(
        connect=connect,
        combine="lin_cat" if progan else "cat_lin",
        body="progan" if progan else "stylegan",
    )
    assert G.resolutions == D.resolutions == connected_scales(connect, 16)
    assert [block.torgb is not None for block in G.synthesis.blocks] == [
        side in G.resolutions for side in (4, 8, 16)
    ]
    images = images_of(G)
    assert [image.shape[1] for image in images] == D.resolutions
    variables = [tensorflow_variable(v) for v in (*G.trainable_variables, *D.trainable_variables)]
    inputs = [tf.constant(image) for image in random_scales(D, 4)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(tf.square(D(inputs))) + tf.reduce_sum(D(G(np.ones((4, 6), "f"))))
    gradients = tape.gradient(loss, [*inputs, *variables], unconnected_gradients="zero")
    for image, gradient in zip(inputs, gradients, strict=False):
        assert np.any(gradient), image.shape


def test_discriminator_of_one_scale_has_no_combine_functions():
    assert not combining_blocks(make_discriminator(connect="none"))
    assert combining_blocks(make_discriminator(connect="8")) == [8]
    assert combining_blocks(make_discriminator()) == [4, 8]
    wide = make_discriminator(connect="8", combine="lin_cat")
    channels = {block.resolution: block.out_channels for block in wide.blocks}
    # The 8x8 block takes half of its 8 channels from the image, the 4x4 block all from above.
    assert channels[16] == 4
    assert channels[8] == 8


def combining_blocks(D):
    blocks = [block for block in D.blocks if not block.is_top]
    return [block.resolution for block in blocks if block.combine.variables]


def test_image_scales():
    image = tf.constant(np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 1)).astype("f"))
    pyramid = {x.shape[1]: x for x in ops.image_pyramid(image, 4)}
    for sides in ([4, 8, 16, 32], [8, 32], [32], [4, 16]):
        for side, scale in zip(sides, ops.image_scales(image, sides), strict=True):
            np.testing.assert_array_equal(scale, pyramid[side])


def test_projection_compares_means_where_there_is_no_image():
    G = make_generator(connect="4", num_channels=3)
    target = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3)).astype(np.uint8)
    loss = PyramidLoss(G)
    pyramid = loss.target_pyramid(target)
    assert [x.shape[1] for x in pyramid] == [4, 8, 16]
    np.testing.assert_allclose(loss([pyramid[0], pyramid[2]], pyramid), [0.0], atol=1e-12)
    worse = loss([pyramid[0] + 1.0, pyramid[2]], pyramid)
    np.testing.assert_allclose(worse, [16 / (16 + 64 + 256)], rtol=1e-5)


@pytest.mark.parametrize("connect", ["coarse", pytest.param("none", marks=pytest.mark.slow)])
def test_training_with_some_scales(connect, tmp_path):
    config = changed(tiny_config(tmp_path, total_kimg=0.032), {"connect": connect})
    dataset = make_tiny_dataset(tmp_path)
    run_dir = train_tiny(config, dataset)
    nets = load_snapshot(newest_snapshot(run_dir))
    expected = connected_scales(connect, 16)
    assert nets.G_ema.resolutions == nets.D.resolutions == expected
    folders = {path.name for path in run_dir.iterdir() if "x" in path.name and path.is_dir()}
    assert folders == {f"{side}x{side}" for side in expected}
    assert np.isfinite(Scorer(nets.D)(np.zeros((16, 16, 1), np.uint8)))


def test_snapshots_with_the_older_name_of_the_option():
    data = SimpleNamespace(resolution=16, num_channels=1, label_size=0)
    stored = make_networks(tiny_config(Path()), [data]).get_config()
    del stored["generator"]["connect"]
    stored["generator"]["output"] = "single"
    assert Networks.from_config(stored).G.resolutions == [16]
