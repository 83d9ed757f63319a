"""Reduced precision: close to float32, float32 where it counts, and only while training."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from support.network_weights import randomize_zeros
from support.tiny_run import SMALL_D, SMALL_G
from support.tiny_training import (
    assert_same_checkpoints,
    checkpoint_values,
    make_tiny_dataset,
    make_tiny_pair,
    tiny_config,
    train_tiny,
)

from msg_stylegan import losses
from msg_stylegan.interface import Interface
from msg_stylegan.networks import build_networks, load_snapshot, ops
from msg_stylegan.networks.reduced_precision import clamp
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.options import HardwareOptions, changed, validate
from msg_stylegan.training.architecture import REDUCED, set_precision
from msg_stylegan.training.loss_scale import GOOD_UPDATES, LossScale
from msg_stylegan.training.optimizers import number_of_updates
from msg_stylegan.training.stats import read_stats
from msg_stylegan.training.training_state import TrainingState

PRECISIONS = sorted(REDUCED)
PROGAN = {"body": "progan"}
# Changes of the options of G and D, and the stage of networks that grow.
KINDS = {
    "stylegan": ({}, {}, 0),
    "pixel norm": ({"use_instance_norm": False, "use_pixel_norm": True}, {"combine": "simple"}, 0),
    "w at 4x4 only": (
        {"use_noise": False, "use_styles": False, "use_const_input": False},
        {"combine": "lin_cat"},
        0,
    ),
    "stylegan2": ({"body": "stylegan2"}, {"body": "residual"}, 0),
    "progan": (PROGAN, {**PROGAN, "combine": "lin_cat"}, 0),
    "growing": (PROGAN, {**PROGAN, "mbstd_blocks": "last"}, 16),
}


def make_networks(kind="stylegan", resolution=16, seed=0):
    """Networks of several scales, the highest of which are to be reduced; no weight is at zero."""
    G_changes, D_changes, stage = KINDS[kind]
    tf.keras.utils.set_random_seed(seed)
    wide = {"channel_base": 256, "channel_max": 32}
    nets = build_networks(
        dataclasses.replace(SMALL_G, **wide, **G_changes),
        dataclasses.replace(SMALL_D, **wide, **D_changes),
        Interface(resolution, num_channels=3),
        stage_resolution=stage,
    )
    if stage:
        for network in nets.members.values():
            network.grow_to(stage, True)
            network.alpha.assign(0.3)
    for network in nets.members.values():
        randomize_zeros(network, seed)
    return nets


def reduced(nets, precision, num_scales=4):
    set_precision(nets, HardwareOptions(precision=precision, num_reduced_scales=num_scales))
    return nets


def gradients(nets, scale=None):
    """Of the losses of both networks and of R1, as one vector each; loss and images besides."""
    rng = np.random.default_rng(0)
    z = tf.constant(rng.normal(size=(4, nets.G.z_dim)), tf.float32)
    size = nets.G.synthesis.resolution
    reals = tf.constant(rng.uniform(-1, 1, (4, size, size, 3)), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        images = nets.G(z, noise_mode="const")
        logits = nets.D(images)
        G_loss = tf.reduce_mean(tf.nn.softplus(-logits))
        D_loss = tf.reduce_mean(tf.nn.softplus(logits))
        penalty, _ = losses.r1_penalty(
            nets.D, reals, lambda x: ops.image_scales(x, nets.D.resolutions), scale
        )
        R1 = tf.reduce_mean(penalty)
    vectors = {}
    for name, loss, network in (("G", G_loss, nets.G), ("D", D_loss, nets.D), ("R1", R1, nets.D)):
        variables = [tensorflow_variable(v) for v in network.trainable_variables]
        of_loss = tape.gradient(loss, variables, scale and scale**2, unconnected_gradients="zero")
        assert all(gradient.dtype == tf.float32 for gradient in of_loss)
        vectors[name] = np.concatenate([np.ravel(gradient) for gradient in of_loss])
    return vectors, images, logits


def cosine(a, b):
    return np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_images_scores_and_gradients_are_close_to_those_of_float32(precision, kind):
    # Where the slopes of the nonlinearities decide, rounding turns some gradients of random
    # networks much further than others, and their scores may all be near zero: several networks are
    # judged as one.
    expected, close = {}, {}
    for seed in range(3):
        nets = make_networks(kind, seed=seed)
        collect(expected, *gradients(nets))
        collect(close, *gradients(reduced(nets, precision)))
    for name in expected:
        values, close_values = (np.concatenate(arrays) for arrays in (expected[name], close[name]))
        assert close_values.dtype == np.float32
        if name in ("G", "D", "R1"):
            assert cosine(close_values, values) >= 0.99, name
        else:
            assert np.abs(close_values - values).max() < 2e-2 * np.abs(values).max(), name
    assert np.any(np.concatenate(close["logits"]) != np.concatenate(expected["logits"]))


def collect(values, vectors, images, logits):
    """Adds what `gradients` returns to lists."""
    named = {**vectors, **{image.shape[1]: image for image in images}, "logits": logits}
    for name, value in named.items():
        values.setdefault(name, []).append(np.asarray(value))


@pytest.mark.parametrize(
    ("operation", "weight_shape"),
    [
        (ops.conv2d, (3, 3, 32, 32)),
        (ops.conv2d, (1, 1, 32, 32)),
        (ops.upsample_conv2d, (3, 3, 32, 32)),
        (ops.conv2d_downsample, (3, 3, 32, 32)),
        (ops.add_bias, (32,)),
        (lambda x, weight: ops.blur(x, (1, 2, 1)) + tf.cast(weight, x.dtype), ()),
    ],
)
def test_results_are_rounded_to_bfloat16_and_not_every_sum_on_the_way(operation, weight_shape):
    rng = np.random.default_rng(0)

    def numbers(shape):
        return tf.cast(tf.cast(rng.normal(size=shape), tf.bfloat16), tf.float32)

    inputs = [numbers((8, 16, 16, 32)), numbers(weight_shape)]
    dy = numbers(operation(*inputs).shape)
    results = []
    for dtype in (tf.float32, tf.bfloat16):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = tf.cast(operation(tf.cast(inputs[0], dtype), inputs[1]), tf.float32)
        results.append([y, *tape.gradient(y, inputs, dy)])
    for exact, reduced_one in zip(*results, strict=True):
        # Half a unit in the last of 8 bits, for what enters, a step in between, and the result.
        assert np.abs(reduced_one - exact).max() < 1.5 * 2**-8 * np.abs(exact).max()


@pytest.mark.parametrize("num_scales, expected", [(1, 1), (2, 2), (4, 2), (9, 2)])
def test_the_highest_scales_of_what_is_trained_are_reduced(num_scales, expected):
    nets = reduced(make_networks(), "mixed_bfloat16", num_scales)
    G, D, G_ema = (
        [block.compute_type for block in blocks]
        for blocks in (nets.G.synthesis.blocks, nets.D.blocks, nets.G_ema.synthesis.blocks)
    )
    assert G == D == [tf.float32] * (3 - expected) + [tf.bfloat16] * expected
    assert G_ema == [tf.float32] * 3


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16, tf.float16])
def test_activations_of_16_bits_are_clamped(dtype):
    x = tf.constant([-1000.0, -20.0, 3.0, 300.0], dtype)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            # The square of 256 is too large for float16.
            y = tf.square(clamp(x) / 16)
        slope = tape.gradient(y, x)
    curvature = outer.gradient(slope, x)
    first, last = (-1000, 300) if dtype == tf.float32 else (-256, 256)
    is_inside = np.array([dtype == tf.float32, True, True, dtype == tf.float32])
    values = np.array([first, -20, 3, last])
    np.testing.assert_array_equal(tf.cast(y, tf.float32), values**2 / 256)
    np.testing.assert_array_equal(tf.cast(slope, tf.float32), values / 128 * is_inside)
    np.testing.assert_array_equal(tf.cast(curvature, tf.float32), is_inside / 128)


def test_gradients_of_gradients_that_float16_cannot_hold_need_the_scale():
    nets = make_networks()
    last = [v for v in nets.D.trainable_variables if v.shape == (32, 1)]
    last[0].assign(last[0] * 1e-6)
    expected, *_ = gradients(nets)
    reduced(nets, "mixed_float16")
    with_scale, *_ = gradients(nets, tf.constant(2.0**10))
    without, *_ = gradients(nets)
    assert cosine(with_scale["R1"], expected["R1"]) >= 0.99
    assert np.linalg.norm(without["R1"]) < 0.9 * np.linalg.norm(expected["R1"])
    # What is computed with a scale has it.
    ratio = np.linalg.norm(with_scale["D"]) / np.linalg.norm(expected["D"])
    np.testing.assert_allclose(ratio, 2.0**20, rtol=1e-2)


def test_the_scale_is_halved_by_an_overflow_and_doubled_by_good_updates():
    scale = LossScale()
    first = scale.value.numpy()
    update = tf.function(scale.update)
    good, bad = tf.constant(True), tf.constant(False)
    for _ in range(GOOD_UPDATES - 1):
        update(good)
    assert scale.value.numpy() == first
    update(good)
    assert scale.value.numpy() == 2 * first
    for _ in range(GOOD_UPDATES - 1):
        update(good)
    update(bad)
    assert scale.value.numpy() == first
    for _ in range(GOOD_UPDATES - 1):
        update(good)
    assert scale.value.numpy() == first
    update(good)
    assert scale.value.numpy() == 2 * first
    for _ in range(40):
        update(bad)
    assert scale.value.numpy() == 1.0
    gradient = tf.constant([3.0, -5.0])
    scale.value.assign(2.0**20)
    np.testing.assert_array_equal(scale.unscaled([gradient * scale.value])[0], gradient)
    assert scale.of_inner.numpy() == 2.0**10


def float16_config(folder, **options):
    return changed(tiny_config(folder), {"hardware.precision": "mixed_float16", **options})


def test_an_overflow_skips_the_update_and_halves_its_scale(tmp_path):
    dataset = make_tiny_dataset(tmp_path)
    config = float16_config(tmp_path, **{"loss.penalty_interval": 2})
    state = TrainingState(config, tmp_path / "run", [dataset], tf.distribute.get_strategy())
    step, batches = state.enter(state.stage), state.batches(state.stage)
    # Too large for float16, not for float32.
    state.loss_scales.D.value.assign(2.0**100)
    before = [np.array(variable) for variable in state.nets.D.variables]
    stats = step.run(batches, tf.constant(1))
    assert stats["D_skipped"] == stats["D_penalty_skipped"] == 1
    assert stats["D_updates"] == 0 and stats["G_updates"] == 1
    assert state.loss_scales.D.value.numpy() == 2.0**98
    assert state.loss_scales.G.value.numpy() == stats["Loss/G/scale"] == 2.0**15
    assert number_of_updates(state.D_opt) == 0
    for variable, value in zip(state.nets.D.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    state.loss_scales.D.value.assign(2.0**10)
    stats = step.run(batches, tf.constant(1))
    assert stats["D_updates"] == 1 and stats["Loss/D/scale"] == 2.0**10
    assert np.any(np.array(state.nets.D.trainable_variables[0]) != before[0])


@pytest.fixture(scope="module")
def quick_growth():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("msg_stylegan.training.loss_scale.GOOD_UPDATES", 5)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory, quick_growth):
    """A training in float16 whose scale changes."""
    folder = tmp_path_factory.mktemp("float16")
    dataset = make_tiny_dataset(folder)
    return folder, dataset, train_tiny(float16_config(folder), dataset)


def scales(run_dir):
    values = checkpoint_values(run_dir)
    return {name: v for name, v in values.items() if "loss_scales" in name and "value/" in name}


@pytest.mark.slow
@pytest.mark.further
def test_a_resumed_training_is_bit_for_bit_the_uninterrupted_one(finished, quick_growth):
    folder, dataset, run_dir = finished
    config = float16_config(folder)
    half = train_tiny(changed(config, {"schedule.total_kimg": 0.064}), dataset)
    assert set(scales(half).values()) != set(scales(run_dir).values())
    assert all(value > 2.0**15 for value in scales(half).values())
    train_tiny(config, dataset, half)
    assert_same_checkpoints(half, run_dir)


def test_statistics_and_snapshots(finished):
    *_, run_dir = finished
    lines = read_stats(run_dir)
    for name in ("Loss/D/scale", "Loss/G/scale"):
        values = [line[name] for line in lines]
        # It grows until gradients overflow, which depends on their rounding.
        assert 2.0**15 <= values[0] < max(values)
    nets = load_snapshot(run_dir)
    for network in nets.members.values():
        blocks = network.blocks if network is nets.D else network.synthesis.blocks
        assert {block.compute_type for block in blocks} == {tf.float32}
        assert {np.asarray(variable).dtype for variable in network.variables} == {np.dtype("f4")}


@pytest.mark.slow
@pytest.mark.further
def test_a_run_goes_on_in_another_precision(finished, quick_growth):
    folder, dataset, _ = finished
    config = float16_config(folder, **{"schedule.total_kimg": 0.032})
    plain = changed(config, {"hardware.precision": "float32"})
    run_dir = train_tiny(plain, dataset)
    assert not scales(run_dir)
    for total, options in ((0.064, config), (0.096, plain), (0.128, config)):
        before = scales(run_dir)
        train_tiny(changed(options, {"schedule.total_kimg": total}), dataset, run_dir)
        assert (scales(run_dir) == before) == (options is plain)
    assert read_stats(run_dir)[-1]["Progress/kimg"] >= 0.128


@pytest.mark.slow
@pytest.mark.further
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_pair_in_rounds_has_the_losses_of_float32(precision, tmp_path):
    datasets, names = make_tiny_pair(tmp_path)
    coupled = {
        **names,
        "coupling.sharing": "mapping",
        "coupling.feature": 10.0,
        "coupling.cycle": 10.0,
        "loss.penalty_interval": 2,
    }
    stats = {}
    for name, own in (
        ("float32", {}),
        (precision, {"hardware.precision": precision, "schedule.batch_per_device": 4}),
    ):
        config = changed(tiny_config(tmp_path), {**coupled, **own})
        state = TrainingState(config, tmp_path / name, datasets, tf.distribute.get_strategy())
        if state.loss_scales:
            # The terms of a coupling are too large for the first one.
            state.loss_scales.G.value.assign(2.0**10)
            state.loss_scales.D.value.assign(2.0**10)
        step = state.enter(state.stage)
        stats[name] = step.run(state.batches(state.stage), tf.constant(1))
    for name in ("Loss/G/scale", "Loss/D/scale"):
        stats[precision].pop(name, None)
    assert stats[precision].keys() == stats["float32"].keys()
    for name, expected in stats["float32"].items():
        np.testing.assert_allclose(stats[precision][name], expected, rtol=5e-2, err_msg=name)


def test_blocks_are_needed(tmp_path):
    options = {"discriminator.body": "scogan", "connect": "none", "dataset.resolution": 32}
    with pytest.raises(ValueError, match=r"hardware.precision='mixed_float16'.*scogan"):
        validate(float16_config(tmp_path, **options))
