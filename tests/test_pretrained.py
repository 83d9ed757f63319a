"""Networks in files of other systems: the same images and scores, or a refusal with a reason."""

import hashlib
import pickle
import shutil

import numpy as np
import pytest
import tflib_writer
import torch_writer
from original_recording import Recording, assert_close, to_nchw, to_nhwc
from tensorflow import keras
from tiny_run import make_networks, make_run

import msg_stylegan
from msg_stylegan.legacy import original_variables
from msg_stylegan.legacy.original_options import discriminator_options, generator_options
from msg_stylegan.legacy.original_shapes import discriminator_shapes, generator_shapes
from msg_stylegan.networks import Discriminator, Generator, build_networks, save_networks
from msg_stylegan.pretrained import find_network_file, load_networks

SETTINGS = {
    "num_channels": 3,
    "resolution": 16,
    "label_size": 0,
    "latent_size": 8,
    "dlatent_size": 8,
    "mapping_fmaps": 8,
    "mapping_layers": 2,
    "fmap_base": 64,
    "fmap_max": 8,
}
VARIANTS = {
    "labels": {"label_size": 3, "num_channels": 1, "nonlinearity": "relu", "mapping_layers": 3},
    "traditional": {
        "use_styles": False,
        "const_input_layer": False,
        "use_noise": False,
        "use_pixel_norm": True,
        "use_instance_norm": False,
        "use_wscale": False,
        "blur_filter": None,
        "mbstd_group_size": 1,
    },
    "arguments without weights": {
        "truncation_psi": 0.5,
        "truncation_cutoff": None,
        "randomize_noise": True,
        "style_mixing_prob": 0.9,
        "structure": "linear",
        "dtype": "float32",
        "dlatent_avg_beta": None,
    },
}


@pytest.fixture(autouse=True)
def canary(tmp_path, monkeypatch):
    """No test may run anything out of a file."""
    path = tmp_path / "canary"
    monkeypatch.setenv("LEGACY_CANARY", str(path))
    yield
    assert not path.exists()


def make_trio(settings):
    """Networks with random weights for arguments of the original."""
    nets = build_networks(generator_options(settings), discriminator_options(settings))
    rng = np.random.default_rng(0)
    for network in nets.members.values():
        for variable in network.variables:
            variable.assign(rng.normal(size=variable.shape).astype(np.float32))
    return nets


def trio(nets, settings, **changes):
    """What the original pickles: (G, D, Gs)."""
    return (
        tflib_writer.generator(nets.G, settings, "G", **changes),
        tflib_writer.discriminator(nets.D, settings, **changes),
        tflib_writer.generator(nets.G_ema, settings, "Gs", **changes),
    )


def assert_equal_networks(nets, expected):
    assert nets.members.keys() == expected.members.keys()
    for name, network in nets.members.items():
        other = expected.members[name]
        assert network.options == other.options
        for ours, theirs in zip(network.variables, other.variables, strict=True):
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.fixture(scope="module")
def small():
    return make_trio(SETTINGS)


# The original's pickles.


@pytest.mark.parametrize("name", ["msg_stylegan_32", "msg_stylegan_128_fused"])
def test_recorded_images_and_scores(golden, name):
    recording = Recording(golden / f"{name}.npz")
    nets = msg_stylegan.load_networks(golden / f"{name}.pkl")
    z, labels = recording["in/z"], recording.labels("in/labels")
    truncation = {key: recording.meta[key] for key in ("truncation_psi", "truncation_cutoff")}
    images = nets.G(z, labels, noise_mode="const")
    truncated = nets.G_ema(z, labels, noise_mode="const", **truncation)
    for index, res in enumerate(nets.G.resolutions):
        assert_close(to_nchw(images[index]), recording[f"out/G/images/{res}"], 1e-4)
        expected = recording[f"out/Gs_truncated/images/{res}"]
        assert_close(to_nchw(truncated[index]), expected, 1e-4)
    reals = [to_nhwc(recording[f"in/reals/{res}"]) for res in nets.D.resolutions]
    assert_close(nets.D(reals, labels), recording["out/D/scores_real"], 1e-4)
    assert_close(nets.D(images, labels), recording["out/D/scores_fake"], 1e-4)
    data = (golden / f"{name}.pkl").read_bytes()
    assert nets.info == {
        "source": {
            "format": "pickle of MSG-StyleGAN",
            "files": [{"name": f"{name}.pkl", "sha256": hashlib.sha256(data).hexdigest()}],
        }
    }


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5, "Python 2"])
def test_all_protocols(tmp_path, small, protocol):
    python2 = protocol == "Python 2"
    changes = {"version": 2, "num_inputs": None} if python2 else {}
    data = tflib_writer.dumps(trio(small, SETTINGS, **changes), 2 if python2 else protocol, python2)
    assert (b"_codecs" in data) == (protocol in (0, 1, 2))
    (tmp_path / "file.pkl").write_bytes(data)
    assert_equal_networks(load_networks(tmp_path / "file.pkl"), small)


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
        assert list(shapes(network.options).items()) == list(expected.items())


