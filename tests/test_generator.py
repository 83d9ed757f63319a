"""The generator equals a plain statement of it, and its options and arguments do what they say."""

import inspect

import numpy as np
import pytest
import tensorflow as tf
from test_discriminator import (
    copy_weights,
    make_discriminator,
    one_hot,
    random_images,
    randomize_zeros,
)
from test_ops import blurred, convolve, nearest

from msg_stylegan.legacy import original_variables
from msg_stylegan.networks import Generator, build_networks
from msg_stylegan.networks.variables import tensorflow_variable

OPTIONS = {
    "resolution": 16,
    "num_channels": 3,
    "label_size": 0,
    "z_dim": 6,
    "w_dim": 5,
    "mapping_layers": 2,
    "mapping_width": 7,
    "mapping_lr_multiplier": 0.1,
    "mapping_nonlinearity": "lrelu",
    "normalize_z": True,
    "channel_base": 32,
    "channel_decay": 1.0,
    "channel_max": 8,
    "nonlinearity": "lrelu",
    "equalized_lr": True,
    "use_styles": True,
    "use_noise": True,
    "use_const_input": True,
    "use_pixel_norm": False,
    "use_instance_norm": True,
    "blur_filter": (1.0, 2.0, 1.0),
    "w_avg_beta": 0.9,
    "synthesis": "stylegan",
    "output": "msg",
    "z_space": "normal",
}
# A value of every option that differs from the one above.
CHANGES = {
    "resolution": 32,
    "num_channels": 1,
    "label_size": 3,
    "z_dim": 9,
    "w_dim": 4,
    "mapping_layers": 3,
    "mapping_width": 10,
    "mapping_lr_multiplier": 0.5,
    "mapping_nonlinearity": "relu",
    "normalize_z": False,
    "channel_base": 16,
    "channel_decay": 0.5,
    "channel_max": 4,
    "nonlinearity": "relu",
    "equalized_lr": False,
    "use_styles": False,
    "use_noise": False,
    "use_const_input": False,
    "use_pixel_norm": True,
    "use_instance_norm": False,
    "blur_filter": (),
    "w_avg_beta": 0.5,
    "synthesis": "progan",
    "output": "single",
    "z_space": "sphere",
}
# `test_progan` says what they do: nothing there has one of the original's names.
BEYOND_THE_ORIGINAL = ("synthesis", "output", "z_space")


def make_generator(seed=0, **options):
    """Built, with no weight at zero, w_avg included, and a constant input that varies."""
    tf.random.set_seed(seed)
    G = Generator(**{**OPTIONS, **options})
    G.build()
    randomize_zeros(G, seed)
    if G.get_config()["use_const_input"]:
        # Planes of one value would leave nothing but rounding errors after the instance norm.
        const = table_of(G)["G_synthesis/4x4/Const/const"][0]
        const.assign(np.random.default_rng(seed).normal(size=const.shape))
    return G


def table_of(G):
    return original_variables.generator_variables(G)


def latents(G, batch_size=4, seed=0):
    return np.random.default_rng(seed).normal(size=(batch_size, G.z_dim)).astype(np.float32)


def images_of(G, z=None, labels=None, **arguments):
    """Images as arrays, with the stored noise."""
    z = latents(G) if z is None else z
    return [np.asarray(x) for x in G(z, labels, **{"noise_mode": "const", **arguments})]


