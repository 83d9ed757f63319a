"""Path lengths: closed forms, their penalty in training, and what is kept of them."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from support.new_process import run_program
from support.plain_operations import normal
from support.tiny_run import SMALL_G, make_dataset
from support.tiny_training import (
    assert_same_checkpoints,
    checkpoint_values,
    make_tiny_dataset,
    make_tiny_pair,
    tiny_config,
    train_tiny,
)

from msg_stylegan.interface import Interface
from msg_stylegan.losses import path_lengths
from msg_stylegan.networks import Generator
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.options import changed, validate
from msg_stylegan.training.optimizers import number_of_updates
from msg_stylegan.training.randomness import Stream
from msg_stylegan.training.rounds import Rounds
from msg_stylegan.training.stats import read_stats
from msg_stylegan.training.training_state import TrainingState

OPTIONS = {
    "generator.body": "stylegan2",
    "discriminator.body": "residual",
    "loss.path_length_weight": 2.0,
    "schedule.style_mixing_prob": 0.5,
}


@pytest.mark.parametrize("scale", [None, 64.0])
def test_lengths_of_a_linear_map(scale):
    matrix = normal(3, 5, 4, 4, 2)
    ws, y = normal(6, 3, 5, seed=1), normal(6, 4, 4, 2, seed=2)
    lengths = path_lengths(
        lambda ws: tf.einsum("nld,ldhwc->nhwc", ws, matrix),
        tf.constant(ws),
        tf.constant(y),
        None if scale is None else tf.constant(scale),
    )
    # The transposed map of directions of variance 1 / 16.
    gradient = np.einsum("ldhwc,nhwc->nld", matrix, y / 4.0)
    expected = np.sqrt(np.square(gradient).sum(axis=2).mean(axis=1))
    np.testing.assert_allclose(lengths, expected, rtol=1e-5)


def test_lengths_of_an_orthogonal_map_do_not_depend_on_its_size():
    """So that one weight serves all resolutions: each pixel is a component of w."""
    for side in (4, 16):
        ws, y = normal(2000, 1, side * side), normal(2000, side, side, 1, seed=1)
        lengths = path_lengths(
            lambda ws, side=side: tf.reshape(ws, [-1, side, side, 1]), tf.constant(ws), y
        )
        assert float(tf.reduce_mean(tf.square(lengths))) == pytest.approx(1.0, rel=0.02)


def test_what_does_not_depend_on_w_has_no_length_and_a_finite_gradient():
    ws, y = tf.zeros([2, 3, 4]), tf.ones([2, 4, 4, 1])
    with tf.GradientTape() as tape:
        tape.watch(ws)
        lengths = path_lengths(lambda ws: tf.zeros([2, 4, 4, 1]) * ws[:, :1, :1, None], ws, y)
    np.testing.assert_allclose(lengths, 0.0, atol=1e-5)
    assert np.all(np.isfinite(tape.gradient(lengths, ws, unconnected_gradients="zero")))


@pytest.mark.parametrize(
    "share, per_round, expected",
    [(8, 0, (1, 4)), (8, 4, (2, 2)), (8, 1, (4, 1)), (10, 5, (5, 1)), (1, 0, (1, 1))],
)
def test_the_batch_is_half_of_that_of_other_updates(share, per_round, expected):
    assert Rounds(share, per_round).shrunk(2).rows.shape == expected


def make_state(folder, datasets=None, **options):
    config = changed(tiny_config(folder), {**OPTIONS, **options})
    datasets = datasets or [make_tiny_dataset(folder)]
    return TrainingState(config, folder / "run", datasets, tf.distribute.get_strategy())


@pytest.mark.parametrize("weight, decay", [(2.0, 0.99), ("3@0,1@1", "0.999@0,0.981@1")])
def test_the_penalty_is_the_squared_distance_from_the_mean_before(tmp_path, weight, decay):
    """Of numbers, and of schedules on half of their way."""
    own = {"loss.path_length_weight": weight, "loss.path_length_decay": decay}
    state = make_state(tmp_path, **{"loss.path_length_interval": 3, **own})
    step = state.enter(state.stage)
    step.cur_nimg.assign(500)
    (mean,) = state.path_means
    mean.value.assign(0.5)
    gradients, tensors = step.paths.gradients()
    stats = {name: float(value) for name, value in tensors.items()}
    G, random = state.nets.G, step.paths.random
    assert step.paths.batch_size == 4
    z, mixing = step.latents.draw(random, Stream.PATH_LATENTS)
    y = random.draw(tf.random.stateless_normal, [16, 16, 1], Stream.PATH_DIRECTIONS)
    noise_seed = random.noise_seed(Stream.PATH_LATENTS)
    with tf.GradientTape() as tape:
        ws = G.broadcast(G.mapping(z), mixing=mixing)
        lengths = path_lengths(lambda ws: G.synthesis(ws, noise_seed=noise_seed)[-1], ws, y)
        # All times the interval.
        penalty = 3.0 * tf.reduce_mean(tf.square(lengths - 0.5))
        loss = 2.0 * penalty
    lengths = lengths.numpy()
    assert stats["Loss/G/path_length"] == pytest.approx(3.0 * lengths.mean(), rel=1e-4)
    assert stats["Loss/G/path_length_penalty"] == pytest.approx(float(penalty), rel=1e-4)
    variables = [tensorflow_variable(variable) for variable in G.trainable_variables]
    expected = tape.gradient(loss, variables, unconnected_gradients="zero")
    for gradient, other in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, other, atol=1e-4 * np.abs(other).max())
    step.paths.move_means(tensors, 1.0)
    assert mean.value.numpy() == pytest.approx(0.99 * 0.5 + 0.01 * lengths.mean(), rel=1e-5)
    step.paths.move_means(tensors, 0.0)
    assert mean.value.numpy() == pytest.approx(0.99 * 0.5 + 0.01 * lengths.mean(), rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [{"body": "progan", "mapping_layers": 0}, {"use_instance_norm": False, "use_pixel_norm": True}],
)
def test_other_generators_that_are_differentiated_twice(options):
    G = Generator(dataclasses.replace(SMALL_G, **options), Interface(16, 3))
    G.build()
    ws, y = G.broadcast(G.mapping(normal(4, 8))), tf.constant(normal(4, 16, 16, 3, seed=1))
    variables = [tensorflow_variable(variable) for variable in G.synthesis.trainable_variables]
    with tf.GradientTape() as tape:
        lengths = path_lengths(lambda ws: G.synthesis(ws, noise_mode="const")[-1], ws, y)
        penalty = tf.reduce_sum(tf.square(lengths - 1.0))
    gradients = tape.gradient(penalty, variables, unconnected_gradients="zero")
    assert np.all(lengths > 0) and all(np.all(np.isfinite(gradient)) for gradient in gradients)
    assert np.any(gradients[0])


@pytest.mark.parametrize("interval", [1, 2])
def test_turns_and_statistics(tmp_path, interval):
    state = make_state(tmp_path, **{"loss.path_length_interval": interval})
    step, batches = state.enter(state.stage), state.batches(state.stage)
    means = []
    for _ in range(3):
        totals = step.run(batches, tf.constant(1))
        stats = {name: float(total) for name, total in totals.items()}
        means.append(float(state.path_means[0].value))
        assert stats["Loss/G/path_length_mean"] == pytest.approx(means[-1])
        is_turn = stats["Loss/G/path_length"] > 0
        assert is_turn == (interval == 1 or len(means) != 2)
        assert is_turn == (stats["Loss/G/path_length_penalty"] > 0)
        assert stats["G_updates"] == 1
    assert 0 < means[0] <= means[1] < means[2]
    assert (means[0] == means[1]) == (interval == 2)
    assert number_of_updates(state.G_opt) == (3 if interval == 1 else 5)


def test_the_layer_where_other_latents_begin(tmp_path):
    state = make_state(tmp_path, **{"schedule.style_mixing_prob": 0.75})
    step = state.enter(state.stage)
    num_ws, layers = state.nets.G.num_ws, []
    for nimg in range(0, 8 * 300, 8):
        step.cur_nimg.assign(nimg)
        z, (other, first_layer) = step.latents.draw(step.random, Stream.G_LATENTS)
        assert z.shape == other.shape == (8, 8) and np.all(z != other)
        layers.append(int(first_layer))
    counts = np.bincount(layers, minlength=num_ws + 1)
    assert counts[0] == 0 and np.all(counts[1:] > 0)
    # The last one is none.
    assert counts[num_ws] / len(layers) == pytest.approx(0.25, abs=0.08)
    again = step.latents.draw(step.random, Stream.G_LATENTS)
    np.testing.assert_array_equal(again[1][0], other)
    # The same iteration for both networks.
    step.cur_nimg.assign(80)
    of_D = step.latents.draw(step.random, Stream.D_LATENTS)
    step.cur_nimg.assign(88)
    of_G = step.latents.draw(step.random, Stream.D_LATENTS, images_ago=8)
    np.testing.assert_array_equal(of_D[1][0], of_G[1][0])
    assert of_D[1][1] == of_G[1][1]


@pytest.mark.parametrize(
    "options, problem",
    [
        ({"generator.body": "stylegan"}, "path_length_weight=2.0.*use_instance_norm"),
        (
            {"generator.body": "scogan", "connect": "none", "dataset.resolution": 32},
            "path_length_weight=2.0.*scogan",
        ),
        ({"generator.body": "progan"}, "style_mixing_prob=0.5.*use_styles"),
        ({"coupling.cycle": 1.0, "dataset.path_b": "b"}, "style_mixing_prob=0.5.*coupling.cycle"),
        ({"growing.start_resolution": 4}, "generator.body='stylegan2': must be 'progan' to grow"),
        ({"loss.path_length_interval": 0}, "path_length_interval=0: must be at least 1"),
    ],
)
def test_what_does_not_go_together(tmp_path, options, problem):
    with pytest.raises(ValueError, match=problem):
        validate(changed(tiny_config(tmp_path), {**OPTIONS, **options}))


def test_options_that_do_go_together(tmp_path):
    validate(changed(tiny_config(tmp_path), OPTIONS))
    plain = {"generator.body": "stylegan", "generator.use_instance_norm": False}
    validate(changed(tiny_config(tmp_path), {**OPTIONS, **plain}))
    validate(
        changed(
            tiny_config(tmp_path),
            {**OPTIONS, "generator.body": "progan", "schedule.style_mixing_prob": 0.0},
        )
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A training."""
    folder = tmp_path_factory.mktemp("paths")
    dataset = make_tiny_dataset(folder)
    config = changed(tiny_config(folder), OPTIONS)
    return config, dataset, train_tiny(config, dataset)


