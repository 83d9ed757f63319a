"""Augmentation of multi-scale images: one change for all scales, exact where it can be."""

import math

import numpy as np
import pytest
import tensorflow as tf

from msg_stylegan.augmentation import GROUPS, KINDS, select_kinds
from msg_stylegan.augmentation.pipeline import Augmentation, apply
from msg_stylegan.networks.ops import image_pyramid

SEED = (3, 4)
NEUTRAL = {
    "flip": 1.0,
    "rot90": 0.0,
    "translate": (0.0, 0.0),
    "scale": 1.0,
    "rotate": (0.0, 0.0),
    "aniso": 1.0,
    "brightness": 0.0,
    "contrast": 1.0,
    "hue": 0.0,
    "saturation": 1.0,
    "cutout": (0.5, 0.5, 0.0),
}


def noise_images(n=4, side=32, channels=3, dtype=np.float32):
    images = np.random.default_rng(5).uniform(-1, 1, [n, side, side, channels])
    return tf.constant(images.astype(dtype))


def smooth_images(n=8, side=64, channels=3):
    """Sums of waves of at most one period; like a reflection at the edges, they have no kinks."""
    rng = np.random.default_rng(6)
    place = (np.arange(side) + 0.5) / side
    waves = np.cos(np.pi * np.arange(3)[:, None] * place)  # [3r] even at both edges
    amounts = rng.uniform(-1, 1, [n, channels, 3, 3]) / 9
    return tf.constant(np.einsum("ncij,ix,jy->nyxc", amounts, waves, waves), tf.float32)


def pyramid(images):
    return image_pyramid(images, int(math.log2(images.shape[1])) - 1)


def draw(kinds, n, seed=SEED, probability=1.0):
    return Augmentation(kinds, probability).draw(seed, n)


def constant(kind, value, n=4):
    return {kind: tf.constant([value] * n, tf.float32)}


def change(image, kind, value):
    return apply([image], constant(kind, value, len(image)))[0].numpy()


def test_kinds_are_chosen_by_kind_and_by_group():
    assert select_kinds(["cutout", "flip"]) == ("flip", "cutout")
    assert select_kinds(["color", "hue"]) == GROUPS["color"]
    assert select_kinds(["blit", "geom", "color", "cutout"]) == select_kinds(["all"]) == KINDS
    assert select_kinds([]) == ()
    with pytest.raises(ValueError, match=r"'flop'\. Did you mean flip.*The kinds are: flip, rot90"):
        select_kinds(["blit", "flop"])


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        Augmentation([], 0.5)
    with pytest.raises(ValueError, match=r"1\.5"):
        Augmentation(["all"], 1.5)


@pytest.mark.parametrize("channels", [1, 3])
def test_without_probability_nothing_changes_in_any_bit(channels):
    images = pyramid(noise_images(channels=channels))
    augmentation = Augmentation(["all"], 0.0)
    parameters = augmentation.draw(SEED, 4)
    assert parameters.keys() == NEUTRAL.keys()
    for kind in KINDS[:-1]:
        np.testing.assert_array_equal(parameters[kind], constant(kind, NEUTRAL[kind])[kind])
    compiled = tf.function(augmentation, autograph=False)
    for before, after, again in zip(
        images, augmentation(images, parameters), compiled(images, parameters), strict=True
    ):
        np.testing.assert_array_equal(after, before)
        np.testing.assert_array_equal(again, before)


@pytest.mark.parametrize("kind", KINDS)
def test_neutral_values_change_nothing(kind):
    image = noise_images()
    np.testing.assert_array_equal(change(image, kind, NEUTRAL[kind]), image)


def test_flips_and_turns_are_permutations_of_pixels():
    image = noise_images()
    np.testing.assert_array_equal(change(image, "flip", -1.0), image[:, :, ::-1])
    for turns in range(4):
        expected = np.rot90(image, turns, axes=(1, 2))
        np.testing.assert_array_equal(change(image, "rot90", float(turns)), expected)


def test_a_rotation_by_a_quarter_is_a_turn():
    image = noise_images()
    for angles in ((math.pi / 2, 0.0), (0.0, math.pi / 2), (math.pi, -math.pi / 2)):
        expected = np.rot90(image, axes=(1, 2))
        np.testing.assert_allclose(change(image, "rotate", angles), expected, atol=1e-4)


