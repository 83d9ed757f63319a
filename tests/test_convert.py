"""`convert` keeps all weights to the last bit, and tells what it found."""

import json
import zipfile

import numpy as np
import pytest
from support import tflib_writer
from support.network_weights import assert_equal_networks, randomize
from support.original_recording import RecordedArrays, Recording, original_paths
from support.pickled_networks import SETTINGS, VARIANTS, make_trio, nvidia_trio, trio
from support.torch_writer import save_state

from msg_stylegan.commands import convert
from msg_stylegan.interface import Interface
from msg_stylegan.legacy.npz_networks import write_npz_networks
from msg_stylegan.networks import (
    Discriminator,
    Generator,
    Networks,
    build_networks,
    save_networks,
)
from msg_stylegan.networks.growing import GrowingDiscriminator, GrowingGenerator
from msg_stylegan.presets import get_preset
from msg_stylegan.pretrained import load_networks

INFO = {"options": {"seed": 5}, "cur_nimg": 12_000, "name": "Größe"}


def run(*arguments):
    return convert.main([str(argument) for argument in arguments])


def group(npz, prefix):
    return {k.removeprefix(prefix): npz[k] for k in npz.files if k.startswith(prefix)}


def assert_same_arrays(ours, expected):
    assert ours.keys() == expected.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(array, expected[name], strict=True)


@pytest.mark.parametrize("variant", ["labels", "traditional"])
def test_there_and_back(tmp_path, variant):
    settings = SETTINGS | VARIANTS[variant]
    nets = make_trio(settings)
    tflib_writer.save(tmp_path / "a.pkl", trio(nets, settings))
    assert run(tmp_path / "a.pkl", tmp_path / "b.keras") == 0
    assert run(tmp_path / "b.keras", tmp_path / "c.npz") == 0
    assert run(tmp_path / "c.npz", tmp_path / "d.keras") == 0
    assert run(tmp_path / "a.pkl", tmp_path / "e.npz") == 0
    infos = []
    for name in ("a.pkl", "b.keras", "c.npz", "d.keras", "e.npz"):
        again = load_networks(tmp_path / name)
        assert_equal_networks(again, nets)
        infos.append(again.info)
    assert all(info == infos[0] for info in infos)
    assert infos[0]["source"]["files"][0]["name"] == "a.pkl"


@pytest.mark.parametrize("path", original_paths("*.pkl"))
def test_npz_has_the_names_and_numbers_of_the_original(path, tmp_path, capsys):
    assert run(path, tmp_path / "a.npz") == 0
    recording = Recording.read(path.with_suffix(".npz"))
    with np.load(tmp_path / "a.npz") as npz:
        for prefix in ("G/", "D/", "Gs/"):
            assert_same_arrays(group(npz, prefix), recording.group(prefix))
        assert set(json.loads(str(npz["meta"]))) == {"version", "networks", "info"}
    out = capsys.readouterr().out
    G = load_networks(path).G
    assert f"{path.name}: pickle of MSG-StyleGAN" in out
    scales = ", ".join(map(str, G.resolutions))
    assert f"{G.resolution}x{G.resolution}x{G.num_channels}, scales {scales}" in out
    count = sum(a.size for k, a in recording.group("D/").items())
    assert f"{count:,} parameters" in out
    assert f"Wrote {tmp_path / 'a.npz'}." in out


def test_npz_of_bmsg_has_the_names_of_pytorch(golden, tmp_path):
    assert run(golden / "bmsg_32_GAN_GEN.pth", tmp_path / "a.npz") == 0
    recording = RecordedArrays.read(golden / "bmsg_32.npz")
    with np.load(tmp_path / "a.npz") as npz:
        assert_same_arrays(group(npz, "G/"), recording.group("G/"))
        assert_same_arrays(group(npz, "Gs/"), recording.group("G/"))
        assert_same_arrays(group(npz, "D/"), recording.group("D/"))
    assert run(tmp_path / "a.npz", tmp_path / "b.keras") == 0
    expected = load_networks(golden / "bmsg_32_GAN_GEN.pth")
    for name in ("a.npz", "b.keras"):
        assert_equal_networks(load_networks(tmp_path / name), expected)


