"""Scores of generated images. Metrics see uint8 images only; `evaluation` brings in networks."""

# Before TensorFlow.
import msg_stylegan  # noqa: F401
