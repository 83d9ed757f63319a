"""What images pass through on their way into the discriminator."""

import tensorflow as tf

from msg_stylegan.augmentation.adaptive import AdaptiveProbability
from msg_stylegan.augmentation.color import color_matrices, recolor
from msg_stylegan.augmentation.cutout import cut_out
from msg_stylegan.augmentation.geometry import inverse_matrices, resample
from msg_stylegan.augmentation.kinds import OPERATIONS, select_kinds
from msg_stylegan.augmentation.parameters import draw
from msg_stylegan.kimg_schedule import KimgSchedule, value_at


class Augmentation(tf.Module):
    """Random changes of real and generated images, the same at all scales of a sample.

    Args:
        groups: Names of kinds and groups, see `select_kinds`.
        probability: Probability of every kind: a number in [0, 1], a schedule of such numbers, or
            an `AdaptiveProbability`.

    Raises:
        ValueError: An unknown name, no name at all, or a probability outside [0, 1].
    """

    def __init__(self, groups, probability):
        super().__init__(name="augmentation")
        self.kinds = select_kinds(groups)
        if not self.kinds:
            raise ValueError("Expected at least one kind of augmentation. Received: none")
        self.adaptive = None
        if isinstance(probability, AdaptiveProbability):
            self.adaptive = probability
            return
        is_schedule = isinstance(probability, KimgSchedule)
        if not all(0.0 <= p <= 1.0 for p in (probability.values if is_schedule else [probability])):
            raise ValueError(f"Expected a probability from 0 to 1. Received: {probability}")
        self._fixed = probability if is_schedule else float(probability)

    def probability_at(self, nimg=0):
        """The probability after so many images, a scalar float32 tensor."""
        if self.adaptive:
            return tf.convert_to_tensor(self.adaptive.value)
        return tf.convert_to_tensor(value_at(self._fixed, nimg))

    def draw(self, seed, num_samples, nimg=0):
        """Draws the parameters of a batch.

        Args:
            seed: int `[2]`.
            num_samples: Number of samples.
            nimg: Images shown so far, of which a scheduled probability is a function.
        """
        return draw(seed, num_samples, self.probability_at(nimg), self.kinds)

    def __call__(self, images, parameters):
        """Changes the images, see `apply`."""
        return apply(images, parameters)


def apply(images, parameters):
    """Changes all scales of every sample alike.

    Differentiable twice with respect to the images. With neutral parameters, as for a probability
    of 0, the result is equal to the images in every bit.

    Args:
        images: List of `[N, r, r, C]`, low to high resolution, each r a power of two; in [-1, 1].
        parameters: What `draw` returned for N samples.

    Returns:
        List of the same shapes. Colours may leave [-1, 1].
    """
    inverse = inverse_matrices(parameters, images[-1].shape[1])
    matrix = color_matrices(parameters, images[-1].shape[3])
    if inverse is not None:
        images = [resample(image, inverse) for image in images]
    if matrix is not None:
        images = [recolor(image, matrix) for image in images]
    if "cutout" in parameters:
        images = [cut_out(image, parameters["cutout"]) for image in images]
    for kind, operation in OPERATIONS.items():
        if kind in parameters:
            is_chosen, own = parameters[kind]
            is_chosen = is_chosen[:, None, None, None]
            images = [tf.where(is_chosen, operation.change(image, own), image) for image in images]
    return list(images)
