"""The options: presets, names, types, rules, their stored form."""

import json
import math
import re

import hypothesis
import pytest
from hypothesis import strategies as st

from msg_stylegan import options, presets
from msg_stylegan.interface import Interface
from msg_stylegan.kimg_schedule import KimgSchedule, ScheduledFloat
from msg_stylegan.options import (
    Config,
    from_dict,
    option_fields,
    option_values,
    to_dict,
    validate,
)
from msg_stylegan.presets import get_preset

NAMES = list(option_fields())


def changed(changes, start="digits"):
    return options.changed(get_preset(start), changes)


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_is_valid_and_knows_its_name(name):
    preset = get_preset(name)
    validate(preset)
    assert preset.preset == name
    # Side in the name, as in ffhq1024.
    if side := re.search(r"[a-z](\d{2,})$", name):
        assert preset.dataset.resolution == (32 if "cifar10" in name else int(side[1]))


def test_original_settings_fit_the_number_of_gpus_they_were_used_with():
    for name, num_gpus in {
        "oxford_flowers256": 2,
        "lsun_churches256": 8,
        "indian_celebs256": 4,
        "celebahq1024": 8,
        "ffhq1024": 4,
    }.items():
        validate(get_preset(name), num_replicas=num_gpus)


def test_presets_of_the_user():
    own = {
        "mine": ("digits", {"loss.r1_gamma": 5, "generator.blur_filter": [1, 3, 1]}),
        "more": ("mine", {"seed": 1}),
        "digits": ("digits", {"seed": 2}),
    }
    mine = get_preset("mine", own)
    assert mine == changed(
        {
            "loss.r1_gamma": 5.0,
            "generator.blur_filter": (1.0, 3.0, 1.0),
            "preset": "mine",
            "seed": 2,
        }
    )
    assert get_preset("more", own) == options.changed(mine, {"seed": 1, "preset": "more"})
    assert get_preset("digits").seed != get_preset("digits", own).seed == 2
    with pytest.raises(ValueError, match=r"'minee'.*Did you mean mine"):
        get_preset("minee", own)
    for wrong in (("digit", {}), ("digits", {"seeds": 1}), ("digits", {"seed": "x"}), ("mine", {})):
        with pytest.raises(
            ValueError, match=r"(?s)preset .mine. in config\.py: .*(digit|seed|mine)"
        ):
            get_preset("mine", {"mine": wrong})


def test_unknown_preset_names_the_near_ones():
    with pytest.raises(ValueError, match=r"'ffhq_256'.*Did you mean ffhq256.*digits, digits_cond"):
        get_preset("ffhq_256")


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_explained(name):
    text = option_fields()[name].metadata["description"]
    assert text.endswith(".") and len(text) > 20


values_of_type = {
    bool: st.booleans(),
    int: st.integers(-(2**40), 2**40),
    float: st.floats(allow_nan=False, allow_infinity=False),
    ScheduledFloat: st.one_of(
        st.floats(allow_nan=False, allow_infinity=False), st.just(KimgSchedule("1@0,0.1@0.5"))
    ),
    str: st.text(max_size=8),
    tuple[float, ...]: st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4),
    tuple[str, ...]: st.lists(st.text(max_size=8), max_size=4),
}


@st.composite
def configurations(draw):
    changes = {}
    for name in draw(st.sets(st.sampled_from(NAMES))):
        value = draw(values_of_type[option_fields()[name].type])
        changes[name] = tuple(value) if isinstance(value, list) else value
    return changed(changes)


@hypothesis.given(configurations())
def test_json_keeps_every_value_and_type(configuration):
    again = from_dict(json.loads(json.dumps(to_dict(configuration))))
    assert again == configuration
    assert repr(again) == repr(configuration)


def test_absent_options_get_their_defaults():
    assert from_dict({}) == Config()
    assert from_dict({"loss": {}}) == Config()


