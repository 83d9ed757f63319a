"""Weights of BMSG-GAN give its images, scores and gradients; other state dicts are refused."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from support.flat_options import progan_discriminator_options, progan_generator_options
from support.original_recording import (
    RecordedArrays,
    assert_close,
    original_paths,
    to_nchw,
    to_nhwc,
)

from msg_stylegan.foreign_files.torch_file import read_torch_file
from msg_stylegan.legacy import bmsg_variables, original_variables
from msg_stylegan.legacy.bmsg_networks import networks_from_state_dicts
from msg_stylegan.losses import make_loss
from msg_stylegan.networks import (
    Discriminator,
    Generator,
)
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.sampling.sampler import draw_latents, z_of_seeds

# In float32 on the CPU a faithful implementation meets these, relative to the largest value.
FORWARD, GRADIENT = 1e-4, 1e-3


# Recorded name -> ours. BMSG-GAN squares means, and its `wgan-gp` has no gradient penalty.
LOSSES = {
    "relativistic-hinge": "relativistic_hinge",
    "lsgan": "lsgan_square_of_means",
    "lsgan-sigmoid": "lsgan_sigmoid_square_of_means",
    "wgan": "wgan",
}


@functools.cache
def read(path):
    """The recording and networks with the weights in its `.pth` files."""
    files = [path.with_name(f"{path.stem}_GAN_{kind}.pth") for kind in ("GEN", "DIS")]
    dicts = [read_torch_file(file) for file in files]
    nets = networks_from_state_dicts(generator=dicts[0], discriminator=dicts[1])
    recording = RecordedArrays.read(path)
    assert recording.meta.keys() <= {"depth", "latent_size", "batch"}
    return recording, nets


@pytest.fixture(params=original_paths(kind="bmsg"))
def recorded(request):
    return read(request.param)


def scales_of(recording):
    return [4 * 2**index for index in range(recording.meta["depth"])]


def reals_of(recording):
    return [tf.constant(to_nhwc(recording[f"in/reals/{res}"])) for res in scales_of(recording)]


def test_images(recorded):
    recording, nets = recorded
    scales = scales_of(recording)
    for name in ("G", "G_ema"):
        images = nets[name](recording["in/z"])
        assert nets[name].resolutions == scales
        for res, image in zip(scales, images, strict=True):
            assert_close(to_nchw(image), recording[f"out/G/images/{res}"], FORWARD)


def test_seeds_give_latents_on_the_sphere(recorded):
    """What BMSG-GAN's scripts feed: z of length sqrt(latent size)."""
    recording, nets = recorded
    size = recording.meta["latent_size"]
    normal = z_of_seeds(range(5), size)
    drawn, _ = draw_latents(nets["G"], 0, 0, 5)
    placed = np.asarray(nets["G"].place_z(normal))
    for z in (drawn, placed):
        np.testing.assert_allclose(np.linalg.norm(z, axis=1), size**0.5, rtol=1e-5)
    cosine = np.sum(placed * normal, axis=1) / np.linalg.norm(normal, axis=1) / size**0.5
    np.testing.assert_allclose(cosine, 1.0, rtol=1e-5)


def test_scores(recorded):
    recording, nets = recorded
    fakes = [to_nhwc(recording[f"out/G/images/{res}"]) for res in scales_of(recording)]
    for name, images in (("fake", fakes), ("real", reals_of(recording))):
        assert_close(nets["D"](images)[:, 0], recording[f"out/D/scores_{name}"], FORWARD)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("network", ["D", "G"])
