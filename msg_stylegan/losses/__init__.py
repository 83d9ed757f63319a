"""Adversarial losses by name, and penalties on the gradients of both networks.

All take logits `[N, 1]` and return `[N, 1]`: per sample and not reduced. Importable without
TensorFlow, because the options are made from it, in `losses.options`: after extensions have added
their losses.
"""

from msg_stylegan.losses.adversarial import AdversarialLoss
from msg_stylegan.losses.path_length import path_lengths
from msg_stylegan.losses.penalties import gradient_penalty, r1_penalty, r2_penalty
from msg_stylegan.losses.registry import LOSSES, make_loss
from msg_stylegan.losses.regularization import Regularization

__all__ = [
    "LOSSES",
    "AdversarialLoss",
    "Regularization",
    "gradient_penalty",
    "make_loss",
    "path_lengths",
    "r1_penalty",
    "r2_penalty",
]