def assert_same(images, expected, tolerance=1e-5):
    assert len(images) == len(expected)
    for image, other in zip(images, expected, strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(image, other, rtol=0, atol=tolerance * scale)


def differ(images, others):
    """For every scale, whether every sample differs visibly."""
    return [
        bool(np.all(np.abs(np.asarray(a) - np.asarray(b)).max(axis=(1, 2, 3)) > 1e-4))
        for a, b in zip(images, others, strict=True)
    ]


class PlainGenerator:
    """The whole network in NumPy, from the weights by their original names, NHWC."""

    def __init__(self, G):
        self.G = G
        self.options = G.get_config()
        self.arrays = {
            name: np.asarray(variable, np.float64) for name, (variable, _) in table_of(G).items()
        }

    def activate(self, x, name):
        return np.where(x < 0, {"lrelu": 0.2, "relu": 0.0}[name] * x, x)

    def weight(self, name, gain, lr_multiplier=1.0):
        kernel = self.arrays[f"{name}/weight"]
        he_scale = gain / np.sqrt(np.prod(kernel.shape[:-1]))
        return kernel * lr_multiplier * (he_scale if self.options["equalized_lr"] else 1.0)

    def mapping(self, z, labels=None):
        x = z.astype(np.float64)
        if labels is not None:
            x = np.concatenate([x, labels @ self.arrays["G_mapping/LabelConcat/weight"]], axis=1)
        if self.options["normalize_z"]:
            x = x / np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-8)
        lr_multiplier = self.options["mapping_lr_multiplier"]
        for index in range(self.options["mapping_layers"]):
            name = f"G_mapping/Dense{index}"
            x = x @ self.weight(name, np.sqrt(2.0), lr_multiplier)
            x = x + self.arrays[f"{name}/bias"] * lr_multiplier
            x = self.activate(x, self.options["mapping_nonlinearity"])
        return x

    def epilogue(self, x, w, name, index):
        if self.options["use_noise"]:
            noise = self.arrays[f"G_synthesis/noise{index}"]
            x = x + noise * self.arrays[f"{name}/Noise/weight"]
        x = self.activate(x + self.arrays[f"{name}/bias"], self.options["nonlinearity"])
        if self.options["use_pixel_norm"]:
            x = x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-8)
        if self.options["use_instance_norm"]:
            x = x - x.mean(axis=(1, 2), keepdims=True)
            x = x / np.sqrt(np.mean(x**2, axis=(1, 2), keepdims=True) + 1e-8)
        if self.options["use_styles"]:
            style = w @ self.weight(f"{name}/StyleMod", 1.0) + self.arrays[f"{name}/StyleMod/bias"]
            scale, shift = np.split(style[:, None, None], 2, axis=-1)
            x = x * (scale + 1) + shift
        return x

    def synthesis(self, w):
        images, gain, x = [], np.sqrt(2.0), None
        for index, res in enumerate(self.G.resolutions):
            scope = f"G_synthesis/{res}x{res}"
            names = ["Conv0_up", "Conv1"]
            if res > 4:
                x = convolve(nearest(x), self.weight(f"{scope}/Conv0_up", gain))
                if self.options["blur_filter"]:
                    x = blurred(x, self.options["blur_filter"])
            elif self.options["use_const_input"]:
                x, names = np.repeat(self.arrays[f"{scope}/Const/const"], len(w), 0), ["Const"]
            else:
                x, names = w @ self.weight(f"{scope}/Dense", gain / 4), ["Dense"]
                x = x.reshape(len(w), 4, 4, -1)
            second = "Conv1" if res > 4 else "Conv"
            x = self.epilogue(x, w, f"{scope}/{names[0]}", 2 * index)
            x = convolve(x, self.weight(f"{scope}/{second}", gain))
            x = self.epilogue(x, w, f"{scope}/{second}", 2 * index + 1)
            torgb = f"G_synthesis/ToRGB_lod{len(self.G.resolutions) - 1 - index}"
            images.append(convolve(x, self.weight(torgb, 1.0)) + self.arrays[f"{torgb}/bias"])
        return images


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"resolution": 8, "num_channels": 1, "label_size": 3, "mapping_layers": 1},
        {"nonlinearity": "relu", "mapping_nonlinearity": "relu", "blur_filter": (1, 4, 6, 4, 1)},
        {"equalized_lr": False, "blur_filter": (), "use_noise": False, "normalize_z": False},
        {"use_styles": False, "use_const_input": False, "use_pixel_norm": True},
        {"use_instance_norm": False, "use_pixel_norm": True, "channel_decay": 0.5},
        {"use_instance_norm": False, "label_size": 2, "use_const_input": False},
    ],
    ids=str,
)
def test_w_and_images_equal_the_plain_statement(options):
    G = make_generator(**options)
    labels = one_hot([0, 1, 1, 0], G.label_size) if G.label_size else None
    plain = PlainGenerator(G)
    w = G.mapping(latents(G), labels)
    assert w.shape == (4, G.w_dim)
    assert_same([w], [plain.mapping(latents(G), labels)], 1e-4)
    assert_same(images_of(G, labels=labels), plain.synthesis(np.asarray(w, np.float64)), 1e-4)