def test_losses_and_gradients(recorded, loss, network):
    recording, nets = recorded
    make_table = {
        "D": bmsg_variables.discriminator_variables,
        "G": bmsg_variables.generator_variables,
    }[network]
    table = make_table(nets[network])
    variables = [tensorflow_variable(variable) for variable, _ in table.values()]
    assert len(variables) == len(nets[network].trainable_variables)
    with tf.GradientTape() as tape:
        real = nets["D"](reals_of(recording))
        fake = nets["D"](nets["G"](recording["in/z"]))
        ours = make_loss(LOSSES[loss])
        value = tf.reduce_mean(ours.D(real, fake) if network == "D" else ours.G(fake, real))
    gradients = tape.gradient(value, variables, unconnected_gradients="zero")
    assert_close(value, recording[f"out/loss/{loss}/{network}"], FORWARD)
    expected = recording.group(f"out/grad/{loss}/{network}/")
    if network == "G" and loss != "relativistic-hinge":
        # The losses of G were recorded without gradients otherwise.
        assert not expected
        return
    assert expected.keys() == table.keys()
    for (name, (_, layout)), gradient in zip(table.items(), gradients, strict=True):
        assert_close(layout.to_original(gradient.numpy()), expected[name], GRADIENT)


def test_export_gives_the_file_back(recorded):
    recording, nets = recorded
    for network, table in (
        ("G", bmsg_variables.generator_variables(nets["G"])),
        ("D", bmsg_variables.discriminator_variables(nets["D"])),
    ):
        arrays = original_variables.export(table)
        assert list(arrays) == list(recording.group(f"{network}/"))
        assert_equal_arrays(arrays, recording.group(f"{network}/"))


@functools.cache
def shapes(kind, depth, latent_size, num_channels):
    """Shapes of BMSG-GAN's weights by their names."""
    if kind == "generator":
        network = Generator.from_config(progan_generator_options(depth, latent_size, num_channels))
        make_table = bmsg_variables.generator_variables
    else:
        network = Discriminator.from_config(
            progan_discriminator_options(depth, latent_size, num_channels)
        )
        make_table = bmsg_variables.discriminator_variables
    network.build()
    arrays = original_variables.export(make_table(network))
    return {name: array.shape for name, array in arrays.items()}


