"""The discriminator equals a plain statement of it, checks its input and sees every scale."""

import numpy as np
import pytest
import tensorflow as tf
from support.network_weights import copy_weights
from support.plain_operations import append_stddev, blurred, convolve, means, one_hot
from support.tiny_discriminator import CHANGES, OPTIONS, make_discriminator, random_scales

from msg_stylegan import losses
from msg_stylegan.legacy import original_variables
from msg_stylegan.networks import Discriminator
from msg_stylegan.networks.ops import WHOLE_BATCH, image_pyramid
from msg_stylegan.networks.variables import tensorflow_variable


def plain_logits(D, images, labels=None):
    """The whole network in NumPy, from the weights by their original names, NHWC."""
    options = D.get_config()
    arrays = {
        name: layout.to_ours(layout.to_original(np.asarray(variable, np.float64)))
        for name, (variable, layout) in original_variables.discriminator_variables(D).items()
    }
    slope, gain = {"lrelu": 0.2, "relu": 0.0}[options["nonlinearity"]], np.sqrt(2.0)

    def activate(x):
        return np.where(x < 0, slope * x, x)

    def weight(name, gain=gain):
        kernel = arrays[f"{name}/weight"]
        he_scale = gain / np.sqrt(np.prod(kernel.shape[:-1]))
        return kernel * (he_scale if options["equalized_lr"] else 1.0)

    def layer(x, name):
        return convolve(x, weight(name)) + arrays[f"{name}/bias"]

    x = activate(layer(images[-1], "FromRGB_lod0"))
    for res, image in zip(reversed(D.resolutions), reversed(images), strict=True):
        scope = f"{res}x{res}"
        if res < D.resolution:
            x = convolve(np.concatenate([x, image], axis=-1), weight(f"{scope}/combine"))
        if options["mbstd_group_size"] > 1:
            x = append_stddev(x, options["mbstd_group_size"], options["mbstd_num_channels"])
        if res > 4:
            x = activate(layer(x, f"{scope}/Conv0"))
            if options["blur_filter"]:
                x = blurred(x, options["blur_filter"])
            x = activate(means(layer(x, f"{scope}/Conv1_down")))
    x = activate(layer(x, "4x4/Conv")).reshape(len(x), -1)
    x = activate(x @ weight("4x4/Dense0") + arrays["4x4/Dense0/bias"])
    x = x @ weight("4x4/Dense1", gain=1.0) + arrays["4x4/Dense1/bias"]
    return x if labels is None else np.sum(x * labels, axis=1, keepdims=True)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"resolution": 8, "num_channels": 1},
        {"nonlinearity": "relu", "blur_filter": (1, 4, 6, 4, 1)},
        {"equalized_lr": False, "blur_filter": (), "mbstd_group_size": 1},
        {"mbstd_group_size": 2, "mbstd_num_channels": 2},
        {"label_size": 3, "channel_decay": 0.5, "mbstd_group_size": 0},
    ],
    ids=str,
)
def test_logits_equal_the_plain_statement(options):
    D = make_discriminator(**options)
    images = random_scales(D, 4)
    labels = one_hot([0, 2, 1, 2], 3) if D.label_size else None
    logits = D(images, labels)
    assert logits.shape == (4, 1)
    assert logits.dtype == tf.float32
    expected = plain_logits(D, images, labels)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("res_log2", [3, 4, 5, 6])
def test_resolutions(res_log2):
    D = make_discriminator(resolution=2**res_log2)
    assert D.resolutions == [2**i for i in range(2, res_log2 + 1)]
    assert D(random_scales(D, 2)).shape == (2, 1)


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


def test_same_logits_inside_a_function():
    D = make_discriminator(label_size=2)
    images, labels = random_scales(D, 4), one_hot([0, 1, 1, 0], 2)
    compiled = tf.function(lambda images, labels: D(images, labels, training=True))
    np.testing.assert_allclose(compiled(images, labels), D(images, labels), rtol=1e-4, atol=1e-5)


def test_batch_size_may_be_known_late():
    D = make_discriminator()
    signature = [[tf.TensorSpec([None, res, res, 3], tf.float32) for res in D.resolutions]]
    compiled = tf.function(lambda images: D(images), input_signature=signature)
    for batch_size in (1, 3, 4, 8):
        images = random_scales(D, batch_size)
        logits = compiled([tf.constant(image) for image in images])
        np.testing.assert_allclose(logits, D(images), rtol=1e-4, atol=1e-5)