@pytest.mark.parametrize("kind", ["GEN", "DIS"])
def test_a_part_of_bmsg(golden, tmp_path, kind):
    states = RecordedArrays.read(golden / "bmsg_32.npz").group(f"{kind[0]}/")
    save_state(tmp_path / "a.pth", states)
    expected = load_networks(tmp_path / "a.pth")
    assert run(tmp_path / "a.pth", tmp_path / "b.npz") == 0
    assert run(tmp_path / "b.npz", tmp_path / "c.keras") == 0
    assert run(tmp_path / "c.keras", tmp_path / "d.npz") == 0
    for name in ("b.npz", "c.keras", "d.npz"):
        assert_equal_networks(load_networks(tmp_path / name), expected)


def test_networks_of_nvidia(tmp_path, capsys):
    tflib_writer.save(tmp_path / "a.pkl", nvidia_trio(make_trio(SETTINGS)))
    assert run(tmp_path / "a.pkl", tmp_path / "b.npz") == 0
    out = capsys.readouterr().out
    assert "pickle of NVIDIA StyleGAN" in out and out.count("left out: ") == 2
    assert "16x16x3, scales 16, " in out
    assert run(tmp_path / "b.npz", tmp_path / "c.keras") == 0
    expected = load_networks(tmp_path / "a.pkl")
    for name in ("b.npz", "c.keras"):
        assert_equal_networks(load_networks(tmp_path / name), expected)


def test_a_run_keeps_its_description(tmp_path):
    nets = make_trio(SETTINGS)
    save_networks(nets, tmp_path / "run" / "network-snapshot-000012.keras", INFO)
    assert run(tmp_path / "run", tmp_path / "a.npz") == 0
    assert run(tmp_path / "a.npz", tmp_path / "b.keras") == 0
    again = load_networks(tmp_path / "b.keras")
    assert again.info == INFO
    assert_equal_networks(again, nets)


@pytest.mark.parametrize("combine", ["simple", "lin_cat"])
@pytest.mark.parametrize("body", ["stylegan", "progan"])
def test_other_discriminators(tmp_path, combine, body):
    D = make_trio(SETTINGS).D
    D = Discriminator.from_config(
        D.get_config() | {"combine": combine, "body": body, "mbstd_blocks": "last"}
    )
    nets = Networks(G=None, D=D, G_ema=None, name="networks")
    nets.build()
    save_networks(nets, tmp_path / "a.keras", {})
    assert run(tmp_path / "a.keras", tmp_path / "b.npz") == 0
    assert_equal_networks(load_networks(tmp_path / "b.npz"), nets)


def test_a_changed_generator_of_bmsg_has_no_names(tmp_path, golden, capsys):
    G = load_networks(golden / "bmsg_32_GAN_GEN.pth").G
    G = Generator.from_config(G.get_config() | {"nonlinearity": "relu"})
    nets = Networks(G=None, D=None, G_ema=G, name="networks")
    nets.build()
    save_networks(nets, tmp_path / "a.keras", {})
    assert run(tmp_path / "a.keras", tmp_path / "b.npz") == 1
    assert "changed one of BMSG-GAN" in capsys.readouterr().err
    assert not (tmp_path / "b.npz").exists()


def test_a_run_of_our_presets_has_the_names_of_bmsg(tmp_path):
    config = get_preset("bmsg:4,4")
    data = Interface(config.dataset.resolution, num_channels=3)
    nets = build_networks(config.generator, config.discriminator, data)
    randomize(nets)
    # There is no w without a mapping network, and so no mean of it.
    for G in (nets.G, nets.G_ema):
        G.w_avg.assign(np.zeros(4, np.float32))
    save_networks(nets, tmp_path / "a.keras", INFO)
    assert run(tmp_path / "a.keras", tmp_path / "b.npz") == 0
    with np.load(tmp_path / "b.npz") as npz:
        assert "G/layers.0.conv_1.weight" in npz.files
    assert_equal_networks(load_networks(tmp_path / "b.npz"), nets)