def test_translation_moves_whole_pixels_of_the_largest_scale_and_mirrors_the_rest():
    images = pyramid(noise_images(side=32))
    # 0.11 of 32 pixels are 3.52, which is rounded; downwards 0.0625 are 2, and 1 at half size.
    moved = apply(images, constant("translate", (0.11, 0.0625)))
    expected = np.pad(images[-1], [[0, 0], [2, 0], [4, 0], [0, 0]], "symmetric")[:, :32, :32]
    np.testing.assert_array_equal(moved[-1], expected)
    expected = np.pad(images[-2], [[0, 0], [1, 0], [2, 0], [0, 0]], "symmetric")[:, :16, :16]
    np.testing.assert_array_equal(moved[-2], expected)


def ramp(side=32):
    """x in the first channel, y in the second, in normalised coordinates."""
    place = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(place, place)
    return tf.constant(np.stack([x, y], axis=-1)[None], tf.float32), x, y


@pytest.mark.parametrize(
    "kind, value, inverse",
    [
        ("scale", 2.0, [[0.5, 0.0], [0.0, 0.5]]),
        ("aniso", 1.25, [[0.8, 0.0], [0.0, 1.25]]),
        ("rotate", (0.3, 0.0), [[math.cos(0.3), -math.sin(0.3)], [math.sin(0.3), math.cos(0.3)]]),
    ],
)
def test_geometry_moves_a_ramp_as_its_matrix_says(kind, value, inverse):
    image, x, y = ramp()
    expected = np.einsum("ij,jyx->yxi", inverse, [x, y])
    # Where the neighbours of the place are in the image as well.
    inside = np.all(np.abs(expected) < 0.9, axis=-1)
    assert inside.mean() > 0.6
    np.testing.assert_allclose(change(image, kind, value)[0][inside], expected[inside], atol=1e-5)


def test_anisotropic_scaling_takes_the_direction_of_the_first_rotation():
    image, _, _ = ramp()
    quarter = {**constant("rotate", (math.pi / 2, -math.pi / 2), 1), **constant("aniso", 1.25, 1)}
    expected = change(image, "aniso", 0.8)
    np.testing.assert_allclose(apply([image], quarter)[0], expected, atol=1e-4)


def test_shrinking_smooths_what_would_alias():
    stripes = np.tile([1.0, -1.0], 16)[None, None, :, None] * np.ones([1, 32, 1, 1])
    stripes = tf.constant(stripes, tf.float32)
    # Inside of the image; a mirrored stripe at the edge is twice as wide.
    assert np.abs(change(stripes, "scale", 0.5)[:, :, 9:23]).max() < 1e-6
    assert np.abs(change(stripes, "scale", 2.0)[:, :, 9:23]).max() > 0.4
    constant_image = tf.fill([1, 32, 32, 1], 0.7)
    np.testing.assert_allclose(change(constant_image, "scale", 0.6), constant_image, atol=1e-6)


def test_colours_follow_their_formulas():
    image = noise_images().numpy()
    mean = image.mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(change(image, "brightness", 0.3), image + 0.3, atol=1e-6)
    np.testing.assert_allclose(change(image, "contrast", 1.5), image * 1.5, atol=1e-6)
    np.testing.assert_allclose(change(image, "saturation", 0.0), mean + 0 * image, atol=1e-6)
    expected = mean + (image - mean) * 2
    np.testing.assert_allclose(change(image, "saturation", 2.0), expected, atol=1e-5)
    third = change(image, "hue", 2 * math.pi / 3)  # red becomes green, green blue, blue red
    np.testing.assert_allclose(third, np.roll(image, 1, axis=-1), atol=1e-5)


def test_contrast_acts_on_what_brightness_left():
    image = noise_images().numpy()
    both = {**constant("contrast", 2.0), **constant("brightness", 0.25)}
    np.testing.assert_allclose(apply([image], both)[0], (image + 0.25) * 2, atol=1e-6)