@pytest.mark.parametrize("combine", ["simple", "lin_cat"])
def test_shapes_of_other_combine_functions(combine):
    changes = {"combine": combine, "mbstd_blocks": "last", "channel_max": 7}
    D = Discriminator(**discriminator_options(SETTINGS) | changes)
    D.build()
    arrays = original_variables.export(original_variables.discriminator_variables(D))
    expected = {name: array.shape for name, array in arrays.items()}
    assert discriminator_shapes(D.options) == expected


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


def test_one_generator_stands_for_both(tmp_path, small):
    record = tflib_writer.generator(small.G_ema, SETTINGS, "Gs")
    nets = load_networks(tflib_writer.save(tmp_path / "Gs.pkl", record))
    assert nets.D is None
    for network in (nets.G, nets.G_ema):
        for ours, theirs in zip(network.variables, small.G_ema.variables, strict=True):
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_a_pair_is_told_by_its_names(tmp_path, small):
    _, _, gs = records = trio(small, SETTINGS)
    nets = load_networks(tflib_writer.save(tmp_path / "pair.pkl", (gs, records[0])))
    np.testing.assert_array_equal(nets.G_ema.w_avg, small.G_ema.w_avg)
    np.testing.assert_array_equal(nets.G.w_avg, small.G.w_avg)


def test_a_discriminator_alone(tmp_path, small):
    record = tflib_writer.discriminator(small.D, SETTINGS)
    nets = load_networks(tflib_writer.save(tmp_path / "D.pkl", record))
    assert nets.G is None and nets.G_ema is None
    assert nets.D.options == small.D.options


# NVIDIA's pickles.


def nvidia_trio(nets, settings=SETTINGS, lod=0.0, drop=(), D_more=None):
    """The networks as NVIDIA's StyleGAN stores them: they grew."""
    more = {"lod": np.float32(lod)}
    arrays = original_variables.export(original_variables.discriminator_variables(nets.D))
    arrays = {k: v for k, v in arrays.items() if "combine" not in k} | {"lod": np.float32(lod)}
    records = [
        tflib_writer.generator(nets.G, settings, "G", more=more),
        tflib_writer.network("D", "D_basic", settings, arrays),
        tflib_writer.generator(nets.G_ema, settings, "Gs", more=more),
    ]
    for record in records[::2]:
        synthesis = record.entries["components"]["synthesis"].entries
        synthesis["variables"] = [
            pair for pair in synthesis["variables"] if not pair[0].startswith(tuple(drop))
        ]
    return tuple(records)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_network_of_nvidia_makes_our_largest_image(tmp_path, small, protocol):
    path = tflib_writer.save(tmp_path / "karras.pkl", nvidia_trio(small), protocol)
    nets = load_networks(path)
    assert nets.D is None and nets.G_ema.resolutions == [16]
    z = np.random.default_rng(1).normal(size=(3, 8)).astype(np.float32)
    for psi in (1.0, 0.7):
        (image,) = nets.G_ema(z, truncation_psi=psi, noise_mode="const")
        expected = small.G_ema(z, truncation_psi=psi, noise_mode="const")[-1]
        assert_close(image, expected, 1e-6)
    assert nets.info["source"]["format"] == "pickle of NVIDIA StyleGAN"
    growth, discriminator = nets.info["source"]["left_out"]
    assert "grew" in growth and "one scale" in discriminator


def test_a_network_of_nvidia_without_smaller_images(tmp_path, small):
    records = nvidia_trio(small, drop=["ToRGB_lod1", "ToRGB_lod2"])
    nets = load_networks(tflib_writer.save(tmp_path / "fixed.pkl", records[2]))
    assert nets.G_ema.resolutions == [16]
    assert "left_out" not in nets.info["source"]


