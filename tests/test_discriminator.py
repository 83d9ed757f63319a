"""The discriminator checks its input, sees every scale and does what its options say."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from support.network_weights import copy_weights
from support.plain_operations import one_hot
from support.tiny_discriminator import (
    CHANGES,
    OF_SCOGAN,
    OPTIONS,
    make_discriminator,
    random_scales,
)

from msg_stylegan import losses
from msg_stylegan.legacy import original_variables
from msg_stylegan.networks import Discriminator
from msg_stylegan.networks.ops import WHOLE_BATCH, image_pyramid
from msg_stylegan.networks.variables import tensorflow_variable


@pytest.mark.parametrize("resolution", [0, 2, 4, 12, 48, -8])
def test_impossible_resolutions_are_refused(resolution):
    with pytest.raises(ValueError, match=rf"power of two of at least 8. Received: {resolution}"):
        Discriminator.from_config({**OPTIONS, "resolution": resolution})


def test_unknown_options_are_refused():
    with pytest.raises((TypeError, ValueError), match="fmap_base"):
        Discriminator.from_config({**OPTIONS, "fmap_base": 32})
    for option in ("nonlinearity", "mbstd_blocks", "combine", "body"):
        with pytest.raises(ValueError, match=rf"{option}='swish': must be "):
            Discriminator.from_config({**OPTIONS, option: "swish"})
    with pytest.raises(ValueError, match=r"mbstd_group_size=-2: must be at least -1"):
        Discriminator.from_config({**OPTIONS, "mbstd_group_size": -2})


def test_images_may_be_a_tuple_of_any_arrays():
    D = make_discriminator()
    images = [np.round(image) for image in random_scales(D, 4)]
    logits = D(images)
    for other in (
        tuple(images),
        [tf.constant(image) for image in images],
        [image.astype(np.float64) for image in images],
        [image.astype(np.int8) for image in images],
    ):
        np.testing.assert_allclose(D(other), logits, rtol=1e-5, atol=1e-6)
    # Nothing that is not a label for an unconditional network disturbs it.
    np.testing.assert_array_equal(D(images, None), logits)
    np.testing.assert_array_equal(D(images, np.zeros((4, 0), np.float32)), logits)


@pytest.mark.parametrize(
    ("group_size", "batch_sizes"), [(4, (1, 3, 4, 8)), (WHOLE_BATCH, (1, 3, 6))]
)
def test_batch_size_may_be_known_late(group_size, batch_sizes):
    D = make_discriminator(mbstd_group_size=group_size)
    signature = [[tf.TensorSpec([None, res, res, 3], tf.float32) for res in D.resolutions]]
    compiled = tf.function(lambda images: D(images), input_signature=signature)
    for batch_size in batch_sizes:
        images = random_scales(D, batch_size)
        logits = compiled([tf.constant(image) for image in images])
        np.testing.assert_allclose(logits, D(images), rtol=1e-4, atol=1e-5)


@functools.cache
def discriminator_of(label_size):
    """To be read only."""
    return make_discriminator(label_size=label_size)


def wrong_images():
    right = random_scales(discriminator_of(0), 4)
    return {
        "high to low": right[::-1],
        "two swapped": [right[1], right[0], right[2]],
        "one missing": right[1:],
        "full resolution missing": right[:-1],
        "one too many": [*right, np.zeros((4, 32, 32, 3), np.float32)],
        "a single image": right[-1:],
        "wrong size": [right[0], right[1][:, :7], right[2]],
        "grayscale": [image[..., :1] for image in right],
        "NCHW": [image.transpose(0, 3, 1, 2) for image in right],
        "nothing": [],
    }


@pytest.mark.parametrize("case", wrong_images())
def test_wrong_images_are_refused_with_both_lists_of_shapes(case):
    D = discriminator_of(0)
    images = wrong_images()[case]
    with pytest.raises(ValueError, match="from low to high resolution") as error:
        D(images)
    message = str(error.value)
    assert "[(4, 4, 3), (8, 8, 3), (16, 16, 3)]" in message
    assert str([image.shape[1:] for image in images]) in message


@pytest.mark.parametrize(
    ("label_size", "labels", "message"),
    [
        (3, None, r"shape \[N, 3\].*None"),
        (3, np.zeros((4, 2), np.float32), r"shape \[N, 3\].*\(4, 2\)"),
        (3, np.zeros(3, np.float32), r"shape \[N, 3\].*\(3,\)"),
        (3, np.zeros((2, 3), np.float32), r"one label per sample \(4\).*2"),
        (0, np.zeros((4, 3), np.float32), r"unconditional.*\(4, 3\)"),
    ],
)
def test_wrong_labels_are_refused(label_size, labels, message):
    D = discriminator_of(label_size)
    with pytest.raises(ValueError, match=message):
        D(random_scales(D, 4), labels)


@pytest.mark.parametrize("label_size", [0, 2])
def test_gradient_reaches_every_scale_of_every_sample(label_size):
    D = make_discriminator(label_size=label_size)
    images = [tf.constant(image) for image in random_scales(D, 4)]
    labels = one_hot([0, 1, 1, 0], 2) if label_size else None
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(D(images, labels))
    for image, gradient in zip(images, tape.gradient(total, images), strict=True):
        assert gradient.shape == image.shape
        assert gradient.dtype == tf.float32
        assert np.all(np.any(np.asarray(gradient), axis=(1, 2, 3)))


def test_penalty_trains_all_kernels_but_no_additive_part_of_the_logit():
    """R1 alone: the last bias is the one weight that the gradient of the logits does not see."""
    D = make_discriminator()
    table = original_variables.discriminator_variables(D)
    variables = [tensorflow_variable(variable) for variable, _ in table.values()]
    reals = tf.constant(random_scales(D, 4)[-1])
    with tf.GradientTape() as tape:
        penalty, _ = losses.r1_penalty(D, reals, lambda image: image_pyramid(image, 3))
        mean = tf.reduce_mean(penalty)
    gradients = tape.gradient(mean, variables, unconnected_gradients="zero")
    trained = {name for name, g in zip(table, gradients, strict=True) if np.any(g)}
    assert {name for name in table if name.endswith("weight")} <= trained
    assert "4x4/Dense1/bias" not in trained


@pytest.mark.parametrize("group_size", [0, 1, 2, 4, WHOLE_BATCH])
def test_samples_of_a_group_see_each_other_and_no_others(group_size):
    D = make_discriminator(mbstd_group_size=group_size)
    images = random_scales(D, 8)
    logits = np.asarray(D(images))
    # Only the first sample becomes another one.
    changed = [np.concatenate([-image[:1], image[1:]]) for image in images]
    moved = np.flatnonzero(np.abs(np.asarray(D(changed)) - logits)[:, 0] > 1e-5)
    num_groups = 1 if group_size == WHOLE_BATCH else 8 // max(group_size, 1)
    np.testing.assert_array_equal(moved, [i for i in range(8) if i % num_groups == 0])


def test_changes_cover_all_options():
    names = Discriminator.from_config(OPTIONS).get_config().keys() - {"name", *OF_SCOGAN}
    assert names == set(OPTIONS) == set(CHANGES)


@pytest.mark.parametrize("option", CHANGES)
def test_every_option_changes_the_result(option):
    D, other = discriminator_of(0), make_discriminator(**{option: CHANGES[option]})
    different = copy_weights(
        original_variables.discriminator_variables(other),
        original_variables.discriminator_variables(D),
    )
    reshaping = {
        "resolution",
        "num_channels",
        "label_size",
        "channel_base",
        "channel_decay",
        "channel_max",
        "mbstd_num_channels",
        "mbstd_blocks",
        "combine",
        "connect",
    }
    assert bool(different) == (option in reshaping)
    logits, others = (
        np.asarray(
            network(random_scales(network, 4), one_hot([0, 1, 2, 0], 3)[:, : network.label_size])
        )
        for network in (D, other)
    )
    assert np.all(np.abs(others - logits) > 1e-4)


def test_network_builds_itself_at_the_first_call():
    D = Discriminator.from_config(OPTIONS)
    assert not D.built
    assert D(random_scales(D, 4)).shape == (4, 1)
    # FromRGB, three blocks of two layers with kernel and bias, two combines, one more dense layer.
    assert len(D.trainable_variables) == 5 * 4 - 2
    assert D.non_trainable_variables == []