def test_grey_images_keep_what_makes_sense():
    image = noise_images(channels=1)
    for kind, value in (("hue", 1.0), ("saturation", 2.0)):
        np.testing.assert_array_equal(change(image, kind, value), image)
    grey_as_colour = change(tf.repeat(image, 3, axis=-1), "contrast", 1.5)
    np.testing.assert_allclose(change(image, "contrast", 1.5), grey_as_colour[..., :1], atol=1e-6)


def test_cutout_empties_a_square():
    image = noise_images().numpy()
    expected = image.copy()
    expected[:, 0:12, 16:32] = 0.0
    np.testing.assert_array_equal(change(image, "cutout", (0.75, 0.125, 0.5)), expected)
    # Half of the first column is covered: from 3.5 to 19.5.
    partly = change(image, "cutout", (11.5 / 32, 0.5, 0.5))
    np.testing.assert_allclose(partly[:, 8:24, 3], image[:, 8:24, 3] / 2, atol=1e-6)


@pytest.mark.parametrize("kind", ["flip", "rot90", *GROUPS["color"]])
def test_exact_kinds_commute_with_the_pyramid(kind):
    images = noise_images(n=8, side=64)
    parameters = draw([kind], 8)
    of_scales = apply(pyramid(images), parameters)
    for once, each in zip(pyramid(apply([images], parameters)[0]), of_scales, strict=True):
        np.testing.assert_allclose(each, once, atol=2e-6)


def test_cutout_commutes_with_the_pyramid_of_a_plain_image():
    images = tf.fill([8, 64, 64, 3], 0.6)
    parameters = draw(["cutout"], 8)
    of_scales = apply(pyramid(images), parameters)
    for once, each in zip(pyramid(apply([images], parameters)[0]), of_scales, strict=True):
        np.testing.assert_allclose(each, once, atol=1e-6)


@pytest.mark.parametrize("kinds", [["translate"], ["scale"], ["rotate"], ["aniso"], ["geom"]])
def test_geometry_commutes_with_the_pyramid_to_interpolation_error(kinds):
    images = smooth_images()
    parameters = draw(["flip", "rot90", *kinds], 8)
    contrast = np.std(images)
    of_scales = apply(pyramid(images), parameters)
    for once, each in zip(pyramid(apply([images], parameters)[0]), of_scales, strict=True):
        error = np.sqrt(np.mean(np.square(each - once))) / contrast
        # A quarter at 4x4, where a wave of one period has four pixels, and falling fourfold.
        assert error < 4.0 / once.shape[1] ** 2 + 1e-3, once.shape[1]


def test_everything_at_once_commutes_with_the_pyramid_to_interpolation_error():
    images = smooth_images()
    parameters = draw([kind for kind in KINDS if kind != "cutout"], 8)
    top = apply([images], parameters)[0]
    for once, each in zip(pyramid(top), apply(pyramid(images), parameters), strict=True):
        error = np.sqrt(np.mean(np.square(each - once))) / np.std(top)
        assert error < 4.0 / once.shape[1] ** 2 + 1e-3, once.shape[1]


def test_samples_do_not_mix():
    images = pyramid(noise_images(n=6))
    parameters = draw(["all"], 6)
    together = apply(images, parameters)
    for i in range(6):
        one = {kind: value[i : i + 1] for kind, value in parameters.items()}
        alone = apply([image[i : i + 1] for image in images], one)
        for a, b in zip(alone, together, strict=True):
            np.testing.assert_allclose(a[0], b[i], atol=1e-6)


def test_parameters_are_a_function_of_the_seed():
    first, again, other = (draw(["all"], 64, seed) for seed in (SEED, SEED, (3, 5)))
    for kind in KINDS:
        np.testing.assert_array_equal(first[kind], again[kind])
        assert not np.array_equal(first[kind], other[kind])
        # What one kind draws does not depend on the others.
        np.testing.assert_array_equal(draw([kind], 64)[kind], first[kind])


