"""State dicts of BMSG-GAN: the same images and scores, or a refusal with a reason."""

import hashlib

import numpy as np
import pytest
from support.original_recording import RecordedArrays, assert_close, to_nchw, to_nhwc
from support.torch_writer import save_state

from msg_stylegan.pretrained import load_networks

# Nothing may be run out of a file.
pytestmark = pytest.mark.usefixtures("victim")


@pytest.fixture(scope="module")
def bmsg(golden):
    """Recording of BMSG-GAN, and its state dicts."""
    recording = RecordedArrays.read(golden / "bmsg_32.npz")
    return recording, {"GEN": recording.group("G/"), "DIS": recording.group("D/")}


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
    with pytest.raises(ValueError, match=r"GAN_DIS_1\.pth.*Missing: 'final_converter\.bias'"):
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
