"""Settings of other programs, and what TensorFlow says when it starts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.checkout import ROOT

from msg_stylegan import tensorflow_start

# Prints what Keras and processes that start from here get, as a line of JSON.
PROGRAM = """
import json, os
import msg_stylegan
import tensorflow as tf
from tensorflow import keras

tf.constant(1) + 1
backend = keras.backend
import msg_stylegan.networks
print(json.dumps([backend.backend(), backend.floatx(), backend.epsilon(),
    backend.image_data_format(), os.environ["KERAS_BACKEND"], os.environ.get("KERAS_HOME")]))
"""


def start(program=PROGRAM, *arguments, **environment):
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KERAS_", "TF_")) and name != "PYTHONPATH"
    }
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_settings_of_other_programs_change_nothing(tmp_path):
    # Keras refuses to start with them, but for the last.
    settings = {"floatx": "bfloat16", "epsilon": 1, "image_data_format": "channels_first"}
    file = tmp_path / "keras.json"
    file.write_text(json.dumps(settings))
    done = start(
        KERAS_BACKEND="jax",
        TF_USE_LEGACY_KERAS="1",
        KERAS_NNX_ENABLED="1",
        KERAS_MAX_EPOCHS="one",
        KERAS_HOME=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    expected = ["tensorflow", "float32", 1e-7, "channels_last", "tensorflow", str(tmp_path)]
    assert json.loads(done.stdout) == expected
    (note,) = done.stderr.splitlines()
    for name in ("KERAS_BACKEND=jax", "TF_USE_LEGACY_KERAS=1", "KERAS_MAX_EPOCHS=one", str(file)):
        assert name in note
    assert json.loads(file.read_text()) == settings
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.slow
def test_an_unknown_window_system_ends_nothing():
    done = start(MPLBACKEND="notepad")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "note: MPLBACKEND=notepad is unknown to matplotlib and not used.\n"


@pytest.mark.slow
def test_tensorflow_starts_in_silence(tmp_path):
    done = start(KERAS_BACKEND="tensorflow", TF_USE_LEGACY_KERAS="0", HOME=str(tmp_path))
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("has_driver", "visible", "is_told"),
    [(True, "0", True), (True, "", False), (True, "-1", False), (False, "0", False)],
)
def test_a_gpu_that_is_not_used_is_told(
    tmp_path, monkeypatch, capsys, has_driver, visible, is_told
):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU that works")
    driver = tmp_path / "version"
    if has_driver:
        driver.touch()
    monkeypatch.setattr(tensorflow_start, "_NVIDIA_DRIVER", driver)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    tensorflow_start._tell_of_unused_gpu(tf)
    assert ("TF_CPP_MIN_LOG_LEVEL=0" in capsys.readouterr().err) == is_told


@pytest.mark.parametrize(
    "content, is_foreign",
    [
        (None, False),
        ("{}", False),
        ('{"floatx": "float32", "epsilon": 1e-07, "backend": "tensorflow"}', False),
        # The backend is decided by the variable, which has the last word.
        ('{"backend": "jax"}', False),
        ('{"floatx": "float16"}', True),
        ('{"epsilon": 1e-3}', True),
        ('{"image_data_format": "channels_first"}', True),
        ('{"nnx_enabled": true}', True),
        ("[]", True),
        ("{", True),
        ("\xff", True),
    ],
)
def test_personal_settings(tmp_path, content, is_foreign):
    file = tmp_path / "keras.json"
    if content is not None:
        file.write_text(content, encoding="latin-1")
    assert tensorflow_start._has_foreign_settings(file) == is_foreign


def test_a_folder_in_place_of_personal_settings(tmp_path):
    assert tensorflow_start._has_foreign_settings(tmp_path)


def test_the_settings_are_looked_for_where_keras_does(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tensorflow_start._settings_file(None) == tmp_path / ".keras" / "keras.json"
    assert tensorflow_start._settings_file("~/k") == tmp_path / "k" / "keras.json"


def test_a_user_without_a_home_folder(monkeypatch):
    def fail(_):
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", fail)
    assert tensorflow_start._settings_file(None) == Path("/tmp/.keras/keras.json")
    assert tensorflow_start._settings_file("~/k") == Path("~/k/keras.json")


def test_without_a_folder_for_temporary_files(monkeypatch, capfd):
    def fail():
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    with tensorflow_start._quiet():
        os.write(2, b"a message of TensorFlow")
    os.write(2, b"later")
    assert capfd.readouterr().err == "later"


@pytest.mark.parametrize("is_missing", [False, True])
def test_a_keras_on_something_else_is_refused_in_one_line(is_missing):
    """A program that has started Keras itself, before it asks for our networks."""
    program = f"""
import sys, types

class Keras:
    @property
    def backend(self):
        if {is_missing}:
            raise ImportError("no jax")
        return types.SimpleNamespace(backend=lambda: "jax")

sys.modules["tensorflow"] = types.ModuleType("tensorflow")
sys.modules["tensorflow"].keras = Keras()
import msg_stylegan
try:
    import msg_stylegan.networks
except ImportError as error:
    print(error)
"""
    done = start(program)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert "jax" in line
    assert "Import msg_stylegan before" in line


OWN_PROGRAM = """
import tensorflow as tf
from tensorflow import keras

keras.mixed_precision.set_global_policy("mixed_float16")
keras.backend.set_floatx("float16")
keras.backend.set_image_data_format("channels_first")

import sys
import numpy as np
from msg_stylegan import load_networks
from metrics.feature_networks import vgg16

G = load_networks(sys.argv[1]).G_ema
images = G(np.load(sys.argv[2]), noise_mode="const")
np.save(sys.argv[3], images[-1])
activations = vgg16.convolutions(keras.Input((32, 32, 3)))
print([tuple(a.shape[1:3]) for a in activations], {a.dtype for a in activations})
"""


@pytest.mark.slow
def test_what_a_program_has_chosen_for_its_own_layers(tmp_path):
    from support.tiny_run import make_networks

    from msg_stylegan.networks import save_networks

    nets = make_networks()
    save_networks(nets, tmp_path / "networks.keras", {})
    z = np.random.default_rng(0).normal(size=(2, 8)).astype(np.float32)
    np.save(tmp_path / "z.npy", z)
    files = [str(tmp_path / name) for name in ("networks.keras", "z.npy", "images.npy")]
    done = start(OWN_PROGRAM, *files)
    assert done.returncode == 0, done.stderr
    images = np.load(tmp_path / "images.npy")
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, nets.G_ema(z, noise_mode="const")[-1])
    assert "[(32, 32), (16, 16), (8, 8), (4, 4), (2, 2)]" in done.stdout
    assert "float16" not in done.stdout
