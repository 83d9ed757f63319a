"""Importing this refuses a Keras that the user's own program has started in another way."""

import tensorflow as tf

_ADVICE = (
    "Import msg_stylegan before tensorflow and keras, or remove the environment variables "
    "KERAS_BACKEND and TF_USE_LEGACY_KERAS."
)

try:
    _backend = tf.keras.backend.backend()
except ImportError as error:
    raise ImportError(f"Keras cannot be started ({error}). {_ADVICE}") from error
if _backend != "tensorflow":
    raise ImportError(
        f"The networks need Keras on TensorFlow, but this program uses it on {_backend} already. "
        f"{_ADVICE}"
    )
