"""PL of Soft-CoGAN: content and style in the activations of a VGG network."""

import tensorflow as tf

# Smaller images leave a single pixel of the last block.
MIN_RESOLUTION = 32
# One convolution of each block.
STYLE_LAYERS = tuple(f"block{number}_conv1" for number in range(1, 6))
# Network of `metrics.feature_networks` -> the layer of the original, and the one as deep.
CONTENT_LAYERS = {"vgg19": "block5_conv2", "vgg16": "block5_conv3"}


class PerceptualLoss:
    """Both domains show the same content, each in the style of its own real images.

        content = mean((f(x_a) - f(x_b))^2)
        style   = sum over domains of mean over layers of mean((Gram(x) - Gram(real))^2)

    f are activations of the last block, Gram the products of two channels, mean over the pixels,
    divided by the number of channels. Each fake is compared with the real image of the same number
    in the batch. Both terms are means over all scales from 32 pixels on; below, the last block
    would see one pixel.

    Differs from the original, of which there are two versions. The first shows the network images
    in [-1, 1], on which it was not trained, and does not divide by the channels. The second
    prepares the images and divides by the channels, but leaves activations on the scale of colours
    up to 255, where style takes a weight of 1e-6, and divides the content, too, by the size of its
    layer. Here images are prepared, and activations are measured in units of [-1, 1]. With the
    weights 1 and 1250, content and style of real images that do not belong together are then both
    some tenths: about 0.2 and 0.05 for digits, 0.2 and 0.25 for emoji, in VGG16.

    Args:
        taps: Differentiable function of images float32 `[n, r, r, C]` in [-1, 1], whose result is a
            dict of layer -> float32 `[n, h, w, channels]`.
        content_layer: Layer of the content, see `CONTENT_LAYERS`.
        unit: What activations are divided by: by how much the input of the network changes when
            the images change by 1.

    Source: Soft-CoGAN, `--perceptual_loss`, where the weight of the style is that of the content /
    8e-4; content and style of Gatys et al. 2016.
    """

    def __init__(self, taps, content_layer, *, unit=1.0):
        self._taps = taps
        self._content_layer = content_layer
        self._unit = unit

    def __call__(self, batch):
        """Dict of "content" and "style": float32 `[n]` without weights.

        Args:
            batch: `CoupledBatch` with as many real images as others.

        Raises:
            ValueError: All images are smaller than 32 pixels.
        """
        fakes, reals = (list(map(_by_side, lists)) for lists in (batch.images, batch.reals))
        sides = perceptual_sides(fakes[0].keys() & fakes[1].keys())
        content, style = [], []
        for side in sides:
            of_fakes = [self._activations(images[side]) for images in fakes]
            of_reals = [self._activations(images[side]) for images in reals]
            a, b = (layers[self._content_layer] for layers in of_fakes)
            content.append(tf.reduce_mean(tf.math.squared_difference(a, b), axis=[1, 2, 3]))
            style += map(_style_distance, of_fakes, of_reals)
        return {
            "content": tf.add_n(content) / len(sides),
            "style": tf.add_n(style) / len(sides),
        }

    def _activations(self, images):
        layers = self._taps(images)
        wanted = {*STYLE_LAYERS, self._content_layer}
        return {name: layers[name] / self._unit for name in wanted}


def perceptual_sides(sides):
    """Sides of the images that PL compares, in order: those from 32 pixels on.

    Args:
        sides: Sides of the scales that there are.

    Raises:
        ValueError: There is none.
    """
    found = sorted(side for side in sides if side >= MIN_RESOLUTION)
    if not found:
        raise ValueError(
            f"The perceptual loss compares images of at least {MIN_RESOLUTION} pixels. The largest "
            f"ones of both domains have {max(sides, default=0)}. Leave it out (weight 0)."
        )
    return found


def gram(activations):
    """Gram matrices `[n, c, c]` of activations `[n, h, w, c]`, divided by `h * w * c`."""
    num_pixels = activations.shape[1] * activations.shape[2]
    num_channels = activations.shape[3]
    pixels = tf.reshape(activations, [-1, num_pixels, num_channels])
    return tf.matmul(pixels, pixels, transpose_a=True) / float(num_pixels * num_channels)


def _by_side(images):
    return {image.shape[1]: image for image in images}


def _style_distance(fakes, reals):
    """float32 [n]: mean over layers of the distance of their Gram matrices."""
    distances = [
        tf.reduce_mean(
            tf.math.squared_difference(gram(fakes[name]), gram(reals[name])), axis=[1, 2]
        )
        for name in STYLE_LAYERS
    ]
    return tf.add_n(distances) / len(distances)
