"""The discriminator of every combine function and body equals a plain statement of it."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from support.plain_operations import append_stddev, blurred, convolve, means, one_hot
from support.tiny_discriminator import OPTIONS, make_discriminator, random_scales

from msg_stylegan.networks import Discriminator
from msg_stylegan.networks.ops import WHOLE_BATCH
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.resolutions import COMBINE_NAMES

# Channels at 8x8, 16x16 and 32x32, and at both ends of the 4x4 block.
WIDTHS = {"resolution": 32, "channel_base": 64, "channel_max": 12}


def plain_logits(D, images, labels=None):
    """The whole network in NumPy, NHWC."""
    options = D.get_config()
    slope = {"lrelu": 0.2, "relu": 0.0}[options["nonlinearity"]]
    group = options["mbstd_group_size"]
    uses_stddev = group not in (0, 1)
    if group == WHOLE_BATCH:
        group = len(images[0])

    def activate(x):
        return np.where(x < 0, slope * x, x)

    def weight(layer, gain):
        kernel = np.asarray(layer.kernel, np.float64)
        he_scale = gain / np.sqrt(np.prod(kernel.shape[:-1]))
        return kernel * (he_scale if options["equalized_lr"] else 1.0)

    def bias(layer):
        return np.asarray(layer.bias, np.float64)

    def convolution(x, layer):
        return convolve(x, weight(layer, np.sqrt(2.0))) + bias(layer)

    def dense(x, layer, gain):
        return x @ weight(layer, gain) + bias(layer)

    is_progan = options["body"] == "progan"
    x = convolution(images[-1], D.blocks[-1].fromrgb)
    if not is_progan:
        x = activate(x)
    for block, image in zip(reversed(D.blocks), reversed(images), strict=True):
        if block is not D.blocks[-1]:
            if options["combine"] == "cat_lin":
                x = convolve(np.concatenate([x, image], -1), weight(block.combine, np.sqrt(2.0)))
            elif options["combine"] == "lin_cat":
                x = np.concatenate([convolution(image, block.combine), x], -1)
            else:
                x = np.concatenate([x, image], -1)
        is_last = block is D.blocks[0]
        if uses_stddev and (options["mbstd_blocks"] == "all" or is_last):
            x = append_stddev(x, group, options["mbstd_num_channels"])
        x = activate(convolution(x, block.conv0))
        if is_last:
            x = activate(dense(x.reshape(len(x), -1), block.dense0, np.sqrt(2.0)))
            x = dense(x, block.dense1, np.sqrt(2.0) if is_progan else 1.0)
        else:
            if options["blur_filter"]:
                x = blurred(x, options["blur_filter"])
            x = convolution(x, block.conv1)
            x = means(activate(x)) if is_progan else activate(means(x))
    return x if labels is None else np.sum(x * labels, axis=1, keepdims=True)


def assert_plain(D, batch_size=4, labels=None):
    images = random_scales(D, batch_size)
    expected = plain_logits(D, images, labels)
    logits = D(images, labels)
    assert logits.shape == (batch_size, 1)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("combine", "body", "mbstd_blocks"),
    list(itertools.product(COMBINE_NAMES, ["stylegan", "progan"], ["all", "last"])),
)
def test_logits_equal_the_plain_statement(combine, body, mbstd_blocks):
    options = {"combine": combine, "body": body, "mbstd_blocks": mbstd_blocks}
    assert_plain(make_discriminator(**WIDTHS, **options))


@pytest.mark.parametrize(
    "options",
    [
        {"mbstd_group_size": WHOLE_BATCH, "blur_filter": ()},
        {"mbstd_group_size": 0, "equalized_lr": False},
        {"mbstd_group_size": 2, "mbstd_num_channels": 2, "mbstd_blocks": "all"},
        {"resolution": 8, "num_channels": 1, "nonlinearity": "relu"},
        {"label_size": 3, "channel_decay": 0.5},
    ],
    ids=str,
)
@pytest.mark.parametrize(("combine", "body"), [("lin_cat", "progan"), ("cat_lin", "stylegan")])
def test_other_options(combine, body, options):
    D = make_discriminator(combine=combine, body=body, **options)
    assert_plain(D, labels=one_hot([0, 2, 1, 2], 3) if D.label_size else None)


def test_asymmetric_blur():
    assert_plain(make_discriminator(blur_filter=(1, 3, 2)))


def test_odd_channels_give_the_larger_half_to_the_activation():
    D = make_discriminator(combine="lin_cat", resolution=16, channel_base=20, channel_max=5)
    assert [block.in_channels for block in D.blocks] == [5, 5, 2]
    assert D.blocks[0].combine.kernel.shape == (1, 1, 3, 2)
    assert D.blocks[1].out_channels == 3
    assert_plain(D)


@pytest.mark.parametrize("batch_size", [1, 3, 5])
def test_whole_batch_may_have_any_size(batch_size):
    """Groups of four refuse a batch of five."""
    options = {"combine": "lin_cat", "mbstd_blocks": "last"}
    assert_plain(make_discriminator(mbstd_group_size=WHOLE_BATCH, **options), batch_size)
    if batch_size == 5:
        D = make_discriminator(mbstd_group_size=4, **options)
        with pytest.raises(ValueError, match="multiple of `mbstd_group_size`=4"):
            D(random_scales(D, batch_size))


def test_lin_cat_needs_two_channels_to_share():
    with pytest.raises(ValueError, match="combine='lin_cat': needs 2 channels at 4x4"):
        Discriminator.from_config({**OPTIONS, "combine": "lin_cat", "channel_max": 1})
    # The top block combines nothing, so one channel is enough there.
    narrow = {"combine": "lin_cat", "channel_base": 16, "channel_max": 4, "resolution": 32}
    D = Discriminator.from_config({**OPTIONS, **narrow})
    assert [block.in_channels for block in D.blocks] == [4, 4, 2, 1]


def test_stddev_channels_must_divide_what_is_combined():
    simple = {**OPTIONS, "combine": "simple", "mbstd_num_channels": 2}
    with pytest.raises(ValueError, match="num_channels=2: must divide the 11 channels at 4x4"):
        Discriminator.from_config(simple)
    Discriminator.from_config({**simple, "num_channels": 2})


def test_every_scale_decides_and_gets_a_gradient():
    for combine, body in itertools.product(COMBINE_NAMES, ["stylegan", "progan"]):
        D = make_discriminator(combine=combine, body=body)
        images = [tf.constant(image) for image in random_scales(D, 4)]
        variables = [tensorflow_variable(variable) for variable in D.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(tf.nn.softplus(D(images)))
        for gradient in tape.gradient(total, [*images, *variables]):
            assert gradient is not None
            assert np.all(np.isfinite(gradient))
            assert np.any(gradient)