@pytest.mark.parametrize("lod", [2.4, 1.0, 0.01])
def test_a_growing_network_is_refused(tmp_path, small, lod):
    path = tflib_writer.save(tmp_path / "growing.pkl", nvidia_trio(small, lod=lod))
    with pytest.raises(ValueError, match=rf"growing\.pkl.*still growing.*`lod` is {lod:g}"):
        load_networks(path)


@pytest.mark.parametrize("lod", [np.nan, np.float32([0, 0]), np.array("0")])
def test_a_strange_lod_is_refused(tmp_path, small, lod):
    more = {"lod": np.asarray(lod)}
    record = tflib_writer.generator(small.G, SETTINGS, more=more)
    with pytest.raises(ValueError, match=r"`lod` is no number|array of type"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


def test_a_strange_layer_of_a_smaller_image_is_refused(tmp_path, small):
    more = {"lod": np.float32(0), "ToRGB_lod7/bias": np.zeros(3, np.float32)}
    record = tflib_writer.generator(small.G, SETTINGS, more=more)
    with pytest.raises(ValueError, match=r"Unknown: 'G_synthesis/ToRGB_lod7/bias'"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


# What is refused.


def changed(record, name, change):
    """The record with one variable of the network itself changed, or left out by None."""
    pairs = [(key, change(value) if key == name else value) for key, value in _pairs(record)]
    record.entries["variables"] = [pair for pair in pairs if pair[1] is not None]
    return record


def _pairs(record):
    return record.entries["variables"]


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
def test_a_wrong_variable_is_named(tmp_path, small, change, message):
    record = tflib_writer.discriminator(small.D, SETTINGS)
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
        ({"fmap_max": 2**20, "fmap_base": 2**40}, "Expected variable"),
        ({"fmap_base": 1}, "leaves no channel"),
        ({"fmap_decay": -1e9}, "`channel_decay` of a network"),
        ({"fmap_decay": float("inf")}, "`channel_decay` of a network"),
        ({"blur_filter": 5}, "`blur_filter` to be a list"),
        ({"blur_filter": ["a"]}, "`blur_filter` of a network"),
        ({"nonlinearity": "tanh"}, "Expected a nonlinearity"),
        ({"use_noise": 0.5}, "`use_noise` of a network"),
        ({"fused_scale": "never"}, "`fused_scale` to be True, False or 'auto'"),
    ],
)
def test_wrong_settings_are_named_before_memory_is_taken(tmp_path, small, settings, message):
    record = tflib_writer.generator(small.G, SETTINGS | settings)
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