def test_parameters_have_the_strengths_of_ada():
    n = 20000
    drawn = {kind: value.numpy() for kind, value in draw(["all"], n).items()}
    close = {"rtol": 0.03, "atol": 0.02}
    assert abs(np.mean(drawn["flip"] == -1.0) - 0.5) < 0.02
    for turns in range(4):
        assert abs(np.mean(drawn["rot90"] == turns) - 0.25) < 0.02
    assert 0.124 < np.abs(drawn["translate"]).max() <= 0.125
    np.testing.assert_allclose(np.std(drawn["translate"]), 0.25 / math.sqrt(12), **close)
    for kind, deviation in (("scale", 0.2), ("aniso", 0.2), ("contrast", 0.5), ("saturation", 1)):
        logarithm = np.log2(drawn[kind])
        np.testing.assert_allclose([logarithm.mean(), logarithm.std()], [0, deviation], **close)
    brightness = drawn["brightness"]
    np.testing.assert_allclose([brightness.mean(), brightness.std()], [0, 0.2], **close)
    for angle in (drawn["rotate"][:, 0], drawn["rotate"][:, 1], drawn["hue"]):
        assert np.abs(angle).max() <= math.pi + 1e-6
        np.testing.assert_allclose(np.std(angle), math.pi / math.sqrt(3), **close)
    assert np.all(drawn["cutout"][:, 2] == 0.5)
    assert 0.0 <= drawn["cutout"][:, :2].min() < 0.01 < 0.99 < drawn["cutout"][:, :2].max() <= 1.0


def test_every_kind_is_applied_with_the_probability():
    n, p = 20000, 0.3
    drawn = {kind: value.numpy() for kind, value in draw(["all"], n, probability=p).items()}
    # Half of the flips and a quarter of the turns leave the image as it is.
    shares = {"flip": 0.5 * p, "rot90": 0.75 * p}
    changed = []
    for kind in KINDS:
        neutral = np.broadcast_to(NEUTRAL[kind], drawn[kind].shape)
        differs = drawn[kind] != neutral
        if kind == "cutout":
            differs = differs[:, 2]
        differs = differs.reshape(n, -1).any(axis=1)
        changed.append(differs)
        assert abs(differs.mean() - shares.get(kind, p)) < 0.012, kind
    correlations = np.corrcoef(changed) - np.eye(len(KINDS))
    assert np.abs(correlations).max() < 0.03


def test_scales_and_samples_may_have_any_number():
    """As in a compiled step, where the share of a replica has no static length."""
    augmentation = Augmentation(["all"], 0.8)
    images = pyramid(noise_images(side=16))
    parameters = augmentation.draw(SEED, 4)
    signature = [tf.TensorSpec([None, *image.shape[1:]]) for image in images]

    @tf.function(autograph=False, input_signature=[signature, tf.TensorSpec([None])])
    def gradient(images, _):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.add_n([tf.reduce_sum(image**2) for image in apply(images, parameters)])
        return tape.gradient(loss, images)

    for image, g in zip(images, gradient(images, tf.zeros([2])), strict=True):
        assert g.shape == image.shape
        assert np.isfinite(g).all()


@pytest.mark.parametrize("kinds", [["geom"], ["all"]])
def test_first_and_second_derivatives_are_those_of_differences(kinds):
    """Of a curved discriminator and of its squared gradient, as in R1."""
    parameters = draw(kinds, 2)
    images = [noise_images(2, side, dtype=np.float64) for side in (4, 8)]
    rng = np.random.default_rng(7)
    weights = [tf.constant(rng.normal(size=image.shape)) for image in images]

    def score(images, weights):
        pairs = zip(apply(images, parameters), weights, strict=True)
        return tf.add_n([tf.reduce_sum(tf.tanh(image * w)) for image, w in pairs])

    def penalty(images, weights):
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = score(images, weights)
        return tf.add_n([tf.reduce_sum(tf.square(g)) for g in tape.gradient(total, images)])

    steps = [tf.constant(rng.normal(size=image.shape)) for image in images]
    for function in (score, penalty):
        for which in (0, 1):
            arguments = [images, weights]

            def along(t, function=function, which=which, arguments=arguments):
                moved = list(arguments)
                moved[which] = [a + t * s for a, s in zip(arguments[which], steps, strict=True)]
                return function(*moved)

            with tf.GradientTape() as tape:
                tape.watch(arguments[which])
                value = function(*arguments)
            gradients = tape.gradient(value, arguments[which])
            slope = sum(tf.reduce_sum(g * s) for g, s in zip(gradients, steps, strict=True))
            difference = (along(1e-5) - along(-1e-5)) / 2e-5
            np.testing.assert_allclose(slope, difference, rtol=1e-6)