@pytest.mark.parametrize(
    "values, message",
    [
        ({"loss": {"r1_gama": 5.0}}, r"loss\.r1_gama: unknown option.*loss\.r1_gamma"),
        ({"r1_gamma": 5.0}, r"r1_gamma: unknown option.*loss\.r1_gamma"),
        ({"loss": {"r1_gamma": "5"}}, r"loss\.r1_gamma='5': must be float, not str"),
        ({"loss": {"r1_gamma": True}}, r"loss\.r1_gamma=True: must be float, not bool"),
        ({"schedule": {"batch_size": 16.0}}, r"schedule\.batch_size=16\.0: must be int"),
        ({"schedule": {"batch_size": True}}, r"schedule\.batch_size=True: must be int"),
        ({"dataset": {"mirror": 1}}, r"dataset\.mirror=1: must be bool"),
        ({"dataset": {"path": None}}, r"dataset\.path=None: must be str"),
        ({"metrics": {"names": "swd16k"}}, r"metrics\.names='swd16k': must be a list of str"),
        ({"metrics": {"names": [1]}}, r"metrics\.names=\[1\]: must be a list of str"),
        ({"loss": 5}, r"loss=5: must be a group of options"),
        ([], r"config=\[\]: must be a group of options"),
    ],
)
def test_wrong_names_and_types_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        from_dict(values)


def test_whole_numbers_are_numbers():
    gamma = from_dict({"loss": {"r1_gamma": 5}}).loss.r1_gamma
    assert gamma == 5.0
    assert isinstance(gamma, float)
    validate(changed({"loss.r1_gamma": 5}))


def test_all_problems_are_reported_at_once():
    with pytest.raises(ValueError) as error:
        from_dict({"a": 1, "loss": {"b": 2}, "dataset": {"mirror": "yes"}})
    assert "3 problems" in str(error.value)
    bad = {"loss.r1_gamma": -1.0, "schedule.batch_size": 0, "dataset.resolution": 48}
    with pytest.raises(ValueError) as error:
        validate(changed(bad))
    lines = str(error.value).splitlines()
    assert "3 problems" in lines[0]
    assert sorted(line.strip().partition("=")[0] for line in lines[1:]) == sorted(bad)
    for name, value in bad.items():
        assert any(f"{name}={value}: must be" in line for line in lines)


def test_every_number_has_a_rule():
    for name, field in option_fields().items():
        assert field.metadata["rule"] or field.type not in (int, float, ScheduledFloat), name


@pytest.mark.parametrize(
    "name, good, bad",
    [
        ("dataset.resolution", [0, 8, 64], [4, 2048, 33, -8]),
        ("dataset.max_label_size", [-1, 0, 10], [-2]),
        ("dataset.path", ["a", "/a b/c"], [""]),
        ("generator.nonlinearity", ["lrelu", "relu"], ["elu", "", "LReLU"]),
        ("generator.blur_filter", [(), (1.0,), (1.0, 2.0, 1.0)], [(1.0, 1.0), (1.0, 0.0, -1.0)]),
        ("generator.w_avg_beta", [0.0, 0.999, 1.0], [1.1, -0.1, math.nan]),
        ("generator.mapping_layers", [0, 1, 8], [-1]),
        ("generator.z_space", ["normal", "sphere", "uniform"], ["cube"]),
        ("generator.body", ["stylegan", "progan"], ["biggan", ""]),
        ("discriminator.body", ["stylegan", "progan"], ["biggan", ""]),
        ("discriminator.combine", ["cat_lin", "lin_cat", "simple"], ["none", "lin"]),
        ("discriminator.mbstd_blocks", ["all", "last"], ["first"]),
        ("discriminator.mbstd_group_size", [-1, 0, 1, 4], [-2]),
        (
            "connect",
            ["all", "coarse", "middle", "fine", "none", "4", "4,32", "32,8"],
            ["", "some", "4,", ",4", "5", "2", "4 8", "4,64", "4,all"],
        ),
        ("loss.name", ["logistic", "relativistic_hinge", "wgan"], ["", "gan", "Hinge"]),
        ("loss.r2_gamma", [0.0, 5.0], [-1.0]),
        ("loss.gp_lambda", [0.0, 10.0], [-1.0]),
        ("loss.gp_target", [1.0, 750.0], [0.0, -1.0]),
        ("loss.drift_epsilon", [0.0, 0.001], [-0.1]),
        ("loss.penalty_interval", [1, 16], [0]),
        ("augment.groups", [(), ("blit", "hue")], [("blurr",)]),
        ("augment.probability", [0.0, 1.0], [-0.1, 1.1]),
        ("augment.target", [-1.0, 1.0], [1.1]),
        ("growing.start_resolution", [0], [3, 5, 2048]),
        ("growing.batch_sizes", [(), ("4:16", "64:8")], [("4",), ("4:0",), ("2:8",), ("a:4",)]),
        ("loss.label_noise", [0.0], [-0.3]),
        ("schedule.ema_decay", [0.0, 0.999], [1.0, -0.1]),
        ("discriminator.mbstd_num_channels", [1, 2, 16], [3, 32, 0]),
        ("optimizer.name", ["Adam", "RMSprop", "tfa.RectifiedAdam"], ["adam", "tfa.", "SGD", ""]),
        ("optimizer.epsilon", [1e-8], [0.0, math.inf]),
        ("schedule.image_grid", ["1080p", "4k", "16x8", "1x1"], ["0x8", "16", "16X8", "100x1"]),
        ("schedule.batch_size", [1, 2, 3, 4, 32], [0, 6]),
        ("schedule.tick_kimg", [0.01, 0.001], [0.0, 0.0004]),
        ("schedule.total_kimg", [0.001], [0.0, 0.0004]),
        ("seed", [0, 2**31 - 1], [-1, 2**31]),
        ("description", ["", "a-b_c.1"], ["a b", "a/b", "a:b"]),
        ("generator.channel_base", [256, 32], [8]),
    ],
)
def test_ranges(name, good, bad):
    # A preset in which the option means something.
    start = {"loss.gp_target": "progan", "growing.batch_sizes": "progan"}.get(name, "digits")
    for value in good:
        validate(changed({name: value}, start))
    for value in bad:
        with pytest.raises(ValueError, match=rf"\n  {re.escape(name)}="):
            validate(changed({name: value}, start))