def wrong_images():
    right = random_scales(make_discriminator(), 4)
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
    D = make_discriminator()
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
    D = make_discriminator(label_size=label_size)
    with pytest.raises(ValueError, match=message):
        D(random_scales(D, 4), labels)


def test_logit_of_a_class_is_that_of_a_network_with_only_this_class():
    D = make_discriminator(label_size=3)
    images = random_scales(D, 4)
    conditional = original_variables.discriminator_variables(D)
    for k in range(3):
        single = make_discriminator(seed=1)
        table = original_variables.discriminator_variables(single)
        rest = copy_weights(table, conditional)
        assert rest == {"4x4/Dense1/weight", "4x4/Dense1/bias"}
        for name in rest:
            table[name][0].assign(np.asarray(conditional[name][0])[..., k : k + 1])
        np.testing.assert_allclose(
            D(images, one_hot([k] * 4, 3)), single(images), rtol=1e-4, atol=1e-5
        )


def test_every_sample_has_its_own_label():
    D = make_discriminator(label_size=3)
    images, classes = random_scales(D, 4), [2, 0, 1, 1]
    by_class = [np.asarray(D(images, one_hot([k] * 4, 3))) for k in range(3)]
    assert not np.allclose(by_class[0], by_class[1])
    expected = [by_class[k][i] for i, k in enumerate(classes)]
    np.testing.assert_allclose(D(images, one_hot(classes, 3)), expected, rtol=1e-5, atol=1e-6)


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


def test_every_scale_decides():
    D = make_discriminator()
    images = random_scales(D, 4)
    logits = np.asarray(D(images))
    for i in range(len(images)):
        changed = [image + (j == i) * 0.5 for j, image in enumerate(images)]
        assert np.all(np.abs(np.asarray(D(changed)) - logits) > 1e-4)


def test_every_weight_is_trained_by_the_loss_with_the_penalty():
    D = make_discriminator(label_size=2)
    labels = one_hot([0, 1, 1, 0], 2)
    table = original_variables.discriminator_variables(D)
    variables = [tensorflow_variable(variable) for variable, _ in table.values()]
    with tf.GradientTape() as tape:
        penalty, logits = losses.r1_penalty(
            lambda images: D(images, labels),
            tf.constant(random_scales(D, 4)[-1]),
            lambda image: image_pyramid(image, len(D.resolutions)),
        )
        loss = tf.reduce_mean(tf.nn.softplus(-logits) + 5.0 * penalty)
    for name, gradient in zip(table, tape.gradient(loss, variables), strict=True):
        assert gradient is not None, name
        assert np.all(np.isfinite(gradient)), name
        assert np.any(gradient), name


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
    names = Discriminator.from_config(OPTIONS).get_config().keys() - {"name"}
    assert names == set(OPTIONS) == set(CHANGES)


@pytest.mark.parametrize("option", CHANGES)
def test_every_option_changes_the_result(option):
    D, other = make_discriminator(), make_discriminator(**{option: CHANGES[option]})
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


def test_config_round_trip():
    D = Discriminator.from_config({**CHANGES, "name": "odd"})
    D.build()
    again = Discriminator.from_config(D.get_config())
    again.build()
    assert again.get_config() == D.get_config()
    assert again.name == "odd"
    for option, value in CHANGES.items():
        stored = again.get_config()[option]
        assert (tuple(stored) if option == "blur_filter" else stored) == value
    assert [v.shape for v in again.variables] == [v.shape for v in D.variables]
    copy_weights(
        original_variables.discriminator_variables(again),
        original_variables.discriminator_variables(D),
    )
    images, labels = random_scales(D, 4), one_hot([0, 1, 2, 0], 3)
    np.testing.assert_array_equal(again(images, labels), D(images, labels))


def test_network_builds_itself_at_the_first_call():
    D = Discriminator.from_config(OPTIONS)
    assert not D.built
    assert D(random_scales(D, 4)).shape == (4, 1)
    # FromRGB, three blocks of two layers with kernel and bias, two combines, one more dense layer.
    assert len(D.trainable_variables) == 5 * 4 - 2
    assert D.non_trainable_variables == []