@pytest.mark.parametrize("res_log2", [3, 4, 5, 6])
@pytest.mark.parametrize("num_channels", [1, 3])
def test_images_are_a_list_from_low_to_high(res_log2, num_channels):
    G = make_generator(resolution=2**res_log2, num_channels=num_channels)
    images = G(latents(G, 2))
    assert isinstance(images, list)
    sides = [2**i for i in range(2, res_log2 + 1)]
    assert [image.shape for image in images] == [(2, side, side, num_channels) for side in sides]
    assert {image.dtype for image in images} == {tf.float32}
    assert G.resolutions == sides
    assert G.num_ws == 2 * len(sides)


@pytest.mark.parametrize("resolution", [0, 4, 12, 100])
def test_impossible_resolutions_are_refused(resolution):
    with pytest.raises(ValueError, match=rf"power of two of at least 8. Received: {resolution}"):
        Generator(**{**OPTIONS, "resolution": resolution})


def test_unknown_options_are_refused():
    with pytest.raises((TypeError, ValueError), match="fmap_base"):
        Generator(**OPTIONS, fmap_base=64)
    for option in ("nonlinearity", "mapping_nonlinearity", "synthesis", "output", "z_space"):
        with pytest.raises(ValueError, match=r"out of \[.*\]\. Received: 'swish'"):
            Generator(**{**OPTIONS, option: "swish"})


@pytest.mark.parametrize("label_size", [0, 3])
def test_public_use(label_size):
    shared = {"label_size": label_size}
    D = make_discriminator(**shared)
    nets = build_networks({**OPTIONS, **shared}, D.get_config())
    rng = np.random.RandomState(7)
    z = rng.randn(4, nets.G.z_dim)
    assert z.dtype == np.float64
    labels = np.eye(label_size)[[0, 2, 1, 1]] if label_size else None

    images = nets.G_ema(z, labels, truncation_psi=0.7, truncation_cutoff=8, noise_mode="const")
    assert [image.shape for image in images] == [(4, res, res, 3) for res in (4, 8, 16)]
    assert {image.dtype for image in images} == {tf.float32}
    w = nets.G.mapping(z, labels)
    assert w.shape == (4, nets.G.w_dim)
    assert w.dtype == tf.float32
    for given in (images, [image.numpy() for image in images]):
        logits = nets.D(given, labels)
        assert logits.shape == (4, 1)
        assert logits.dtype == tf.float32
    if not label_size:
        np.testing.assert_array_equal(nets.D(images), logits)
        np.testing.assert_array_equal(nets.G.mapping(z), w)
    # The averaged generator starts as a copy.
    assert_same(images_of(nets.G, z, labels), images_of(nets.G_ema, z, labels), 0)


def test_z_of_any_float_type():
    G = make_generator()
    z = np.round(latents(G), 2).astype(np.float16)
    expected = images_of(G, z.astype(np.float32))
    for other in (z, z.astype(np.float64), tf.constant(z), z.astype(np.float64).tolist()):
        assert_same(images_of(G, other), expected)


@pytest.mark.parametrize("label_size", [0, 3])
def test_every_scale_depends_on_z(label_size):
    G = make_generator(label_size=label_size)
    labels = one_hot([0, 1, 2, 0], 3) if label_size else None
    first, second = (images_of(G, latents(G, seed=seed), labels) for seed in (0, 1))
    assert differ(first, second) == [True] * 3
    # Every sample looks at its own z.
    swapped = images_of(G, latents(G)[::-1], None if labels is None else labels[::-1])
    assert_same([image[::-1] for image in swapped], first)


def test_every_scale_depends_on_the_labels():
    G = make_generator(label_size=3)
    first, second = (images_of(G, labels=one_hot([k] * 4, 3)) for k in (0, 1))
    assert differ(first, second) == [True] * 3