SMALL = {"channel_base": 16, "channel_max": 4}
PROGAN = {"body": "progan", "z_dim": 4, "mapping_layers": 0}


@pytest.mark.parametrize(
    "network_class, options",
    [
        (Generator, {"body": "stylegan2", "z_dim": 4, "w_dim": 4}),
        (Discriminator, {"body": "residual"}),
        (Discriminator, {"body": "scogan"}),
        (GrowingGenerator, PROGAN),
        (GrowingDiscriminator, {"body": "progan", "mbstd_blocks": "last"}),
    ],
)
def test_weights_without_names_are_refused(tmp_path, capsys, network_class, options):
    is_D = issubclass(network_class, Discriminator)
    if options["body"] == "scogan":
        data = Interface(32, 3, connect="none")
    else:
        options, data = options | SMALL, Interface(8, 3)
    network = network_class(network_class.options_class(**options), data)
    nets = Networks(**{**dict.fromkeys(("G", "D", "G_ema")), "D" if is_D else "G_ema": network})
    nets.build()
    save_networks(nets, tmp_path / "a.keras", {})
    assert run(tmp_path / "a.keras", tmp_path / "b.npz") == 1
    error = capsys.readouterr().err
    assert "have no names for their weights in npz files. Write a .keras file instead." in error
    assert error.count("\n") == 1
    assert not (tmp_path / "b.npz").exists()


@pytest.mark.parametrize("member", ["D", "G_ema"])
def test_no_variable_is_lost_silently(tmp_path, member):
    network_class = Discriminator if member == "D" else Generator

    class Extended(network_class):
        def build(self, input_shape=None):
            super().build()
            self.added = self.add_weight(name="added", shape=(1,), initializer="ones")

    network = Extended(network_class.options_class(**SMALL), Interface(8, 3))
    nets = Networks(**{**dict.fromkeys(("G", "D", "G_ema")), member: network})
    nets.build()
    with pytest.raises(ValueError, match="variables 'added' have no names"):
        write_npz_networks(nets, tmp_path / "a.npz")
    assert not (tmp_path / "a.npz").exists()


def test_nothing_is_overwritten_unasked(tmp_path, capsys):
    save_networks(make_trio(SETTINGS), tmp_path / "a.keras", {})
    (tmp_path / "b.npz").write_bytes(b"mine")
    assert run(tmp_path / "a.keras", tmp_path / "b.npz") == 1
    assert "b.npz exists already" in capsys.readouterr().err
    assert (tmp_path / "b.npz").read_bytes() == b"mine"
    assert run(tmp_path / "a.keras", tmp_path / "b.npz", "--force") == 0
    assert len(load_networks(tmp_path / "b.npz").members) == 3
    assert run(tmp_path / "a.keras", tmp_path / "a.keras", "--force") == 1
    assert "the source itself" in capsys.readouterr().err


@pytest.mark.parametrize(
    "source, target, message",
    [
        ("a.keras", "b.pkl", "ends in .keras or .npz"),
        ("none.pkl", "b.npz", "none.pkl does not exist"),
        ("text.pkl", "b.npz", "text.pkl is not a file of networks"),
    ],
)
def test_mistakes_are_explained(tmp_path, capsys, source, target, message):
    (tmp_path / "text.pkl").write_text("text")
    assert run(tmp_path / source, tmp_path / target) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert message in error
    assert not (tmp_path / target).exists()


