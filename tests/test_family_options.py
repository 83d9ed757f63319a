"""Options of the MSG-GAN family: what follows from which, BMSG-GAN's presets, SageMaker."""

import dataclasses
import subprocess
import sys
from types import SimpleNamespace

import pytest
from support.checkout import ROOT
from support.tiny_training import make_tiny_dataset, tiny_config, train_tiny

from msg_stylegan.interface import Interface
from msg_stylegan.networks import (
    Discriminator,
    Generator,
    load_snapshot,
    newest_snapshot,
    progan_options,
)
from msg_stylegan.options import Config, changed, validate
from msg_stylegan.presets import get_preset


def data_of(resolution=32, label_size=0):
    return SimpleNamespace(resolution=resolution, num_channels=3, label_size=label_size)


@pytest.mark.parametrize(("depth", "latent_size"), [(4, 2), (6, 512), (7, 256), (9, 32)])
def test_sized_preset_makes_the_networks_of_bmsg_gan(depth, latent_size):
    config = get_preset(f"bmsg:{depth},{latent_size}")
    validate(config)
    assert config.preset == "bmsg"
    data = data_of(config.dataset.resolution)
    *expected, interface = progan_options(depth, latent_size)
    assert Interface.of(data) == interface
    for ours, published in zip((config.generator, config.discriminator), expected, strict=True):
        ours = dataclasses.asdict(ours.resolved(interface))
        # The other options of a mapping network without layers mean nothing.
        ours = {k: v for k, v in ours.items() if not k.startswith("mapping_") or "layers" in k}
        assert ours == {name: getattr(published, name) for name in ours}


def test_bmsg_is_depth_6_and_latent_size_512():
    assert get_preset("bmsg") == get_preset("bmsg:6") == get_preset("bmsg:6,512")


@pytest.mark.parametrize("size", ["", "3", "10", "7,", "7,500", "7,4", "4,1", "7,512,1", "a", "-4"])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(ValueError, match=rf"^bmsg:{size}: must be bmsg:DEPTH or"):
        get_preset(f"bmsg:{size}")


def test_other_presets_have_no_size():
    with pytest.raises(ValueError, match="ffhq256:7: only bmsg takes a size"):
        get_preset("ffhq256:7")
    with pytest.raises(ValueError, match=r"unknown preset 'bsmg'. Did you mean bmsg"):
        get_preset("bsmg:7")


def family_config(**options):
    return changed(Config(), {name.replace("__", "."): v for name, v in options.items()})


@pytest.mark.parametrize("label_size", [0, 3])
def test_progan_options_follow(label_size):
    config = family_config(
        generator__body="progan",
        generator__mapping_layers=0,
        generator__z_dim=8,
        generator__channel_base=64,
        generator__channel_max=8,
        discriminator__body="progan",
        discriminator__channel_base=64,
        discriminator__channel_max=8,
    )
    data = Interface.of(data_of(label_size=label_size))
    G, D = Generator(config.generator, data), Discriminator(config.discriminator, data)
    assert G.w_dim == G.options.w_dim == (16 if label_size else 8)
    assert G.options.use_pixel_norm
    assert D.options.blur_filter == ()
    assert G.num_ws == 1
    assert G.resolutions == D.resolutions
    # What follows may be said, too.
    said = {
        "generator.use_noise": False,
        "generator.blur_filter": (),
        "discriminator.blur_filter": (),
    }
    config = changed(config, said)
    assert config.generator.resolved(data) == G.options
    assert config.discriminator.resolved(data) == D.options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"generator__body": "progan", "generator__blur_filter": (1.0, 3.0, 1.0)},
            r"generator\.blur_filter=\(1\.0, 3\.0, 1\.0\): must be \(\), or left out, with "
            r"generator\.body='progan'",
        ),
        (
            {"discriminator__body": "progan", "discriminator__blur_filter": (1.0,)},
            r"discriminator\.blur_filter=\(1\.0,\).*discriminator\.body='progan'",
        ),
        (
            {"generator__mapping_layers": 0, "generator__z_dim": 64, "generator__w_dim": 32},
            r"generator\.w_dim=32: must be 64, or left out, with generator\.mapping_layers=0",
        ),
    ],
)
def test_contradictions_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        validate(family_config(**options), dataset=data_of())


def test_nothing_follows_by_default():
    config, data = Config(), Interface.of(data_of())
    assert config.generator.resolved(data) == config.generator
    assert config.discriminator.resolved(data) == config.discriminator


def test_training_of_progan_networks(tmp_path):
    config = tiny_config(tmp_path, total_kimg=0.016, tick_kimg=0.016)
    config = changed(
        config,
        {
            "generator.body": "progan",
            "generator.mapping_layers": 0,
            "generator.z_space": "sphere",
            "discriminator.body": "progan",
            "discriminator.combine": "simple",
            "discriminator.mbstd_group_size": -1,
        },
    )
    run_dir = train_tiny(config, make_tiny_dataset(tmp_path))
    G = load_snapshot(newest_snapshot(run_dir)).G_ema
    assert type(G.synthesis).__name__ == "ProGANSynthesis"
    assert G.w_dim == G.z_dim == 8


@pytest.mark.parametrize("folder", ["", "/opt/ml/x"])
def test_sagemaker_names_folders_only_when_it_is_there(folder):
    program = (
        "from msg_stylegan.commands.user_config import user_config; c = user_config(); "
        "print(c.data_dir, c.result_dir)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"SM_CHANNEL_TRAINING": folder, "SM_MODEL_DIR": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ([folder] * 2 if folder else ["datasets", "results"])