def state_dict(kind, depth=4, latent_size=4, num_channels=3, seed=0):
    """Random weights with the names and shapes of BMSG-GAN."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in shapes(kind, depth, latent_size, num_channels).items()
    }


def exported(G):
    return original_variables.export(bmsg_variables.generator_variables(G))


def assert_equal_arrays(ours, expected):
    assert ours.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(ours[name], array)


@pytest.mark.parametrize(("depth", "latent_size", "num_channels"), [(4, 1, 3), (6, 8, 1)])
def test_sizes_are_read_from_names_and_shapes(depth, latent_size, num_channels):
    size = (depth, latent_size, num_channels)
    if latent_size == 1:
        # One channel cannot be shared between image and activation.
        nets = networks_from_state_dicts(generator=state_dict("generator", *size))
        assert nets.keys() == {"G", "G_ema"}
    else:
        dicts = {kind: state_dict(kind, *size) for kind in ("generator", "discriminator")}
        nets = networks_from_state_dicts(**dicts)
        assert nets["D"].resolution == 2 ** (depth + 1)
        assert nets["D"].num_channels == num_channels
        assert nets["D"].built
    G = nets["G"]
    assert G.built
    assert (G.resolution, G.z_dim, G.num_channels) == (2 ** (depth + 1), latent_size, num_channels)


def test_generator_and_its_average():
    trained, average = (state_dict("generator", seed=seed) for seed in (0, 1))
    nets = networks_from_state_dicts(generator=trained, shadow=average)
    assert list(nets) == ["G", "G_ema"]
    assert (nets["G"].name, nets["G_ema"].name) == ("G", "G_ema")
    assert_equal_arrays(exported(nets["G"]), trained)
    assert_equal_arrays(exported(nets["G_ema"]), average)
    for given in ({"generator": trained}, {"shadow": trained}):
        nets = networks_from_state_dicts(**given)
        assert list(nets) == ["G", "G_ema"]
        assert nets["G"] is not nets["G_ema"]
        assert_equal_arrays(exported(nets["G"]), trained)
        assert_equal_arrays(exported(nets["G_ema"]), trained)


def changed(kind, name, value):
    weights = state_dict(kind)
    if value is None:
        del weights[name]
    else:
        weights[name] = value
    return {kind: weights}


def ones(*shape):
    return np.ones(shape, np.float32)


REFUSED = {
    "empty": (lambda: {"generator": {}}, "weights of a BMSG-GAN generator.*Received: none"),
    "another network": (
        lambda: {"generator": {f"fc{i}.weight": ones(3, 3) for i in range(9)}},
        r"`layers\.0\.conv_1\.weight`. Received: 'fc0\.weight', 'fc1\.weight'.*and 4 more",
    ),
    "a discriminator for a generator": (
        lambda: {"generator": state_dict("discriminator")},
        r"BMSG-GAN generator, with `rgb_converters\.0\.weight`. Received: 'rgb_to_features",
    ),
    "a generator for a discriminator": (
        lambda: {"discriminator": state_dict("generator")},
        r"BMSG-GAN discriminator, with `final_block\.conv_2\.weight`. Received: 'layers\.0",
    ),
    "missing": (
        lambda: changed("generator", "layers.2.conv_2.bias", None),
        r"not of a BMSG-GAN generator.*Missing: 'layers\.2\.conv_2\.bias'",
    ),
    "unknown": (
        lambda: changed("discriminator", "layers.0.conv_3.bias", ones(4)),
        r"not of a BMSG-GAN discriminator.*Unknown: 'layers\.0\.conv_3\.bias'",
    ),
    "a scale without its layers": (
        lambda: changed("generator", "rgb_converters.4.weight", ones(3, 2, 1, 1)),
        r"Missing: 'layers\.4\.conv_1\.bias', .*rgb_converters",
    ),
    "shape": (
        lambda: changed("generator", "layers.1.conv_1.weight", ones(4, 4, 3, 5)),
        r"`layers\.1\.conv_1\.weight` of shape \[4, 4, 3, 3\]. Received: \[4, 4, 3, 5\]",
    ),
    "shape of the first layer": (
        lambda: changed("generator", "layers.0.conv_1.weight", ones(4, 4, 2, 8)),
        r"`layers\.0\.conv_1\.weight` .* shape \[4, 4, 4, 4\].* Received: \[4, 4, 2, 8\]",
    ),
    "no latent": (
        lambda: changed("generator", "layers.0.conv_2.weight", ones(0, 0, 3, 3)),
        r"`layers\.0\.conv_2\.weight` of the generator.*without zeros.*\[0, 0, 3, 3\]",
    ),
    "no kernel": (
        lambda: changed("discriminator", "final_block.conv_2.weight", ones(4, 64)),
        r"`final_block\.conv_2\.weight` of the discriminator.*\[4, 4, 4, 4\].*\[4, 64\]",
    ),
    "three channels": (
        lambda: {
            "generator": {
                **state_dict("generator"),
                "layers.0.conv_1.weight": ones(3, 3, 4, 4),
                "layers.0.conv_2.weight": ones(3, 3, 3, 3),
                "rgb_converters.0.weight": ones(3, 3, 1, 1),
            }
        },
        "not a generator of BMSG-GAN. Expected `latent_size` to be a power of two.*Received: 3",
    ),
    "shallow": (
        lambda: changed("generator", "rgb_converters.3.weight", None),
        "not a generator of BMSG-GAN. Expected `depth` to be at least 4. Received: 3",
    ),
    "different sizes": (
        lambda: {
            "shadow": state_dict("generator", 5, 8),
            "discriminator": state_dict("discriminator", 5, 4),
        },
        "different sizes. shadow: depth 5, latent size 8, 3 .*; discriminator: .*size 4",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused(case):
    make_dicts, message = REFUSED[case]
    dicts = make_dicts()
    with pytest.raises(ValueError, match=message):
        networks_from_state_dicts(**dicts)
