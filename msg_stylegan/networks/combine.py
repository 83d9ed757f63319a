"""How a block of the discriminator joins the activation from above with the image of its scale.

MSG-GAN, section 3.1 and the supplement: phi_simple, phi_lin_cat and phi_cat_lin. Blocks of scales
that are not connected take the activation alone.
"""

import tensorflow as tf

from msg_stylegan.networks import ops
from msg_stylegan.networks.layers import EqualizedLayer
from msg_stylegan.resolutions import UNCONNECTED


class Combine(EqualizedLayer):
    """Base of the combine functions.

    Args:
        channels: Channels of the block's activations.
        num_channels: Channels of the image.
        **kwargs: Arguments of `EqualizedLayer`.

    `convolve(x, image, kernel)` is a convolution of the result, possibly in fewer operations.

    Call arguments:
        x: Activation `[N, H, W, C]`, C as `resolutions.discriminator_channels` has it.
        image: `[N, H, W, num_channels]`.

    Returns:
        `[N, H, W, joined]`, see `resolutions.BlockChannels`.
    """

    def __init__(self, channels, num_channels, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.num_channels = num_channels

    def build(self, input_shape=None):
        self.built = True

    def convolve(self, x, image, kernel):
        return ops.conv2d(self(x, image), kernel)


class SimpleCombine(Combine):
    """phi_simple: the activation, then the image as it is. Has no weights."""

    def call(self, x, image):
        return tf.concat([x, image], axis=-1)  # [NHW(C+num_channels)]


class LinCatCombine(Combine):
    """phi_lin_cat: a 1x1 convolution of the image to half of the channels, then the activation.

    The block above delivers the other half. This is the form of BMSG-GAN; the image comes first.
    """

    def build(self, input_shape=None):
        self.add_kernel((1, 1, self.num_channels, self.channels // 2))
        self.built = True

    def call(self, x, image):
        features = self.add_bias(ops.conv2d(image, self.scaled_kernel()))
        return tf.concat([features, x], axis=-1)  # [NHWC]

    def convolve(self, x, image, kernel):
        num_features = self.channels // 2
        of_image = ops.conv2d_of_projection(
            image,
            self.scaled_kernel(),
            tf.convert_to_tensor(self.bias),
            kernel[:, :, :num_features],
        )
        return of_image + ops.conv2d(x, kernel[:, :, num_features:])


class CatLinCombine(Combine):
    """phi_cat_lin: a 1x1 convolution of the activation and the image, without a bias."""

    def __init__(self, channels, num_channels, use_bias=False, **kwargs):
        super().__init__(channels, num_channels, use_bias=use_bias, **kwargs)

    def build(self, input_shape=None):
        self.add_kernel((1, 1, self.channels + self.num_channels, self.channels))
        self.built = True

    def call(self, x, image):
        return self.add_bias(ops.conv2d_of_concatenation(x, image, self.scaled_kernel()))


class ActivationAlone(Combine):
    """The activation as it is, for a scale that is not connected. Has no weights."""

    def call(self, x, image):
        return x


COMBINES = {
    "simple": SimpleCombine,
    "lin_cat": LinCatCombine,
    "cat_lin": CatLinCombine,
    UNCONNECTED: ActivationAlone,
}
