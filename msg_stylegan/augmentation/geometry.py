"""Flips, turns, shifts, scaling and rotation of images as one 3x3 matrix per sample.

Coordinates are normalised: x to the right and y downwards, -1 and 1 at the edges of the image. So
one matrix serves every scale, and a pixel's mean and its centre move alike.
"""

import functools

import tensorflow as tf


def inverse_matrices(parameters, resolution):
    """Matrices that map a place of the result to the place of the image that is seen there.

    Args:
        parameters: What `parameters.draw` returned.
        resolution: Side of the largest scale; shifts are whole pixels of it.

    Returns:
        `[N, 3, 3]`, or None if none of the parameters is geometric.
    """
    factors = {
        kind: inverse(parameters[kind], resolution)
        for kind, inverse in _INVERSES.items()
        if kind in parameters
    }
    if "rotate" in parameters:
        # One rotation before and one after the anisotropic scaling, so that it has any direction.
        factors["rotate"], factors["rotate_last"] = factors["rotate"]
    return functools.reduce(multiply, factors.values() or [None])


def resample(image, inverse):
    """Moves the pixels of every sample.

    Bilinear, with the image mirrored at its edges, which keeps the means of a pyramid. A direction
    in which the image shrinks is smoothed before: the filter `[a, 1 - 2a, a]` gives the triangle
    of the interpolation the variance that it would have if it were as wide as a pixel of the
    result, up to a shrinking by two. Whatever moves whole pixels is exact.

    Gathers and sums, with gradients of every order with respect to `image`; none for `inverse`.

    Args:
        image: `[N, r, r, C]`, r a power of two.
        inverse: `[N, 3, 3]`, see `inverse_matrices`.

    Returns:
        `[N, r, r, C]`.
    """
    side, channels = image.shape[1], image.shape[3]
    x, x_weight = _pixels_and_weights(_places(inverse[:, 0], side), side)  # [NHW], [NHW]
    y, y_weight = _pixels_and_weights(_places(inverse[:, 1], side), side)
    squares = tf.reduce_sum(tf.square(inverse[:, :2, :2]), axis=2)  # [N2]
    amount = tf.cast(tf.clip_by_value((squares - 1.0) / 12.0, 0.0, 0.25), image.dtype)
    image = _smooth(_smooth(image, amount[:, 1], axis=1), amount[:, 0], axis=2)
    padded = _mirror_border(image, axes=(1, 2))

    width = side + 2
    rows = tf.reshape(padded, [-1, width * width, channels])  # [N(HW)C]
    upper_left = tf.reshape(y * width + x, [-1, side * side])  # [N(HW)]
    x_weight, y_weight = (tf.cast(weight, image.dtype) for weight in (x_weight, y_weight))
    corners = (
        (0, (1.0 - y_weight) * (1.0 - x_weight)),
        (1, (1.0 - y_weight) * x_weight),
        (width, y_weight * (1.0 - x_weight)),
        (width + 1, y_weight * x_weight),
    )
    result = tf.add_n(
        [
            tf.gather(rows, upper_left + offset, batch_dims=1)
            * tf.reshape(weight, [-1, side * side, 1])
            for offset, weight in corners
        ]
    )
    return tf.reshape(result, [-1, side, side, channels])


def _places(row, side):
    """One coordinate, `[N, r, r]`, of what every pixel of the result sees: `row` is `[N, 3]`."""
    # Exact in float32 for a power of two, and so are all sums below that end in a pixel's centre.
    centres = (2.0 * tf.range(side, dtype=tf.float32) + 1.0) / float(side) - 1.0
    row = row[:, :, None, None]  # [N311]
    return row[:, 0] * centres[None, None, :] + row[:, 1] * centres[None, :, None] + row[:, 2]


def _pixels_and_weights(places, side):
    """Number of the pixel before a place, in an image with a border of 1, and weight of the next.

    Places outside the image are mirrored at its edges first.
    """
    distance = tf.math.floormod((places + 1.0) * (side / 2.0), 2.0 * side)
    distance = tf.minimum(distance, 2.0 * side - distance)  # in pixels from the edge, 0 to r
    before = tf.floor(distance - 0.5)
    return tf.cast(before, tf.int32) + 1, distance - 0.5 - before


def _smooth(image, amount, axis):
    """Filter `[a, 1 - 2a, a]`, a = `amount` `[N]`, along an axis; mirrored at the edges."""
    amount = amount[:, None, None, None]

    # It is its own adjoint, and much faster than the gradient of the slices; so the gradients of
    # every order are filters.
    @tf.custom_gradient
    def smooth(image):
        padded = _mirror_border(image, axes=(axis,))
        if axis == 1:
            neighbours = padded[:, :-2] + padded[:, 2:]
        else:
            neighbours = padded[:, :, :-2] + padded[:, :, 2:]
        return image * (1.0 - 2.0 * amount) + neighbours * amount, smooth

    return smooth(image)


def _mirror_border(image, axes):
    return tf.pad(image, [[int(axis in axes)] * 2 for axis in range(4)], "SYMMETRIC")


def _rot90(turns, _):
    turns = tf.cast(turns, tf.int32)
    # From a table, because a quarter turn should be exact.
    return _turn(tf.gather([1.0, 0.0, -1.0, 0.0], turns), tf.gather([0.0, 1.0, 0.0, -1.0], turns))


def _translate(shift, resolution):
    shift = tf.round(shift * float(resolution)) * (-2.0 / resolution)
    return _matrix(tf.ones_like(shift[:, 0]), 0.0, 0.0, 1.0, shift[:, 0], shift[:, 1])


def _rotate(angles, _):
    first, last = tf.unstack(angles, axis=1)
    return _turn(tf.cos(first), tf.sin(first)), _turn(tf.cos(last), tf.sin(last))


def _turn(cos, sin):
    """Inverse of a counter-clockwise turn, as it looks with y downwards."""
    return _matrix(cos, -sin, sin, cos)


def _matrix(xx, xy, yx, yy, x=0.0, y=0.0):
    """Stacks `[N]` tensors and numbers, `xx` not being a number, to `[N, 3, 3]`."""
    rows = [[xx, xy, x], [yx, yy, y], [0.0, 0.0, 1.0]]
    zero = tf.zeros_like(xx)
    return tf.stack([tf.stack([zero + e for e in row], axis=1) for row in rows], axis=1)


def multiply(a, b):
    """Product of `[N, M, M]`; not `tf.matmul`, which rounds to 10 bits on some devices."""
    return tf.reduce_sum(a[:, :, :, None] * b[:, None, :, :], axis=2)


_INVERSES = {
    "flip": lambda sign, _: _matrix(sign, 0.0, 0.0, 1.0),
    "rot90": _rot90,
    "translate": _translate,
    "scale": lambda factor, _: _matrix(1.0 / factor, 0.0, 0.0, 1.0 / factor),
    "rotate": _rotate,
    "aniso": lambda factor, _: _matrix(1.0 / factor, 0.0, 0.0, factor),
}