def mean_in(run_dir):
    values = checkpoint_values(run_dir)
    return [value for name, value in values.items() if name.startswith("path_length")]


@pytest.mark.slow
@pytest.mark.further
def test_a_training_from_the_command_line_that_is_resumed_is_the_uninterrupted_one(tmp_path):
    """Bit for bit, with an odd interval: the first session ends between two turns."""
    make_dataset(tmp_path / "datasets" / "mine", num_images=52)
    changes = {
        **OPTIONS,
        "dataset.path": "mine",
        "dataset.resolution": 0,
        "generator.channel_base": 64,
        "generator.channel_max": 8,
        "discriminator.channel_base": 64,
        "discriminator.channel_max": 8,
        "loss.path_length_interval": 3,
        "schedule.batch_size": 8,
        "schedule.tick_kimg": 0.032,
        "schedule.image_grid": "4x2",
    }
    words = ["--config=digits", *(f"--config.{name}={value}" for name, value in changes.items())]
    short, whole = (f"--config.schedule.total_kimg={kimg}" for kimg in (0.032, 0.064))
    run_program(tmp_path, "train.py", *words, short)
    (run_dir,) = (tmp_path / "results").iterdir()
    before = mean_in(run_dir)
    run_program(tmp_path, "train.py", "--resume=1", whole)
    assert 0 < before[0] != mean_in(run_dir)[0]
    run_program(tmp_path, "train.py", *words, whole)
    (other_dir,) = set((tmp_path / "results").iterdir()) - {run_dir}
    assert_same_checkpoints(run_dir, other_dir)