def test_later_versions_are_refused(tmp_path, small):
    record = tflib_writer.generator(small.G, SETTINGS, version=4)
    with pytest.raises(ValueError, match=r"version 4.*StyleGAN2"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


def test_parts_must_be_the_two_of_a_generator(tmp_path, small):
    record = tflib_writer.generator(small.G, SETTINGS)
    del record.entries["components"]["mapping"]
    with pytest.raises(ValueError, match="Expected G_synthesis and G_mapping"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


def test_parts_must_agree_with_the_whole(tmp_path, small):
    record = tflib_writer.generator(small.G, SETTINGS)
    part = record.entries["components"]["synthesis"].entries
    part["static_kwargs"] = SETTINGS | {"use_pixel_norm": True, "resolution": 32}
    with pytest.raises(ValueError, match="'resolution' of network G has two values"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", record))


def test_networks_must_belong_together(tmp_path, small):
    other = SETTINGS | {"resolution": 8}
    D = tflib_writer.discriminator(make_trio(other).D, other)
    G = tflib_writer.generator(small.G, SETTINGS)
    with pytest.raises(ValueError, match="do not belong together: `resolution`"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", (G, D)))
    with pytest.raises(ValueError, match="3 generators and 0 discriminators"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", (G, G, G)))
    slope = SETTINGS | {"nonlinearity": "relu"}
    Gs = tflib_writer.generator(small.G, slope, "Gs")
    with pytest.raises(ValueError, match="two generators have different settings"):
        load_networks(tflib_writer.save(tmp_path / "file.pkl", (G, Gs)))


# Files of BMSG-GAN.


@pytest.fixture(scope="module")
def bmsg(golden):
    """Recording of BMSG-GAN, and its state dicts."""
    recording = Recording(golden / "bmsg_32.npz")
    return recording, {"GEN": recording.group("G/"), "DIS": recording.group("D/")}


def save_state(path, arrays, *, prefix="", legacy=False):
    state = torch_writer.tensors({prefix + name: array for name, array in arrays.items()})
    (torch_writer.write_legacy if legacy else torch_writer.write_zip)(path, state)
    return path


def assert_recorded(nets, recording):
    """Images of the generators and scores of the discriminator that are there."""
    for G in (nets.G, nets.G_ema) if nets.G_ema is not None else ():
        for res, image in zip(G.resolutions, G(recording["in/z"]), strict=True):
            assert_close(to_nchw(image), recording[f"out/G/images/{res}"], 1e-4)
    if nets.D is not None:
        for kind, name in (("real", "in/reals"), ("fake", "out/G/images")):
            images = [to_nhwc(recording[f"{name}/{res}"]) for res in nets.D.resolutions]
            scores = nets.D(images)[:, 0]
            assert_close(scores, recording[f"out/D/scores_{kind}"], 1e-4)


@pytest.mark.parametrize("name", ["bmsg_32_GAN_GEN.pth", "bmsg_32_GAN_DIS.pth"])
def test_recorded_files_of_bmsg(golden, bmsg, name):
    nets = load_networks(golden / name)
    assert list(nets.members) == ["G", "D", "G_ema"]
    assert_recorded(nets, bmsg[0])
    files = nets.info["source"]["files"]
    assert {file["name"] for file in files} == {"bmsg_32_GAN_GEN.pth", "bmsg_32_GAN_DIS.pth"}
    assert files[0]["name"] == name
    assert files[0]["sha256"] == hashlib.sha256((golden / name).read_bytes()).hexdigest()


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("legacy", [False, True])
def test_siblings_of_the_same_epoch(tmp_path, bmsg, prefix, legacy):
    recording, states = bmsg
    how = {"prefix": prefix, "legacy": legacy}
    average = {name: array / 2 for name, array in states["GEN"].items()}
    save_state(tmp_path / "GAN_GEN_SHADOW_5.pth", average, **how)
    path = save_state(tmp_path / "GAN_GEN_5.pth", states["GEN"], **how)
    nets = load_networks(path)
    assert list(nets.members) == ["G", "G_ema"]
    save_state(tmp_path / "GAN_DIS_5.pth", states["DIS"], **how)
    save_state(tmp_path / "GAN_DIS_6.pth", {"another": np.zeros(1, np.float32)}, **how)
    nets = load_networks(path)
    assert list(nets.members) == ["G", "D", "G_ema"]
    bias = states["GEN"]["layers.1.conv_1.bias"]
    np.testing.assert_array_equal(nets.G.synthesis.blocks[1].conv0.bias, bias)
    np.testing.assert_array_equal(nets.G_ema.synthesis.blocks[1].conv0.bias, bias / 2)
    assert_close(
        nets.D([to_nhwc(recording[f"in/reals/{res}"]) for res in nets.D.resolutions])[:, 0],
        recording["out/D/scores_real"],
        1e-4,
    )


def test_discriminator_of_bmsg_as_it_was_trained_on_gpus(tmp_path, bmsg):
    # There its layers were wrapped one by one, and the last block was not.
    recording, states = bmsg
    names = {
        name: ".".join([*name.split(".")[: -1 if "rgb" in name else -2], "module", *rest])
        if not name.startswith("final")
        else name
        for name in states["DIS"]
        for rest in [name.split(".")[-1 if "rgb" in name else -2 :]]
    }
    assert names["layers.0.conv_1.weight"] == "layers.0.module.conv_1.weight"
    assert names["rgb_to_features.2.bias"] == "rgb_to_features.2.module.bias"
    state = {names[name]: array for name, array in states["DIS"].items()}
    assert_recorded(load_networks(save_state(tmp_path / "GAN_DIS_1.pth", state)), recording)


def test_one_file_of_bmsg(tmp_path, bmsg):
    recording, states = bmsg
    nets = load_networks(save_state(tmp_path / "renamed", states["GEN"]))
    assert nets.D is None
    assert_recorded(nets, recording)
    nets = load_networks(save_state(tmp_path / "GAN_GEN_9.pth", states["DIS"]))
    assert nets.G is None and nets.G_ema is None
    assert_recorded(nets, recording)


def test_files_of_bmsg_that_do_not_fit(tmp_path, bmsg):
    _, states = bmsg
    path = save_state(tmp_path / "GAN_GEN_1.pth", states["GEN"])
    sibling = tmp_path / "GAN_DIS_1.pth"
    sibling.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"GAN_DIS_1\.pth cannot be read"):
        load_networks(path)
    save_state(sibling, states["GEN"])
    with pytest.raises(ValueError, match=r"GAN_GEN_1\.pth and .*GAN_DIS_1\.pth both hold a gen"):
        load_networks(path)
    save_state(sibling, {"state": np.zeros(1), "param_groups": np.zeros(1)})
    with pytest.raises(ValueError, match=r"GAN_DIS_1\.pth holds the state of an optimizer"):
        load_networks(path)
    weights = {**states["DIS"], "layers.0.conv_1.bias": np.full(16, np.inf, np.float32)}
    save_state(sibling, weights)
    with pytest.raises(ValueError, match=r"GAN_DIS_1\.pth.*`layers\.0\.conv_1\.bias` holds NaN"):
        load_networks(path)
    weights = {k: v for k, v in states["DIS"].items() if k != "final_converter.bias"}
    save_state(sibling, weights)
    with pytest.raises(ValueError, match=r"GAN_DIS_1\.pth.*final_converter\.bias.*missing"):
        load_networks(path)


def test_small_files_of_bmsg_make_no_large_networks(tmp_path):
    shapes = {
        "layers.0.conv_1.weight": (1, 1, 4, 4),
        "layers.0.conv_2.weight": (2**20, 2**20, 0, 3),
        "rgb_converters.0.weight": (3, 1, 1, 1),
        "rgb_converters.1.weight": (3, 1, 1, 1),
        "rgb_converters.2.weight": (3, 1, 1, 1),
        "rgb_converters.3.weight": (3, 1, 1, 1),
    }
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    with pytest.raises(ValueError, match=r"GAN_GEN_1\.pth"):
        load_networks(save_state(tmp_path / "GAN_GEN_1.pth", arrays))


# Kinds of files.


def test_the_kind_of_a_file_is_not_told_by_its_name(tmp_path, small):
    save_networks(small, tmp_path / "snapshot.keras", {"cur_nimg": 5})
    shutil.copyfile(tmp_path / "snapshot.keras", tmp_path / "network.pkl")
    nets = load_networks(tmp_path / "network.pkl")
    assert nets.info == {"cur_nimg": 5}
    assert_equal_networks(nets, small)
    tflib_writer.save(tmp_path / "network.keras", trio(small, SETTINGS))
    assert_equal_networks(load_networks(tmp_path / "network.keras"), small)


def test_run_folders(tmp_path):
    run_dir = make_run(tmp_path / "results", tmp_path)
    assert load_networks(run_dir).info["cur_nimg"] == 1000
    newest = run_dir / "network-snapshot-000001.keras"
    for name in ("latest", "1", run_dir, newest, str(newest)):
        assert find_network_file(name, tmp_path / "results") == newest
    (tmp_path / "a.pkl").write_bytes(b"")
    assert find_network_file(tmp_path / "a.pkl", tmp_path) == tmp_path / "a.pkl"
    for name in ("no.pkl", "no.pth", "no.npz", "no.keras", "no"):
        with pytest.raises(FileNotFoundError, match=name):
            find_network_file(name, tmp_path / "results")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_networks(tmp_path / "no.pkl")


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"\x89HDF\r\n\x1a\n", b"weights"])
def test_other_files_are_named(tmp_path, content):
    (tmp_path / "thing.pkl").write_bytes(content)
    with pytest.raises(ValueError, match=r"thing\.pkl (is no file of networks|cannot be read)"):
        load_networks(tmp_path / "thing.pkl")


def test_pickles_of_something_else_are_named(tmp_path):
    (tmp_path / "thing.pkl").write_bytes(pickle.dumps({"G": 1}))
    with pytest.raises(ValueError, match=r"thing\.pkl.*something else than networks"):
        load_networks(tmp_path / "thing.pkl")


def test_other_models_of_keras_are_not_made(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(tmp_path / "other.keras")
    make_networks().G.save(tmp_path / "G.keras")
    for name in ("other", "G"):
        with pytest.raises(ValueError, match=rf"{name}\.keras holds a .*, not the networks"):
            load_networks(tmp_path / f"{name}.keras")


def test_conditional_generators_of_both_kinds_are_the_same_function(tmp_path):
    settings = SETTINGS | {"label_size": 3}
    nets = make_trio(settings)
    records = nvidia_trio(nets, settings)
    single = load_networks(tflib_writer.save(tmp_path / "file.pkl", records)).G_ema
    assert isinstance(single, Generator) and single.label_size == 3
    z, labels = np.ones((3, 8), np.float32), np.eye(3, dtype=np.float32)
    expected = nets.G_ema(z, labels, noise_mode="const")[-1]
    assert_close(single(z, labels, noise_mode="const")[0], expected, 1e-6)
