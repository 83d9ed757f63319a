"""How far the images of a generator are from a target, at all scales."""

import tensorflow as tf

from msg_stylegan.networks import ops

# Brings a distance such as LPIPS (about 0.3) to the size of the squared errors (about 0.03).
_DISTANCE_WEIGHT = 0.1

# Networks of perceptual distances were made for photographs of about this size. Images below the
# lower limit do not pass through them.
_LARGEST_FOR_DISTANCE = 256
_SMALLEST_FOR_DISTANCE = 16


class PyramidLoss:
    """Mean squared error over all pixels of all scales, plus a perceptual distance if there is one.

    The scales are those of the multi-scale pyramid, 4x4 upwards. Each has a quarter of the weight
    of the next larger one: the small images of a generator are not exactly the means of its large
    one, and with more weight they pull the large one away from the target. Where the generator
    makes no image of a scale, the 2x2 means of its next larger one are compared.

    Args:
        G: Generator.
        distance: Callable such as `Lpips.distance`: two float32 `[n, h, w, 3]`, values 0..255, to
            float32 `[n]`. None for squared errors only.

    Raises:
        ValueError: `distance` was given for images that are too small for it.
    """

    def __init__(self, G, distance=None):
        self._resolutions = list(G.resolutions)
        self._num_scales = self._resolutions[-1].bit_length() - 2
        self._distance = distance
        if distance is not None and self._resolutions[-1] < _SMALLEST_FOR_DISTANCE:
            raise ValueError(
                "LPIPS needs images of at least "
                f"{_SMALLEST_FOR_DISTANCE}x{_SMALLEST_FOR_DISTANCE} pixels. This network makes "
                f"{self._resolutions[-1]}x{self._resolutions[-1]}."
            )

    def target_pyramid(self, images):
        """All scales of targets.

        Args:
            images: uint8 `[n, r, r, C]`, of the size and channels of the generator.

        Returns:
            List of float32 tensors `[n, r, r, C]` in [-1, 1], low to high resolution, unrounded.
        """
        images = tf.cast(images, tf.float32) / 127.5 - 1.0
        return ops.image_pyramid(images, self._num_scales)

    def __call__(self, images, target):
        """Loss of each image.

        Args:
            images: What `G.synthesis` returns: list of `[n, r, r, C]`.
            target: What `target_pyramid` returns, for n images or for one.

        Returns:
            float32 `[n]`.
        """
        images = self._pyramid(images)
        errors = [
            tf.reshape(tf.square(a - b), [tf.shape(a)[0], -1])  # [N,(HWC)]
            for a, b in zip(images, target, strict=True)
        ]
        loss = tf.reduce_mean(tf.concat(errors, axis=1), axis=1)  # [N]
        if self._distance is None:
            return loss
        a, b = (self._for_distance(pyramid) for pyramid in (images, target))
        return loss + _DISTANCE_WEIGHT * self._distance(a, tf.broadcast_to(b, tf.shape(a)))

    def _pyramid(self, images):
        by_side = dict(zip(self._resolutions, images, strict=True))
        pyramid = [images[-1]]
        for level in range(self._num_scales - 1, 0, -1):
            image = by_side.get(2 ** (level + 1))
            pyramid.insert(0, ops.downsample(pyramid[0]) if image is None else image)
        return pyramid

    def _for_distance(self, pyramid):
        image = [x for x in pyramid if x.shape[1] <= _LARGEST_FOR_DISTANCE][-1]
        image = tf.image.grayscale_to_rgb(image) if image.shape[3] == 1 else image
        return image * 127.5 + 127.5
