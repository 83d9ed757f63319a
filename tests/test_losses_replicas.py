"""Every loss and its gradients are the same on two devices that share a batch as on one."""

import numpy as np
from support.new_process import arrays_of_python

from msg_stylegan.losses import LOSSES


def test_two_replicas_compute_the_losses_of_one(tmp_path):
    one, two = (
        arrays_of_python(tmp_path / f"{n}.npz", "-m", "support.losses_probe", n) for n in (1, 2)
    )
    assert one.keys() == two.keys()
    assert {name.split("/")[0] for name in one} == set(LOSSES)
    for name, values in one.items():
        assert values.shape == (8, 1)
        np.testing.assert_allclose(two[name], values, rtol=1e-5, atol=1e-6, err_msg=name)