# Files of arrays that are not what they say.


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    folder = tmp_path_factory.mktemp("npz")
    tflib_writer.save(folder / "a.pkl", trio(make_trio(SETTINGS), SETTINGS))
    assert run(folder / "a.pkl", folder / "a.npz") == 0
    with np.load(folder / "a.npz") as npz:
        return {name: npz[name] for name in npz.files}


def with_meta(arrays, change):
    meta = json.loads(str(arrays["meta"]))
    change(meta)
    return arrays | {"meta": np.array(json.dumps(meta))}


def option(network, **changes):
    return lambda arrays: with_meta(arrays, lambda m: m["networks"][network].update(changes))


def test_files_from_before_the_newest_options_are_read(tmp_path, arrays):
    def forget(meta):
        for network, options in meta["networks"].items():
            assert options.pop("weight_init") == "normal"
            assert (network == "D") == (options.pop("norm", None) == "batch")

    np.savez(tmp_path / "new.npz", **arrays)
    np.savez(tmp_path / "old.npz", **with_meta(arrays, forget))
    new, old = (load_networks(tmp_path / f"{name}.npz") for name in ("new", "old"))
    assert_equal_networks(old, new)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda a: {k: v for k, v in a.items() if k != "meta"}, "no text `meta`"),
        (lambda a: a | {"meta": np.zeros(3)}, "no text `meta`"),
        (lambda a: a | {"meta": np.array("{")}, "cannot be read as npz of networks"),
        (lambda a: a | {"meta": np.array("[]")}, "not that of networks"),
        (lambda a: a | {"meta": np.array("[" * 100_000)}, "cannot be read as npz of networks"),
        (lambda a: with_meta(a, lambda m: m.update(version=2)), "version 2"),
        (lambda a: with_meta(a, lambda m: m.update(networks=[])), "`meta` is damaged"),
        (lambda a: with_meta(a, lambda m: m["networks"].update(X={})), "Expected some of"),
        (lambda a: with_meta(a, lambda m: m["networks"].update(D=3)), "`meta` is damaged"),
        (lambda a: with_meta(a, lambda m: m["networks"]["D"].pop("body")), r"missing: \['body'\]"),
        (option("G", z_dim=2**19), "Expected variable `G_mapping/Dense0/weight`"),
        (option("G", sigma=1), r"unknown: \['sigma'\]"),
        (option("G", synthesis="other"), "`body`"),
        (option("G", synthesis="progan"), "npz of networks"),
        (option("D", combine="other"), "`combine`"),
        (option("Gs", nonlinearity="relu"), "`G` and `G_ema` to have the same options"),
        (lambda a: a | {"in/z": np.zeros(3)}, "'in/z'.*belongs to none of its networks"),
        (lambda a: a | {"D/FromRGB_lod0/bias": np.zeros(3, "f4")}, "FromRGB_lod0/bias"),
        (lambda a: a | {"D/FromRGB_lod0/bias": np.full(8, np.nan)}, "NaN"),
        (lambda a: a | {"D/FromRGB_lod0/bias": np.array([None] * 8)}, "type object"),
    ],
)
def test_wrong_arrays_are_named(tmp_path, arrays, change, message):
    np.savez(tmp_path / "file.npz", **change(arrays))
    with pytest.raises(ValueError, match=message):
        load_networks(tmp_path / "file.npz")


def test_archives_that_would_grow_are_refused(tmp_path, arrays):
    zeros = np.zeros(2**25, np.uint8)
    np.savez_compressed(tmp_path / "file.npz", **arrays, zeros=zeros)
    with pytest.raises(ValueError, match="much larger in memory"):
        load_networks(tmp_path / "file.npz")
    # An array that claims to be larger than its bytes.
    with zipfile.ZipFile(tmp_path / "file.npz", "w") as archive:
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (274877906944,)}"
        size = len(header).to_bytes(2, "little")
        archive.writestr("meta.npy", b"\x93NUMPY\x01\x00" + size + header)
    with pytest.raises(ValueError, match="of 0 bytes"):
        load_networks(tmp_path / "file.npz")
