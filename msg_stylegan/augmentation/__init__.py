"""Differentiable augmentation of multi-scale images, for training on few images."""

from msg_stylegan.augmentation.adaptive import AdaptiveProbability
from msg_stylegan.augmentation.kinds import GROUPS, KINDS, select_kinds
from msg_stylegan.augmentation.pipeline import Augmentation, apply

__all__ = ["GROUPS", "KINDS", "AdaptiveProbability", "Augmentation", "apply", "select_kinds"]
