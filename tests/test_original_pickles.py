"""Pickles of the original: the same images and scores, or a refusal with a reason."""

import hashlib

import numpy as np
import pytest
from support import tflib_writer
from support.network_weights import assert_equal_networks
from support.original_recording import Recording, assert_close, original_paths, to_nchw, to_nhwc
from support.pickled_networks import SETTINGS, VARIANTS, make_trio, trio

import msg_stylegan
from msg_stylegan.legacy import original_variables
from msg_stylegan.legacy.original_options import discriminator_options
from msg_stylegan.legacy.original_shapes import discriminator_shapes, generator_shapes
from msg_stylegan.networks import Discriminator
from msg_stylegan.networks.pair_member import flat_config
from msg_stylegan.pretrained import load_networks

# Nothing may be run out of a file.
pytestmark = pytest.mark.usefixtures("victim")


@pytest.mark.parametrize("path", original_paths("*.pkl"))
def test_recorded_images_and_scores(path):
    recording = Recording.read(path.with_suffix(".npz"))
    nets = msg_stylegan.load_networks(path)
    z, labels = recording["in/z"], recording.labels("in/labels")
    images = nets.G(z, labels, noise_mode="const")
    truncated = nets.G_ema(z, labels, noise_mode="const", **recording.truncation)
    for index, res in enumerate(nets.G.resolutions):
        assert_close(to_nchw(images[index]), recording[f"out/G/images/{res}"], 1e-4)
        expected = recording[f"out/Gs_truncated/images/{res}"]
        assert_close(to_nchw(truncated[index]), expected, 1e-4)
    reals = [to_nhwc(recording[f"in/reals/{res}"]) for res in nets.D.resolutions]
    assert_close(nets.D(reals, labels), recording["out/D/scores_real"], 1e-4)
    assert_close(nets.D(images, labels), recording["out/D/scores_fake"], 1e-4)
    data = path.read_bytes()
    assert nets.info == {
        "source": {
            "format": "pickle of MSG-StyleGAN",
            "files": [{"name": path.name, "sha256": hashlib.sha256(data).hexdigest()}],
        }
    }


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5, "Python 2"])
def test_all_protocols(tmp_path, small_networks, protocol):
    python2 = protocol == "Python 2"
    changes = {"version": 2, "num_inputs": None} if python2 else {}
    data = tflib_writer.dumps(
        trio(small_networks, SETTINGS, **changes), 2 if python2 else protocol, python2
    )
    assert (b"_codecs" in data) == (protocol in (0, 1, 2))
    (tmp_path / "file.pkl").write_bytes(data)
    assert_equal_networks(load_networks(tmp_path / "file.pkl"), small_networks)


@pytest.mark.parametrize("variant", VARIANTS)
def test_other_settings(tmp_path, variant):
    settings = SETTINGS | VARIANTS[variant]
    nets = make_trio(settings)
    path = tflib_writer.save(tmp_path / "file.pkl", trio(nets, settings))
    assert_equal_networks(load_networks(path), nets)


@pytest.mark.parametrize("variant", [{}, *VARIANTS.values()], ids=["default", *VARIANTS])
def test_shapes_are_those_of_the_networks(variant):
    settings = SETTINGS | variant
    nets = make_trio(settings)
    for shapes, network, table in (
        (generator_shapes, nets.G, original_variables.generator_variables),
        (discriminator_shapes, nets.D, original_variables.discriminator_variables),
    ):
        arrays = original_variables.export(table(network))
        expected = {name: array.shape for name, array in arrays.items()}
        assert list(shapes(network.options, network.data).items()) == list(expected.items())


@pytest.mark.parametrize("combine", ["simple", "lin_cat"])
def test_shapes_of_other_combine_functions(combine):
    changes = {"combine": combine, "mbstd_blocks": "last", "channel_max": 7}
    D = Discriminator.from_config(flat_config(*discriminator_options(SETTINGS)) | changes)
    D.build()
    arrays = original_variables.export(original_variables.discriminator_variables(D))
    expected = {name: array.shape for name, array in arrays.items()}
    assert discriminator_shapes(D.options, D.data) == expected


