"""Batches larger than a device: several rounds make the update of the undivided batch."""

import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from support.new_process import arrays_of_python
from support.slow_cases import first_is_fast
from support.step_cases import STEP_CASES
from support.tiny_run import make_dataset
from support.tiny_training import make_tiny_dataset, tiny_config

from msg_stylegan.networks import part_seed
from msg_stylegan.networks.ops import minibatch_stddev
from msg_stylegan.networks.part_seed import PartSeed
from msg_stylegan.options import changed, validate
from msg_stylegan.training.rounds import Rounds

# Everything that is drawn for samples, or computed of more than one of them.
CASES = {
    "logistic": {"loss.r1_gamma": 1.0},
    "lazy": {"loss.r1_gamma": 1.0, "loss.penalty_interval": 2, "schedule.same_z": True},
    **STEP_CASES,
}


@given(
    groups=st.integers(1, 4),
    group_size=st.integers(1, 4),
    rounds=st.integers(1, 3),
    extra=st.data(),
)
def test_rounds_see_every_sample_once_and_groups_as_a_whole(groups, group_size, rounds, extra):
    num_samples = groups * group_size * rounds
    parts = Rounds(num_samples, groups * group_size, group_size).rows
    assert parts.shape == (rounds, groups * group_size)
    assert sorted(parts.ravel()) == list(range(num_samples))
    seed = extra.draw(st.integers(0, 2**31))
    x = np.random.default_rng(seed).standard_normal((num_samples, 2, 2, 3)).astype(np.float32)
    whole = minibatch_stddev(tf.constant(x), group_size, 1).numpy()
    for rows in parts:
        part = minibatch_stddev(tf.constant(x[rows]), group_size, 1).numpy()
        np.testing.assert_allclose(part, whole[rows], rtol=1e-5)


def test_one_round_is_the_whole():
    assert Rounds(8).count == Rounds(8, 8).count == Rounds(8, 16, 4).count == 1


def test_parts_draw_the_numbers_of_the_whole():
    seed, rows = tf.constant([3, 4]), tf.constant([5, 1])
    whole = part_seed.draw(tf.random.stateless_normal, [6, 2, 2], part_seed.fold_in(seed, 7))
    of_part = part_seed.fold_in(PartSeed(seed, rows, 6), 7)
    part = part_seed.draw(tf.random.stateless_normal, [2, 2, 2], of_part)
    np.testing.assert_array_equal(part, tf.gather(whole, rows))


def test_large_sums_leave_nothing_behind():
    # From 200 MB on TensorFlow joins sums of loops in variables of its own.
    rounds = Rounds(12, 3)
    weights = tf.Variable(tf.ones([4000, 4000]))

    def compute():
        x = tf.sin(weights * 1.5)
        y, z = tf.exp(x), tf.cos(x)
        product = tf.matmul(y[:, :10], z[:10])
        return [product + (tf.tanh(y) + tf.sin(z)), y + (z + tf.square(x))]

    @tf.function(autograph=False)
    def total(num_iterations):
        return tf.while_loop(
            lambda index, _: index < num_iterations,
            lambda index, sums: (
                index + 1,
                sums + tf.add_n([tf.reduce_mean(part) for part in rounds.add_up(compute, [])]),
            ),
            (0, 0.0),
            parallel_iterations=1,
        )[1]

    expected = 2 * rounds.count * sum(np.mean(part) for part in compute())
    for _ in range(2):
        np.testing.assert_allclose(total(tf.constant(2)), expected, rtol=1e-4)


@pytest.fixture(
    scope="module",
    params=first_is_fast(CASES),
)
def results(request, tmp_path_factory):
    """What updates of 8 images computed in 1 round and in 2 and 4, each in a new process."""
    folder = tmp_path_factory.mktemp("rounds")
    make_tiny_dataset(folder, label_size=3)
    make_dataset(folder / "tiny_b", label_size=3, seed=1)
    own = {
        "generator.use_noise": True,
        "discriminator.mbstd_group_size": 2,
        # Long steps, beside which the rounding of the weights is small.
        "optimizer.G_learning_rate": 0.1,
        "optimizer.D_learning_rate": 0.1,
    }
    return {
        per_round: arrays_of_python(
            folder / f"{per_round}.npz",
            *("-m", "support.replicas_probe", folder, 1),
            json.dumps({**CASES[request.param], **own, "schedule.batch_per_device": per_round}),
        )
        for per_round in (0, 4, 2)
    }


def test_rounds_make_the_update_of_the_whole_batch(results):
    whole = results[0]
    for parts in (results[4], results[2]):
        assert parts.keys() == whole.keys()
        for network in {name.split("/")[1] for name in whole if name.startswith("changes/")}:
            names = [name for name in whole if name.startswith(f"changes/{network}/")]
            way = np.sqrt(sum(np.sum(whole[name] ** 2) for name in names))
            error = np.sqrt(sum(np.sum((parts[name] - whole[name]) ** 2) for name in names))
            assert way > 0 and error < 1e-3 * way, network
        for name in (name for name in whole if name.startswith("stats/")):
            np.testing.assert_allclose(parts[name], whole[name], rtol=1e-4, err_msg=name)


@pytest.mark.parametrize(
    "options, problem",
    [
        ({"schedule.batch_per_device": 3}, "must divide 8"),
        ({"schedule.batch_per_device": 2}, "mbstd_group_size"),
        ({"schedule.batch_per_device": 4, "discriminator.mbstd_group_size": -1}, "whole batch"),
        ({"schedule.batch_per_device": 4, "loss.name": "relativistic_hinge"}, "compares the whole"),
        (
            {
                "schedule.batch_per_device": 4,
                "growing.start_resolution": 4,
                "growing.batch_sizes": ("4:16", "8:4", "16:6"),
                "generator.body": "progan",
                "discriminator.body": "progan",
                "discriminator.mbstd_blocks": "last",
                "discriminator.mbstd_group_size": 1,
            },
            "must divide 6, .* with growing.batch_sizes=16:6",
        ),
    ],
)
def test_what_cannot_be_divided(tmp_path, options, problem):
    with pytest.raises(ValueError, match=problem):
        validate(changed(tiny_config(tmp_path), options))
