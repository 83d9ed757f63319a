"""Gradients that XLA compiles: the same steps, and what cannot be compiled."""

import json

import numpy as np
import pytest
from support.new_process import arrays_of_python
from support.slow_cases import first_is_fast
from support.step_cases import STEP_CASES
from support.tiny_run import make_dataset
from support.tiny_training import make_tiny_dataset, tiny_config

from msg_stylegan.options import changed, validate

LAZY = {"loss.r1_gamma": 1.0, "loss.penalty_interval": 2, "schedule.same_z": True}
PROGAN = {"generator.body": "progan", "discriminator.body": "progan"}
# Options and the number of replicas.
CASES = {
    "logistic": ({"loss.r1_gamma": 1.0}, 1),
    "rounds on two devices": ({**LAZY, "schedule.batch_per_device": 2}, 2),
    "noisy targets": ({"loss.name": "lsgan", "loss.label_noise": 0.1}, 1),
    "progan": ({**PROGAN, "loss.name": "relativistic_hinge"}, 1),
    **{name: (options, 1) for name, options in STEP_CASES.items()},
}


@pytest.mark.parametrize("case", first_is_fast(CASES))
def test_compiled_steps_are_those_of_tensorflow(case, tmp_path):
    options, num_replicas = CASES[case]
    make_tiny_dataset(tmp_path, label_size=3)
    make_dataset(tmp_path / "tiny_b", label_size=3, seed=1)
    own = {
        "generator.use_noise": True,
        # Long steps, beside which the rounding of the weights is small.
        "optimizer.G_learning_rate": 0.1,
        "optimizer.D_learning_rate": 0.1,
    }
    ours, expected = (
        arrays_of_python(
            tmp_path / f"{xla}.npz",
            *("-m", "support.replicas_probe", tmp_path, num_replicas),
            json.dumps({**own, **options, "hardware.xla": xla}),
        )
        for xla in (True, False)
    )
    assert ours.keys() == expected.keys()
    for network in {name.split("/")[1] for name in ours if name.startswith("changes/")}:
        names = [name for name in ours if name.startswith(f"changes/{network}/")]
        way = np.sqrt(sum(np.sum(expected[name] ** 2) for name in names))
        error = np.sqrt(sum(np.sum((ours[name] - expected[name]) ** 2) for name in names))
        # The terms of a pair, with their large weights, differ by more roundings.
        assert way > 0 and error < (1e-3 if case == "pair" else 1e-4) * way, network
    for name in (name for name in ours if name.startswith("stats/")):
        np.testing.assert_allclose(ours[name], expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    "options, num_replicas, problem",
    [
        (
            {
                "generator.body": "scogan",
                "discriminator.body": "scogan",
                "connect": "none",
                "dataset.resolution": 32,
                "discriminator.mbstd_group_size": 0,
            },
            1,
            "body='scogan'",
        ),
        ({"loss.name": "relativistic_hinge"}, 2, "loss.name='relativistic_hinge' on several"),
    ],
)
def test_what_cannot_be_compiled(tmp_path, options, num_replicas, problem):
    config = changed(tiny_config(tmp_path), options)
    with pytest.raises(ValueError, match=problem):
        validate(changed(config, {"hardware.xla": True}), num_replicas)