@hypothesis.given(
    per_replica=st.integers(1, 40),
    num_replicas=st.integers(1, 8),
    group=st.integers(0, 8),
    surplus=st.integers(0, 7),
)
def test_batches_are_shared_evenly(per_replica, num_replicas, group, surplus):
    batch_size = per_replica * num_replicas + surplus % num_replicas
    configuration = changed(
        {"schedule.batch_size": batch_size, "discriminator.mbstd_group_size": group}
    )
    fits = surplus % num_replicas == 0 and (
        group <= 1 or per_replica <= group or per_replica % group == 0
    )
    if fits:
        validate(configuration, num_replicas=num_replicas)
    else:
        with pytest.raises(ValueError, match=f"schedule.batch_size={batch_size}"):
            validate(configuration, num_replicas=num_replicas)


def test_channels_are_checked_at_the_resolution_of_the_data():
    configuration = changed({"dataset.resolution": 0, "discriminator.channel_base": 16})
    validate(configuration)
    validate(configuration, dataset=Interface(32, 3))
    with pytest.raises(ValueError, match="leaves no channel at 64x64"):
        validate(configuration, dataset=Interface(64, 3))


LSGAN = {"loss.name": "lsgan", "loss.r1_gamma": 0.0}
GROWN = {
    "growing.start_resolution": 4,
    "generator.body": "progan",
    "generator.mapping_layers": 0,
    "discriminator.body": "progan",
    "discriminator.mbstd_blocks": "last",
}
PAIR = {"dataset.path_b": "b", "coupling.feature": 10.0}
AUGMENTED = {"augment.groups": ("color",)}


@pytest.mark.parametrize(
    "good, changes, named",
    [
        ({"loss.name": "wgan_gp", "loss.r1_gamma": 0.0}, {"loss.r1_gamma": 1.0}, "loss.name="),
        (LSGAN, {"loss.penalty_interval": 2}, "loss.penalty_interval=2"),
        ({**LSGAN, "loss.label_noise": 0.3}, {"loss.name": "logistic"}, "loss.label_noise=0.3"),
        (AUGMENTED, {"augment.adaptive": False}, "augment.probability=0.0"),
        (AUGMENTED, {"loss.name": "relativistic_hinge"}, "augment.adaptive=True"),
        (AUGMENTED, {"loss.name": "relativistic_logistic"}, "augment.adaptive=True"),
        (GROWN, {"growing.start_resolution": 64}, "growing.start_resolution=64"),
        (GROWN, {"connect": "none"}, "connect='none'"),
        (GROWN, {"generator.body": "stylegan"}, "generator.body='stylegan'"),
        (GROWN, {"growing.batch_sizes": ("8:6",)}, "growing.batch_sizes=8:6"),
        (GROWN, {"dataset.path_b": "b"}, "growing.start_resolution=4"),
        ({}, {"growing.batch_sizes": ("8:4", "16:2")}, "growing.batch_sizes=8:4,16:2: must be em"),
        ({}, {"loss.gp_lambda": 50.0}, "loss.gp_lambda=50.0: must be 10.0"),
        (
            {"optimizer.name": "tfa.LAMB"},
            {"optimizer.beta1": 0.5},
            "optimizer.beta1=0.5: must be l",
        ),
        ({"optimizer.name": "tfa.LAMB"}, {"optimizer.beta2": "0.9@0,0.8@1"}, "optimizer.beta2="),
        (
            {"generator.use_styles": False, "generator.use_const_input": False},
            {"generator.use_const_input": True},
            "generator.use_styles=False: needs",
        ),
        ({}, {"hardware.workers": ("a:1", "b:65536")}, "hardware.workers="),
        (PAIR, {"dataset.path_b": ""}, "coupling.feature=10.0: needs dataset.path_b"),
        (PAIR, {"coupling.semantic": 10.0}, "coupling.semantic=10.0: needs coupling.classifier"),
    ],
)
def test_options_that_contradict_each_other(good, changes, named):
    validate(changed(good))
    with pytest.raises(ValueError, match=rf"\n  {re.escape(named)}"):
        validate(changed({**good, **changes}))