@pytest.mark.parametrize(
    ("label_size", "z_shape", "labels", "message"),
    [
        (0, (4, 5), None, r"`z` of shape \[N, 6\].*\(4, 5\)"),
        (0, (6,), None, r"`z` of shape \[N, 6\].*\(6,\)"),
        (0, (4, 1, 6), None, r"`z` of shape \[N, 6\].*\(4, 1, 6\)"),
        (0, (4, 6), np.zeros((4, 3), np.float32), r"unconditional.*\(4, 3\)"),
        (3, (4, 6), None, r"`labels` of shape \[N, 3\].*None"),
        (3, (4, 6), np.zeros((4, 2), np.float32), r"`labels` of shape \[N, 3\].*\(4, 2\)"),
        (3, (4, 6), np.zeros((3,), np.float32), r"`labels` of shape \[N, 3\].*\(3,\)"),
        (3, (4, 6), np.zeros((2, 3), np.float32), r"one label per sample \(4\).*2"),
    ],
)
@pytest.mark.parametrize("part", ["network", "mapping"])
def test_wrong_arguments_are_refused(part, label_size, z_shape, labels, message):
    G = make_generator(label_size=label_size)
    with pytest.raises(ValueError, match=message):
        (G if part == "network" else G.mapping)(np.zeros(z_shape, np.float32), labels)


def test_unknown_noise_mode_names_the_known_ones():
    G = make_generator()
    with pytest.raises(ValueError, match=r"const.*random.*none.*'constant'"):
        G(latents(G), noise_mode="constant")


def test_wrong_ws_are_refused():
    G = make_generator()
    for shape in [(4, 5), (4, 5, 5), (4, 6, 6)]:
        with pytest.raises(ValueError, match=r"`ws` of shape \[N, 6, 5\]"):
            G.synthesis(np.zeros(shape, np.float32))


def test_images_are_the_synthesis_of_the_mapping():
    G = make_generator()
    w = G.mapping(latents(G))
    ws = G.broadcast(w)
    assert ws.shape == (4, G.num_ws, G.w_dim)
    for layer in range(G.num_ws):
        np.testing.assert_array_equal(ws[:, layer], w)
    assert_same(G.synthesis(ws.numpy(), noise_mode="const"), images_of(G))


