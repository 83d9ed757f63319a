"""Training on several devices: the same updates as on one, and every device agrees on them."""

import json

import numpy as np
import pytest
from support.new_process import arrays_of_python
from support.slow_cases import first_is_fast
from support.step_cases import STEP_CASES
from support.tiny_run import make_dataset
from support.tiny_training import make_tiny_dataset

from msg_stylegan.losses import LOSSES

# The default, and all that is more than a sum over the samples: means over the batch, an update
# that is not due every time, and random shares.
CASES = {
    "logistic": {"loss.r1_gamma": 1.0},
    "relativistic": {
        "loss.name": "relativistic_hinge",
        "loss.r1_gamma": 1.0,
        "loss.r2_gamma": 1.0,
        "loss.penalty_interval": 2,
        "schedule.same_z": True,
    },
    **STEP_CASES,
}


@pytest.fixture(
    scope="module",
    params=first_is_fast(CASES),
)
def results(request, tmp_path_factory):
    """What one and two replicas computed, each in a process of its own."""
    folder = tmp_path_factory.mktemp("replicas")
    make_tiny_dataset(folder, label_size=3)
    make_dataset(folder / "tiny_b", label_size=3, seed=1)
    options = json.dumps(CASES[request.param])
    return {
        num_replicas: arrays_of_python(
            folder / f"{num_replicas}.npz",
            *("-m", "support.replicas_probe", folder, num_replicas, options),
        )
        for num_replicas in (1, 2)
    }


def test_two_replicas_make_the_same_updates_as_one(results):
    one, two = results[1], results[2]
    assert one.keys() == two.keys()
    for network in {name.split("/")[1] for name in one if name.startswith("changes/")}:
        names = [name for name in one if name.startswith(f"changes/{network}/")]
        way = np.sqrt(sum(np.sum(one[name][0] ** 2) for name in names))
        error = np.sqrt(sum(np.sum((two[name][0] - one[name][0]) ** 2) for name in names))
        assert error < 1e-3 * way, network
    for name in (name for name in one if name.startswith("stats/")):
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, err_msg=name)


def test_replicas_agree_on_all_weights(results):
    for name, copies in results[2].items():
        if name.startswith("changes/"):
            assert len(copies) == 2
            np.testing.assert_array_equal(copies[0], copies[1], err_msg=name)


def test_latents_do_not_depend_on_the_number_of_replicas(results):
    np.testing.assert_array_equal(results[1]["latents"], results[2]["latents"])
    assert len(np.unique(results[2]["latents"], axis=0)) == 8


def test_noise_differs_between_replicas(results):
    first, second = results[2]["noise_seeds"]
    assert not np.array_equal(first, second)


def test_two_replicas_compute_the_losses_of_one(tmp_path):
    """Every loss and its gradients."""
    one, two = (
        arrays_of_python(tmp_path / f"{n}.npz", "-m", "support.losses_probe", n) for n in (1, 2)
    )
    assert one.keys() == two.keys()
    assert {name.split("/")[0] for name in one} == set(LOSSES)
    for name, values in one.items():
        assert values.shape == (8, 1)
        np.testing.assert_allclose(two[name], values, rtol=1e-5, atol=1e-6, err_msg=name)
