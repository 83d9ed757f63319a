"""Random parameters of every sample. They do not know the resolution, so they fit every scale.

Strengths are those of Karras et al. 2020 (ADA), appendix B.
"""

import math
import zlib

import tensorflow as tf

from msg_stylegan.augmentation.kinds import KINDS, OPERATIONS

# Largest shift, as a part of the image side.
TRANSLATION = 0.125
# Standard deviation of the binary logarithm of the factors, and of what brightness adds.
SCALE, ANISO, CONTRAST, SATURATION, BRIGHTNESS = 0.2, 0.2, 0.5, 1.0, 0.2
# Side of the square that cutout empties, as a part of the image side.
CUTOUT = 0.5

_UNIFORM = ("flip", "rot90", "x", "y", "rotate_first", "rotate_last", "hue", "cutout_x", "cutout_y")
_NORMAL = ("scale", "aniso", "brightness", "contrast", "saturation")
# The two turns of "rotate" are chosen independently; its second one has the last row.
_GATES = (*KINDS, "rotate_last")


def draw(seed, num_samples, probability, kinds):
    """Draws the parameters of a batch. Every kind is applied to a sample with `probability`.

    A pure function of its arguments, and what one kind draws does not depend on the others. To
    share a batch out, draw all of it and slice the result.

    Args:
        seed: int `[2]`.
        num_samples: N.
        probability: Scalar in [0, 1], a number or a tensor.
        kinds: Result of `select_kinds`.

    Returns:
        Dictionary of kind to float32 tensor. A sample that a kind spares has the neutral value.
        `flip` `[N]`: -1 to flip, 1 not to. `rot90` `[N]`: quarter turns, 0 to 3. `translate`
        `[N, 2]`: shift right and down, in image sides. `scale`, `aniso`, `contrast`, `saturation`
        `[N]`: factors. `rotate` `[N, 2]`: angles before and after `aniso`. `brightness` `[N]`:
        what is added. `hue` `[N]`: angle. `cutout` `[N, 3]`: centre x and y, from 0 to 1, and
        side, in image sides. Of `OPERATIONS` a tuple: bool `[N]`, which samples to change, and
        the operation's own parameters.
    """
    gate = _columns(tf.random.stateless_uniform, seed, 0, _GATES, num_samples)
    uniform = _columns(tf.random.stateless_uniform, seed, 1, _UNIFORM, num_samples)
    normal = _columns(tf.random.stateless_normal, seed, 2, _NORMAL, num_samples)
    probability = tf.convert_to_tensor(probability, tf.float32)
    # Two turns, so that a sample is turned by at least one of them with `probability`.
    either = 1.0 - tf.sqrt(1.0 - probability)

    def chosen(kind, value, neutral):
        return tf.where(gate[kind] < probability, value, neutral)

    def factor(kind, deviation):
        return chosen(kind, tf.pow(2.0, normal[kind] * deviation), 1.0)

    def angle(name):
        return (2.0 * uniform[name] - 1.0) * math.pi

    def shift(axis):
        return chosen("translate", (2.0 * uniform[axis] - 1.0) * TRANSLATION, 0.0)

    draws = {
        "flip": lambda: chosen("flip", tf.where(uniform["flip"] < 0.5, -1.0, 1.0), 1.0),
        "rot90": lambda: chosen("rot90", tf.minimum(tf.floor(uniform["rot90"] * 4.0), 3.0), 0.0),
        "translate": lambda: tf.stack([shift("x"), shift("y")], axis=1),
        "scale": lambda: factor("scale", SCALE),
        "rotate": lambda: tf.stack(
            [
                tf.where(gate["rotate"] < either, angle("rotate_first"), 0.0),
                tf.where(gate["rotate_last"] < either, angle("rotate_last"), 0.0),
            ],
            axis=1,
        ),
        "aniso": lambda: factor("aniso", ANISO),
        "brightness": lambda: chosen("brightness", normal["brightness"] * BRIGHTNESS, 0.0),
        "contrast": lambda: factor("contrast", CONTRAST),
        "hue": lambda: chosen("hue", angle("hue"), 0.0),
        "saturation": lambda: factor("saturation", SATURATION),
        "cutout": lambda: tf.stack(
            [uniform["cutout_x"], uniform["cutout_y"], chosen("cutout", CUTOUT, 0.0)], axis=1
        ),
    }

    def operation(kind):
        own_seed = tf.random.experimental.stateless_fold_in(seed, zlib.crc32(kind.encode()) >> 1)
        of_gate, of_values = tf.unstack(tf.random.split(own_seed))
        is_chosen = tf.random.stateless_uniform([num_samples], of_gate) < probability
        return is_chosen, OPERATIONS[kind].draw(of_values, num_samples)

    return {kind: draws[kind]() if kind in draws else operation(kind) for kind in kinds}


def _columns(distribution, seed, stream, names, num_samples):
    """Draws `[N]` numbers for every name, in one operation."""
    seed = tf.random.experimental.stateless_fold_in(seed, stream)
    return dict(zip(names, tf.unstack(distribution([len(names), num_samples], seed)), strict=True))
