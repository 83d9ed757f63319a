"""The start of TensorFlow and Keras: quiet, and free of settings that are meant for other programs.

Keras takes settings from environment variables and from a personal file, `~/.keras/keras.json`,
when it is imported, which TensorFlow does. They are overruled at that moment, whoever imports it;
programs that need neither of the two are left alone.
"""

import contextlib
import importlib.abc
import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path

# What the networks are written for. Keras calls these the defaults.
_SETTINGS = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "nnx_enabled": False,
}
# Variables -> values that change nothing.
_VARIABLES = {
    "KERAS_BACKEND": ("", "tensorflow"),
    "KERAS_NNX_ENABLED": ("", "0", "false"),
    "KERAS_MAX_EPOCHS": (),
    "KERAS_MAX_STEPS_PER_EPOCH": (),
    "TF_USE_LEGACY_KERAS": ("", "0", "false", "False"),
}
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
# A folder below a file: Keras finds no settings there and cannot write any.
_NO_FOLDER = str(Path(__file__).resolve() / "keras")


def watch_for_tensorflow():
    """Prepares the first import of TensorFlow or Keras, if it is still to come."""
    if not {"tensorflow", "keras"} & set(sys.modules):
        sys.meta_path.insert(0, _Watch())


class _Watch(importlib.abc.MetaPathFinder):
    """Sees an import of TensorFlow or Keras first."""

    def find_spec(self, name, path=None, target=None):
        if name not in ("tensorflow", "keras"):
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            spec.loader = _PreparedLoader(spec.loader)
        return spec


class _PreparedLoader(importlib.abc.Loader):
    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        with _own_settings(), _quiet():
            self._loader.exec_module(module)
            # TensorFlow may leave it for later.
            importlib.import_module("keras")
        if module.__name__ == "tensorflow":
            _tell_of_unused_gpu(module)


@contextlib.contextmanager
def _own_settings():
    """Hides foreign settings while the block runs, then says which."""
    # Covers the start of the devices too, which comes later. Errors are raised anyway.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    foreign = []
    for name, harmless in _VARIABLES.items():
        value = os.environ.pop(name, None)
        if value is not None and value not in harmless:
            foreign.append(f"{name}={value}")
    # Stays, for processes that start from here.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    _drop_unknown_window_system()
    home = os.environ.get("KERAS_HOME")
    file = _settings_file(home)
    if _has_foreign_settings(file):
        foreign.append(str(file))
        os.environ["KERAS_HOME"] = _NO_FOLDER
    try:
        yield
    finally:
        os.environ.pop("KERAS_HOME", None)
        if home is not None:
            os.environ["KERAS_HOME"] = home
    if foreign:
        print(
            f"note: {', '.join(foreign)} overruled: the networks need Keras on TensorFlow with "
            "its default settings.",
            file=sys.stderr,
        )


def _drop_unknown_window_system():
    """Keras imports matplotlib if it is installed, which fails on an unknown name."""
    name = os.environ.get("MPLBACKEND")
    if not name or "matplotlib" in sys.modules:
        return
    try:
        importlib.import_module("matplotlib")
    except ImportError:
        return
    except ValueError:
        del os.environ["MPLBACKEND"]
        for loaded in [key for key in sys.modules if key.partition(".")[0] == "matplotlib"]:
            del sys.modules[loaded]
        print(f"note: MPLBACKEND={name} is unknown to matplotlib and not used.", file=sys.stderr)


def _tell_of_unused_gpu(tf):
    """TensorFlow's own messages are hidden, because machines without a GPU get them, too."""
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if _NVIDIA_DRIVER.exists() and not is_hidden and not tf.config.list_physical_devices("GPU"):
        print(
            "note: this machine has a driver for NVIDIA GPUs, but TensorFlow sees none. Set "
            "TF_CPP_MIN_LOG_LEVEL=0 to see why.",
            file=sys.stderr,
        )


def _settings_file(home):
    """The file that Keras would read, by its own rules."""
    if home is None:
        # `Path.expanduser` fails for users without a home folder.
        base = os.path.expanduser("~")  # noqa: PTH111
        home = Path(base if os.access(base, os.W_OK) else "/tmp", ".keras")
    return Path(os.path.expanduser(home), "keras.json")  # noqa: PTH111


def _has_foreign_settings(file):
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        return any(settings.get(name, value) != value for name, value in _SETTINGS.items())
    except FileNotFoundError:
        return False
    # What cannot be read here would end the start of Keras.
    except (OSError, ValueError, AttributeError, RecursionError):
        return True


def _new_scratch_file():
    try:
        return tempfile.TemporaryFile()
    # There is no folder that can be written.
    except OSError:
        return Path(os.devnull).open("r+b", buffering=0)


@contextlib.contextmanager
def _quiet():
    """Hides what TensorFlow's libraries write when they are loaded, unless something goes wrong.

    They do not heed any variable yet at that time. Whoever asks for all messages gets these, too.
    """
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] in ("0", "1"):
        yield
        return
    with contextlib.ExitStack() as stack:
        messages = stack.enter_context(_new_scratch_file())
        if sys.stderr is not None:
            sys.stderr.flush()
        standard_error = os.dup(2)
        stack.callback(os.close, standard_error)
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            messages.seek(0)
            os.write(standard_error, messages.read())
            raise
        finally:
            os.dup2(standard_error, 2)