@pytest.mark.parametrize(
    "options, a, b, message",
    [
        ({}, (32, 1, 0), (64, 1, 0), r"dataset.path_b='b': .* 64x64 .* dataset.resolution=32"),
        *(
            ({f"coupling.{name}": value}, (32, 1, 0), (32, 1, 3), f"{name}=.* 0 and 3 components")
            for name, value in (("sharing", "mapping"), ("same_start", True), ("weights", 10.0))
        ),
        (
            {"coupling.sharing": "hard", "discriminator.combine": "simple"},
            *((32, 1, 0), (32, 3, 0)),
            "coupling.sharing='hard': needs discriminator.combine",
        ),
        ({"discriminator.channel_base": 16}, (64, 1, 0), (64, 1, 0), "no channel at 64x64"),
    ],
)
def test_domains_that_cannot_be_paired(options, a, b, message):
    configuration = changed({**PAIR, "dataset.resolution": 0, **options})
    if "channel_base" not in str(options):
        validate(configuration, None, Interface(32, 3, 3), Interface(32, 3, 3))
    with pytest.raises(ValueError, match=message) as error:
        validate(configuration, None, Interface(*a), Interface(*b))
    # Once, also where both domains have it.
    assert str(error.value).count("\n") == 1


def test_features_are_compared_where_there_are_some():
    start, name = "scogan_original_mnist2svhn", "coupling.feature_resolution"
    images = Interface(32, 1, connect="none")
    validate(changed({name: 8}, start), None, images, images)
    with pytest.raises(ValueError, match="feature_resolution=4: must be at least 8"):
        validate(changed({name: 4}, start), None, images, images)


def test_domains_with_other_colours_and_labels_can_be_paired():
    validate(
        changed({**PAIR, "coupling.sharing": "hard"}), None, Interface(32, 1), Interface(32, 3)
    )
    validate(changed(PAIR), None, Interface(32, 1, 3), Interface(32, 3, 10))


def test_pairs_of_images_cannot_have_the_labels_of_pairs_of_samples():
    configuration = changed({**PAIR, "loss.name": "relativistic_logistic"})
    validate(configuration, None, Interface(32, 1), Interface(32, 1))
    for labels in ((3, 3), (0, 3)):
        with pytest.raises(ValueError, match="'relativistic_logistic': must be another one with"):
            validate(configuration, None, *(Interface(32, 1, size) for size in labels))


def test_gpus_and_logical_cpus_exclude_each_other():
    with pytest.raises(ValueError, match="logical_cpus=2: must be 0"):
        validate(changed({"hardware.num_gpus": 1, "hardware.logical_cpus": 2}))


@pytest.mark.parametrize("name", [n for n in NAMES if n != "preset"])
def test_only_what_makes_the_networks_is_an_architecture_difference(name):
    a = get_preset("digits")
    old, kind = option_values(a)[name], option_fields()[name].type
    new = (
        not old
        if isinstance(old, bool)
        else old
        + {int: 1, str: "x", tuple[str, ...]: ("x",), tuple[float, ...]: (1.0,)}.get(kind, 1.0)
    )
    differences = options.network_differences(a, changed({name: new}))
    # The average of w may change on the way.
    of_a_network = name.startswith(("generator.", "discriminator.", "transfer."))
    decides = (of_a_network and name != "generator.w_avg_beta") or name in (
        "connect",
        "dataset.resolution",
        "dataset.max_label_size",
        "growing.start_resolution",
        "coupling.sharing",
        "coupling.G_shared_resolution",
        "coupling.D_shared_resolution",
        "coupling.same_augmentation",
    )
    assert differences == ([(name, old, new)] if decides else [])
