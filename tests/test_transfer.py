"""What networks take over of trained ones: what fits, and all else is named."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from support.network_weights import assert_equal_networks
from support.networks_to_transfer import DATA, SMALL, images_of, make_networks
from support.tiny_pair import make_pair
from support.tiny_training import make_tiny_pair, tiny_config

from msg_stylegan.commands.origins import open_origin
from msg_stylegan.interface import Interface
from msg_stylegan.networks import build_networks, save_networks
from msg_stylegan.networks.named_variables import named_variables
from msg_stylegan.options import (
    Config,
    DiscriminatorOptions,
    GeneratorOptions,
    TransferOptions,
    changed,
)
from msg_stylegan.training.training_state import TrainingState
from msg_stylegan.transfer.freezing import freeze
from msg_stylegan.transfer.matching import copy_matching
from msg_stylegan.transfer.origin import Origin


def test_weights_of_a_resolution_have_the_same_name_at_every_size():
    small, large = make_networks(), make_networks(dataclasses.replace(DATA, resolution=32))
    for ours, theirs in zip(small.members.values(), large.members.values(), strict=True):
        named = named_variables(theirs)
        missing = [name for name in named_variables(ours) if name not in named]
        # The block that was the first of the discriminator reads images in another way now.
        assert all("fromrgb" in name for name in missing)


def test_equal_networks_take_over_everything():
    source, target = make_networks(), make_networks()
    matches = Origin("file", source).give_to(target)
    assert_equal_networks(target, source)
    assert all(not match.fresh and not match.unused for match in matches.values())


@pytest.mark.parametrize("sides", [(16, 32), (32, 16)])
def test_scales_that_both_have_stay_as_they_are(sides):
    source, target = (make_networks(dataclasses.replace(DATA, resolution=side)) for side in sides)
    before = {n: np.asarray(v) for n, v in named_variables(target.G).items()}
    matches = Origin("file", source).give_to(target)
    for ours, theirs in zip(images_of(target), images_of(source), strict=False):
        np.testing.assert_array_equal(ours, theirs)
    if sides[1] > sides[0]:
        assert matches["G"].fresh == {"synthesis/block_32x32": "not in the file"}
        assert matches["D"].unused == ("block_16x16/fromrgb",)
        for name, variable in named_variables(target.G).items():
            if "32x32" in name:
                np.testing.assert_array_equal(variable, before[name])
    else:
        assert matches["G"].unused == ("synthesis/block_32x32",)
        assert matches["D"].fresh == {"block_16x16/fromrgb": "not in the file"}


def test_other_labels_and_colours_begin_anew_where_they_matter():
    source = make_networks(dataclasses.replace(DATA, label_size=3))
    target = make_networks(Interface(16, 1, 5))
    matches = Origin("file", source).give_to(target)
    assert matches["G"].fresh["mapping/label_kernel"] == "3x8 in the file, 5x8 here"
    assert matches["G"].fresh["synthesis/block_8x8/torgb/bias"] == "3 in the file, 1 here"
    assert matches["D"].fresh["block_4x4/dense1/bias"] == "3 in the file, 5 here"
    for name, match in matches.items():
        reads_or_makes_images = ("torgb", "fromrgb", "combine", "label_kernel", "dense1")
        assert all(any(part in place for part in reads_or_makes_images) for place in match.fresh)
        assert match.copied + len(match.fresh) == len(named_variables(getattr(target, name)))


def test_labels_for_networks_that_knew_none():
    source, target = make_networks(), make_networks(dataclasses.replace(DATA, label_size=3))
    fresh = Origin("file", source).give_to(target)["G"].fresh
    assert fresh == {
        "mapping/dense_layers0/kernel": "8x8 in the file, 16x8 here",
        "mapping/label_kernel": "not in the file",
    }


def test_all_scales_from_networks_of_one():
    source = make_networks(dataclasses.replace(DATA, connect="none"))
    target = make_networks()
    matches = Origin("file", source).give_to(target)
    assert list(matches["G"].fresh) == [f"synthesis/block_{s}x{s}/torgb" for s in (4, 8)]
    assert all("combine" in place for place in matches["D"].fresh)
    np.testing.assert_array_equal(images_of(target)[-1], images_of(source)[-1])


def test_a_pair_from_one_domain():
    source, target = make_networks(Interface(16, 1)), make_pair()
    Origin("file", source).give_to(target)
    for domain in target.domains:
        for network, theirs in zip(domain, (source.G, source.D, source.G_ema), strict=True):
            for a, b in zip(network.variables, theirs.variables, strict=True):
                np.testing.assert_array_equal(a, b)


def test_a_pair_starts_as_it_is(tmp_path):
    """And does not make both domains alike, as `coupling.same_start` does with random weights."""
    datasets, options = make_tiny_pair(tmp_path)
    options |= {"coupling.same_start": True, "transfer.init_from": "file"}
    config = changed(tiny_config(tmp_path), options)
    source = make_pair(channels=(1, 3))
    state = TrainingState(
        config, tmp_path, datasets, tf.distribute.get_strategy(), None, lambda: Origin("f", source)
    )
    assert_equal_networks(state.nets, source)


def test_the_other_domain_of_a_pair_is_named():
    source = make_pair(has_encoder=True)
    origin = Origin("file", source)
    matches = origin.give_to(make_networks(Interface(16, 1)))
    assert origin.lines(matches)[-4:] == [f"{name}: not used" for name in source.members][3:]
    whole = make_pair(has_encoder=True)
    assert not any("not used" in line for line in origin.lines(origin.give_to(whole)))


@pytest.mark.parametrize("start_resolution", [0, 4])
def test_networks_that_grow_and_others_do_not_mix(start_resolution):
    config = changed(Config(), {"growing.start_resolution": start_resolution})
    grown = build_networks(
        GeneratorOptions(
            body="progan", z_dim=8, w_dim=8, mapping_layers=0, normalize_z=False, **SMALL
        ),
        DiscriminatorOptions(body="progan", mbstd_blocks="last", **SMALL),
        DATA,
        stage_resolution=8,
    )
    origins = {4: Origin("file", grown), 0: Origin("file", make_networks())}
    origins.pop(start_resolution).check(config)
    ((_, other),) = origins.items()
    with pytest.raises(ValueError, match=f"growing.start_resolution={start_resolution}: file"):
        other.check(config)


def test_a_network_that_the_file_lacks_is_new():
    target = make_networks()
    match = copy_matching(None, target.D)
    assert match.copied == 0
    assert set(match.fresh) == {f"block_{side}x{side}" for side in (4, 8, 16)}
    assert match.lines("D")[1] == "  new: block_4x4 (not in the file)"


@pytest.mark.parametrize(
    "target, options, problem",
    [
        (dataclasses.replace(DATA, resolution=32), {"freeze_D": 1}, "block_32x32 of D would keep"),
        (Interface(16, 1), {"freeze_D": 2}, "block_16x16/fromrgb/kernel of D"),
        (dataclasses.replace(DATA, label_size=2), {"freeze_mapping": True}, "of G.* random"),
    ],
)
def test_random_weights_are_not_frozen(target, options, problem):
    nets = make_networks(target)
    matches = Origin("file", make_networks()).give_to(nets)
    with pytest.raises(ValueError, match=problem):
        freeze(nets, TransferOptions(init_from="file", **options), matches)
    freeze(nets, TransferOptions(init_from="file"), matches)


def test_a_snapshot_of_a_generator_alone(tmp_path):
    nets = make_networks()
    alone = type(nets)(None, None, nets.G_ema, info={}, name="networks")
    alone.build()
    save_networks(alone, tmp_path / "a.keras", {})
    origin = open_origin(tmp_path / "a.keras", tmp_path)
    target = make_networks()
    untouched = [np.asarray(variable) for variable in target.D.variables]
    matches = origin.give_to(target)
    assert matches["G"].fresh == {} and matches["D"].copied == 0
    for variable, value in zip(target.D.variables, untouched, strict=True):
        np.testing.assert_array_equal(variable, value)
    for G in (target.G, target.G_ema):
        np.testing.assert_array_equal(tf.convert_to_tensor(G.w_avg), nets.G_ema.w_avg)