@pytest.mark.slow
def test_statistics_of_a_training(finished):
    *_, run_dir = finished
    for line in read_stats(run_dir):
        for name in ("path_length", "path_length_penalty", "path_length_mean"):
            assert line[f"Loss/G/{name}"] > 0


@pytest.mark.slow
@pytest.mark.further
def test_a_run_goes_on_without_the_penalty_and_with_it(finished):
    config, dataset, _ = finished
    plain = changed(config, {"loss.path_length_weight": 0.0, "schedule.total_kimg": 0.032})
    run_dir = train_tiny(plain, dataset)
    assert not mean_in(run_dir)
    for total, options in ((0.064, config), (0.096, plain), (0.128, config)):
        before = mean_in(run_dir)
        train_tiny(changed(options, {"schedule.total_kimg": total}), dataset, run_dir)
        assert (mean_in(run_dir) == before) == (options is plain)


@pytest.mark.slow
@pytest.mark.further
def test_a_pair_has_a_mean_for_each_domain(tmp_path):
    datasets, names = make_tiny_pair(tmp_path)
    state = make_state(
        tmp_path, datasets, **{**names, "coupling.sharing": "hard", "coupling.feature": 10.0}
    )
    step = state.enter(state.stage)
    stats = step.run(state.batches(state.stage), tf.constant(1))
    values = [float(mean.value) for mean in state.path_means]
    assert len({*values, 0.0}) == 3
    assert float(stats["Loss/G/path_length_mean_b"]) == pytest.approx(values[1])
    a, b = (domain.G.feature_variables(16) for domain in state.nets.domains)
    for ours, theirs in zip(a, b, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
