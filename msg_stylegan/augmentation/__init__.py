"""Differentiable augmentation of multi-scale images, for training on few images."""

from msg_stylegan.augmentation.kinds import GROUPS, KINDS, select_kinds

__all__ = ["GROUPS", "KINDS", "select_kinds"]