def test_every_layer_has_its_own_w():
    """The two w of a block act from its scale upwards."""
    G = make_generator()
    ws = np.asarray(G.broadcast(G.mapping(latents(G))))
    before = G.synthesis(ws, noise_mode="const")
    for layer in range(G.num_ws):
        changed = ws.copy()
        changed[:, layer] += 1
        after = G.synthesis(changed, noise_mode="const")
        assert differ(before, after) == [scale >= layer // 2 for scale in range(3)]


def test_w_avg_is_the_running_mean_of_training_passes_only():
    G = make_generator()
    start, z = G.w_avg.numpy(), latents(G)
    for arguments in ({}, {"truncation_psi": 0.5}, {"training": False}):
        G(z, **arguments)
    G.mapping(z)
    np.testing.assert_array_equal(G.w_avg.numpy(), start)

    mean = np.mean(G.mapping(z), axis=0)
    G(z, training=True)
    once = mean + 0.9 * (start - mean)
    np.testing.assert_allclose(G.w_avg.numpy(), once, rtol=1e-5, atol=1e-6)
    tf.function(lambda z: G(z, training=True))(z)
    np.testing.assert_allclose(G.w_avg.numpy(), mean + 0.9 * (once - mean), rtol=1e-5, atol=1e-6)


def test_w_avg_starts_at_zero_and_is_not_trained():
    G = Generator(**OPTIONS)
    G.build()
    np.testing.assert_array_equal(G.w_avg.numpy(), np.zeros(5))
    assert not G.w_avg.trainable
    fixed = {name for name, (variable, _) in table_of(G).items() if not variable.trainable}
    assert fixed == {"dlatent_avg", *(f"G_synthesis/noise{i}" for i in range(6))}


def test_training_is_not_truncated():
    G = make_generator()
    expected = images_of(G)
    assert_same(images_of(G, truncation_psi=0.0, training=True), expected)


def test_no_truncation_unless_asked_for():
    G = make_generator()
    assert_same(images_of(G), images_of(G, truncation_psi=1.0), 0)
    assert_same(images_of(G, truncation_psi=0.3, truncation_cutoff=0), images_of(G), 0)


def test_psi_of_zero_gives_one_image_for_all_z():
    G = make_generator()
    images = images_of(G, truncation_psi=0.0, truncation_cutoff=None)
    of_w_avg = G.synthesis(G.broadcast(tf.constant(G.w_avg.numpy())[None]), noise_mode="const")
    for image, average in zip(images, of_w_avg, strict=True):
        for sample in image:
            np.testing.assert_allclose(sample, average[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("psi", [0.7, 0.0, -1.0, 1.5])
@pytest.mark.parametrize("cutoff", [0, 1, 2, 3, 6, 8, None])
def test_truncation_moves_the_first_layers_towards_w_avg(psi, cutoff):
    G = make_generator()
    w = np.asarray(G.mapping(latents(G)))
    ws = np.repeat(w[:, None], G.num_ws, axis=1)
    truncated = slice(0, G.num_ws if cutoff is None else cutoff)
    ws[:, truncated] = G.w_avg.numpy() + psi * (ws[:, truncated] - G.w_avg.numpy())
    expected = [np.asarray(x) for x in G.synthesis(ws, noise_mode="const")]
    assert_same(images_of(G, truncation_psi=psi, truncation_cutoff=cutoff), expected)


def test_cutoff_counts_layers_from_the_lowest_resolution():
    """Two layers per scale: with both of 4x4 at the average, only this scale forgets z."""
    G = make_generator()
    for cutoff, forgetful in {1: 0, 2: 1, 4: 2, 6: 3, 8: 3}.items():
        images = images_of(G, truncation_psi=0.0, truncation_cutoff=cutoff)
        spread = [np.abs(image - image[:1]).max() for image in images]
        assert [s < 1e-5 for s in spread] == [i < forgetful for i in range(3)]


def test_psi_may_be_a_tensor():
    G = make_generator()
    compiled = tf.function(lambda z, psi: G(z, truncation_psi=psi, noise_mode="const"))
    for psi in (0.0, 0.5, 1.0):
        assert_same(compiled(latents(G), tf.constant(psi)), images_of(G, truncation_psi=psi), 1e-4)


def test_same_images_inside_a_function():
    G = make_generator(label_size=3)
    labels = one_hot([0, 1, 2, 2], 3)
    compiled = tf.function(
        lambda z, labels: G(z, labels, truncation_psi=0.7, truncation_cutoff=8, noise_mode="const"),
        input_signature=[
            tf.TensorSpec([None, 6], tf.float32),
            tf.TensorSpec([None, 3], tf.float32),
        ],
    )
    expected = images_of(G, labels=labels, truncation_psi=0.7, truncation_cutoff=8)
    assert_same(compiled(tf.constant(latents(G)), tf.constant(labels)), expected, 1e-4)


def test_constant_noise_is_repeatable_and_equal_for_all_samples():
    G = make_generator()
    assert_same(images_of(G), images_of(G), 0)
    same_z = np.repeat(latents(G, 1), 3, axis=0)
    for image in images_of(G, same_z):
        np.testing.assert_allclose(image[1:], image[:-1], atol=1e-5)


def test_random_noise_differs_between_calls_and_samples():
    G = make_generator()
    same_z = np.repeat(latents(G, 1), 4, axis=0)
    first, second = (G(same_z, noise_mode="random") for _ in range(2))
    assert differ(first, second) == [True] * 3
    assert differ(first, [image[::-1] for image in first]) == [True] * 3
    compiled = tf.function(lambda z: G(z))
    assert differ(compiled(same_z), compiled(same_z)) == [True] * 3


def test_random_noise_with_a_seed_is_a_function_of_the_seed():
    G = make_generator()
    same_z = np.repeat(latents(G, 1), 4, axis=0)
    compiled = tf.function(lambda z, seed: G(z, noise_mode="random", noise_seed=seed))
    first = G(same_z, noise_mode="random", noise_seed=tf.constant([1, 2]))
    assert_same(G(same_z, noise_mode="random", noise_seed=tf.constant([1, 2])), first, 0)
    assert_same(compiled(same_z, tf.constant([1, 2])), first, 1e-4)
    assert differ(first, [image[::-1] for image in first]) == [True] * 3
    for other in ([1, 3], [2, 2]):
        assert differ(compiled(same_z, tf.constant(other)), first) == [True] * 3


def test_layers_do_not_share_their_noise():
    """Silences everything but the noise of one of the two 4x4 layers; its signs are visible."""
    G = make_generator(
        resolution=8, num_channels=1, channel_max=1, use_instance_norm=False, use_styles=False
    )
    table = table_of(G)
    for name, (variable, _) in table.items():
        if not name.startswith("G_synthesis/noise"):
            variable.assign(tf.zeros_like(variable))
    identity = np.zeros((3, 3, 1, 1))
    identity[1, 1] = 1
    table["G_synthesis/4x4/Conv/weight"][0].assign(identity)
    table["G_synthesis/ToRGB_lod1/weight"][0].assign([[[[1.0]]]])
    for mode, seed in (("const", None), ("random", tf.constant([5, 6]))):
        signs = []
        for layer in ("Const", "Conv"):
            strength = table[f"G_synthesis/4x4/{layer}/Noise/weight"][0]
            strength.assign([1.0])
            low = np.asarray(G(latents(G), noise_mode=mode, noise_seed=seed)[0])
            strength.assign([0.0])
            assert np.all(low != 0)
            signs.append(np.sign(low))
        assert np.any(signs[0] != signs[1])


def test_fixed_noise_maps_are_normal_and_all_different():
    G = make_generator(resolution=64)
    maps = [G_variable for name, (G_variable, _) in table_of(G).items() if "/noise" in name]
    values = [np.asarray(noise).ravel() for noise in maps]
    assert len(values) == 10
    assert all(not np.array_equal(values[i], values[i + 1]) for i in range(0, 10, 2))
    assert np.std(values[-1]) == pytest.approx(1, abs=0.05)
    assert np.mean(values[-1]) == pytest.approx(0, abs=0.05)


def test_no_noise_equals_a_network_without_noise():
    G, silent = make_generator(), make_generator(use_noise=False)
    different = copy_weights(table_of(silent), table_of(G))
    assert different
    assert all("noise" in name.lower() for name in different)
    expected = images_of(G, noise_mode="none")
    for noise_mode in ("none", "const", "random"):
        assert_same(images_of(silent, noise_mode=noise_mode), expected)
    assert differ(images_of(G), expected) == [True] * 3


def test_noise_starts_with_no_strength():
    G = Generator(**OPTIONS)
    assert_same(images_of(G, noise_mode="random"), images_of(G, noise_mode="none"))


def test_network_without_styles_and_with_constant_input_forgets_z():
    G = make_generator(use_styles=False)
    assert G.num_ws == 1
    for image in images_of(G):
        np.testing.assert_allclose(image[1:], image[:-1], atol=1e-5)
    G = make_generator(use_styles=False, use_const_input=False)
    assert differ(images_of(G), images_of(G, latents(G, seed=1))) == [True] * 3


def test_styles_of_zero_equal_a_network_without_styles():
    G, plain = make_generator(), make_generator(use_styles=False)
    assert all("StyleMod" in name for name in copy_weights(table_of(plain), table_of(G)))
    for name, (variable, _) in table_of(G).items():
        if "StyleMod" in name:
            variable.assign(tf.zeros_like(variable))
    assert_same(images_of(G), images_of(plain), 1e-4)


def gradients_through_D(G, D, scales, noise_mode="random"):
    """Gradient of all weights of G, of logits that see the images of some scales only.

    Returns:
        Set of the original names of the weights whose gradient is not zero.
    """
    table = {name: v for name, (v, _) in table_of(G).items() if v.trainable}
    variables = [tensorflow_variable(variable) for variable in table.values()]
    with tf.GradientTape() as tape:
        images = G(latents(G), noise_mode=noise_mode, training=True)
        seen = [image if i in scales else tf.stop_gradient(image) for i, image in enumerate(images)]
        total = tf.reduce_sum(tf.nn.softplus(-D(seen)))
    gradients = tape.gradient(total, variables, unconnected_gradients="zero")
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)
    return {name for name, g in zip(table, gradients, strict=True) if np.any(g)}, set(table)


def test_every_weight_receives_gradient_through_D():
    G, D = make_generator(), make_discriminator()
    reached, all_names = gradients_through_D(G, D, scales=range(3))
    assert reached == all_names


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_gradient_of_a_scale_reaches_its_torgb_and_all_blocks_up_to_it(scale):
    """The multi-scale gradient: D talks to every block directly."""
    G, D = make_generator(), make_discriminator()
    reached, all_names = gradients_through_D(G, D, scales=[scale])
    blocks = [f"G_synthesis/{res}x{res}/" for res in G.resolutions[: scale + 1]]
    torgb = f"G_synthesis/ToRGB_lod{2 - scale}/"
    expected = {n for n in all_names if n.startswith(("G_mapping/", torgb, *blocks))}
    assert reached == expected


def test_w_avg_takes_no_part_in_the_gradient():
    G = make_generator()
    with tf.GradientTape() as tape:
        G(latents(G), training=True)
        total = tf.reduce_sum(tf.convert_to_tensor(G.w_avg) ** 2)
    variables = [tensorflow_variable(variable) for variable in G.trainable_variables]
    assert tape.gradient(total, variables) == [None] * len(variables)


def test_changes_cover_all_options():
    parameters = inspect.signature(Generator.__init__).parameters
    assert set(parameters) - {"self", "kwargs"} == set(OPTIONS) == set(CHANGES)


@pytest.mark.parametrize("option", [name for name in CHANGES if name not in BEYOND_THE_ORIGINAL])
def test_every_option_changes_the_result(option):
    G, other = make_generator(), make_generator(**{option: CHANGES[option]})
    different = copy_weights(table_of(other), table_of(G))
    same_weights = {
        "mapping_lr_multiplier",
        "mapping_nonlinearity",
        "normalize_z",
        "nonlinearity",
        "equalized_lr",
        "use_pixel_norm",
        "use_instance_norm",
        "blur_filter",
        "w_avg_beta",
    }
    assert bool(different) == (option not in same_weights)
    results = []
    for network in (G, other):
        labels = one_hot([0, 1, 2, 0], 3)[:, : network.label_size]
        images = images_of(network, labels=labels, training=True)
        results.append((images, network.w_avg.numpy()))
    (images, w_avg), (others, other_w_avg) = results
    if option == "w_avg_beta":
        assert np.abs(w_avg - other_w_avg).min() > 1e-4
    elif option == "resolution":
        assert len(others) == len(images) + 1
    elif option == "num_channels":
        assert {image.shape[-1] for image in others} == {1}
    else:
        first_scale = {"blur_filter": 1, "channel_base": 1, "channel_decay": 2}.get(option, 0)
        assert differ(images, others) == [scale >= first_scale for scale in range(3)]


def test_config_round_trip():
    G = Generator(**CHANGES, name="odd")
    G.build()
    randomize_zeros(G, 0)
    again = Generator.from_config(G.get_config())
    again.build()
    assert again.get_config() == G.get_config()
    assert again.name == "odd"
    for option, value in CHANGES.items():
        stored = again.get_config()[option]
        assert (tuple(stored) if option == "blur_filter" else stored) == value
    assert [v.shape for v in again.variables] == [v.shape for v in G.variables]
    for variable, other in zip(again.variables, G.variables, strict=True):
        variable.assign(np.asarray(other))
    labels = one_hot([0, 1, 2, 0], 3)
    assert_same(images_of(again, labels=labels), images_of(G, labels=labels), 0)


def test_equal_shapes_do_not_start_with_equal_weights():
    G = Generator(**OPTIONS, name="fresh")
    G.build()
    kernels = {n: np.asarray(v) for n, (v, _) in table_of(G).items() if n.endswith("/weight")}
    random = [k for n, k in kernels.items() if "Noise" not in n]
    for i, kernel in enumerate(random):
        for other in random[:i]:
            assert kernel.shape != other.shape or not np.allclose(kernel, other)


def test_images_of_a_network_feed_D_of_the_same_resolution():
    G, D = make_generator(num_channels=1), make_discriminator(num_channels=1)
    assert [x.shape for x in images_of(G)] == [x.shape for x in random_images(D, 4)]
    assert D(images_of(G)).shape == (4, 1)
