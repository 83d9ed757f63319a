"""Every loss and its gradients are the same on two devices that share a batch as on one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from support.checkout import ROOT

from msg_stylegan.losses import LOSSES

PROBE = Path(__file__).parent / "support" / "losses_probe.py"


def test_two_replicas_compute_the_losses_of_one(tmp_path):
    one, two = (compute(num_replicas, tmp_path) for num_replicas in (1, 2))
    assert one.keys() == two.keys()
    assert {name.split("/")[0] for name in one} == set(LOSSES)
    for name, values in one.items():
        assert values.shape == (8, 1)
        np.testing.assert_allclose(two[name], values, rtol=1e-5, atol=1e-6, err_msg=name)


def compute(num_replicas, folder):
    target = folder / f"{num_replicas}.npz"
    command = [sys.executable, PROBE, str(num_replicas), target]
    environment = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(target) as arrays:
        return {name: arrays[name] for name in arrays.files}