@pytest.mark.parametrize("fused_scale, fused_from", [(True, 0), (False, np.inf), ("auto", 128)])
def test_kernels_are_mirrored_where_the_original_fuses(tmp_path, fused_scale, fused_from):
    settings = SETTINGS | {"resolution": 128, "fmap_base": 128, "fmap_max": 4}
    G = make_trio(settings).G_ema
    arrays = original_variables.export(original_variables.generator_variables(G, fused_from))
    for block in G.synthesis.blocks[1:]:
        stored = arrays[f"G_synthesis/{block.resolution}x{block.resolution}/Conv0_up/weight"]
        step = -1 if block.resolution >= fused_from else 1
        np.testing.assert_array_equal(stored, block.conv0.kernel.numpy()[::step, ::step])
    record = tflib_writer.generator(
        G, settings | {"fused_scale": fused_scale}, "Gs", fused_from=fused_from
    )
    nets = load_networks(tflib_writer.save(tmp_path / "file.pkl", record))
    for ours, theirs in zip(nets.G_ema.variables, G.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_one_generator_stands_for_both(tmp_path, small_networks):
    record = tflib_writer.generator(small_networks.G_ema, SETTINGS, "Gs")
    nets = load_networks(tflib_writer.save(tmp_path / "Gs.pkl", record))
    assert nets.D is None
    for network in (nets.G, nets.G_ema):
        for ours, theirs in zip(network.variables, small_networks.G_ema.variables, strict=True):
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_a_pair_is_told_by_its_names(tmp_path, small_networks):
    _, _, gs = records = trio(small_networks, SETTINGS)
    nets = load_networks(tflib_writer.save(tmp_path / "pair.pkl", (gs, records[0])))
    np.testing.assert_array_equal(nets.G_ema.w_avg, small_networks.G_ema.w_avg)
    np.testing.assert_array_equal(nets.G.w_avg, small_networks.G.w_avg)


def test_a_discriminator_alone(tmp_path, small_networks):
    record = tflib_writer.discriminator(small_networks.D, SETTINGS)
    nets = load_networks(tflib_writer.save(tmp_path / "D.pkl", record))
    assert nets.G is None and nets.G_ema is None
    assert nets.D.options == small_networks.D.options


# What is refused.


def changed(record, name, change):
    """The record with one variable of the network itself changed, or left out by None."""
    pairs = [
        (key, change(value) if key == name else value) for key, value in record.entries["variables"]
    ]
    record.entries["variables"] = [pair for pair in pairs if pair[1] is not None]
    return record


def _nan(array):
    array = array.copy()
    array.flat[-1] = np.nan
    return array


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda a: None, r"Missing: 'FromRGB_lod0/bias'\. Unknown: none"),
        (lambda a: a[:-1], r"variable `FromRGB_lod0/bias` of shape \[8\]. Received: \[7\]"),
        (_nan, "`FromRGB_lod0/bias` holds NaN or infinity"),
        (lambda a: a * np.float64(1e300), "`FromRGB_lod0/bias` holds NaN or infinity"),
        (lambda a: a.astype(np.int32), "`FromRGB_lod0/bias` is of type int32"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path, small_networks, change, message):
    record = tflib_writer.discriminator(small_networks.D, SETTINGS)
    record = changed(record, "FromRGB_lod0/bias", change)
    with pytest.raises(ValueError, match=rf"file\.pkl cannot be used.*{message}"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"sigma": 3}, r"Unknown arguments of an original network: \['sigma'\]"),
        ({"latent_size": 2**30}, "`z_dim` of a network has the value 1073741824"),
        ({"latent_size": 2**19}, "Expected variable `G_mapping/Dense0/weight`"),
        ({"mapping_layers": 10**9}, "`mapping_layers` of a network has the value 1000000000"),
        ({"mapping_layers": "8"}, "`mapping_layers` of a network has the value '8'"),
        ({"resolution": 2**40}, "`resolution` of a network"),
        ({"resolution": 2**14}, "leaves no channel"),
        ({"resolution": 2**14, "fmap_base": 2**20}, "Missing: 'G_synthesis/1024x1024"),
        ({"resolution": 17}, "power of two"),
        ({"fmap_base": 10**15}, "`channel_base` of a network"),
        ({"fmap_max": 2**20, "fmap_base": 2**40}, "`channel_base`"),
        ({"fmap_base": 1}, "leaves no channel"),
        ({"fmap_decay": -1e9}, "`channel_decay` of a network"),
        ({"fmap_decay": float("inf")}, "`channel_decay` of a network"),
        ({"blur_filter": 5}, "`blur_filter` to be a list"),
        ({"blur_filter": ["a"]}, "`blur_filter` of a network"),
        ({"nonlinearity": "tanh"}, "`nonlinearity`"),
        ({"use_noise": 0.5}, "`use_noise` of a network"),
        ({"fused_scale": "never"}, "`fused_scale` to be True, False or 'auto'"),
    ],
)
def test_wrong_settings_are_named_before_memory_is_taken(
    tmp_path, small_networks, settings, message
):
    record = tflib_writer.generator(small_networks.G, SETTINGS | settings)
    with pytest.raises(ValueError, match=rf"file\.pkl cannot be used.*({message})"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


@pytest.mark.parametrize(
    "function, message",
    [
        ("G_paper", "G_paper of ProGAN"),
        ("G_main", "G_main of StyleGAN2"),
        ("D_stylegan2", "D_stylegan2 of StyleGAN2"),
        ("inception", "built by 'inception'"),
    ],
)
def test_networks_of_other_families_are_refused(tmp_path, function, message):
    record = tflib_writer.network("X", function, {}, {})
    with pytest.raises(ValueError, match=message):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


def test_later_versions_are_refused(tmp_path, small_networks):
    record = tflib_writer.generator(small_networks.G, SETTINGS, version=4)
    with pytest.raises(ValueError, match=r"version 4.*StyleGAN2"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


def test_parts_must_be_the_two_of_a_generator(tmp_path, small_networks):
    record = tflib_writer.generator(small_networks.G, SETTINGS)
    del record.entries["components"]["mapping"]
    with pytest.raises(ValueError, match="Expected G_synthesis and G_mapping"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


def test_parts_must_agree_with_the_whole(tmp_path, small_networks):
    record = tflib_writer.generator(small_networks.G, SETTINGS)
    part = record.entries["components"]["synthesis"].entries
    part["static_kwargs"] = SETTINGS | {"use_pixel_norm": True, "resolution": 32}
    with pytest.raises(ValueError, match="'resolution' of network G has two values"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


def test_networks_must_belong_together(tmp_path, small_networks):
    other = SETTINGS | {"resolution": 8}
    D = tflib_writer.discriminator(make_trio(other).D, other)
    G = tflib_writer.generator(small_networks.G, SETTINGS)
    with pytest.raises(ValueError, match="do not belong together: `resolution`"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", (G, D)))
    with pytest.raises(ValueError, match="3 generators and 0 discriminators"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", (G, G, G)))
    slope = SETTINGS | {"nonlinearity": "relu"}
    Gs = tflib_writer.generator(small_networks.G, slope, "Gs")
    with pytest.raises(ValueError, match="two generators have different settings"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", (G, Gs)))
