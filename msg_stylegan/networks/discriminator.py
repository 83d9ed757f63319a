"""MSG-StyleGAN discriminator: one score from all scales of an image."""

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import ops
from msg_stylegan.networks.layers import EqualizedConv2D, EqualizedDense
from msg_stylegan.networks.mapping import as_labels
from msg_stylegan.networks.resolutions import channels, scales


@keras.utils.register_keras_serializable("msg_stylegan")
class DiscriminatorBlock(keras.layers.Layer):
    """Combines the activation with the image of its scale and halves the resolution.

    The block of the full resolution starts from the image alone (`fromrgb`); the others join the
    activation from above and the raw image (`combine`, phi_cat_lin in the paper). The 4x4 block
    ends in dense layers instead of a smaller activation.

    Args:
        resolution: Side of the input, in pixels.
        in_channels: Channels of the block's activations.
        out_channels: Channels of the output.
        num_channels: Channels of the image.
        num_outputs: Logits per sample of the 4x4 block.
        is_top: Whether this is the block of the full resolution.
        nonlinearity: Name of the nonlinearity.
        blur_filter: Taps of the blur before the downsampling convolution, or empty.
        mbstd_group_size: Samples per group of the minibatch stddev; 1 or less switches it off.
        mbstd_num_channels: Channels that the minibatch stddev appends.
        equalized_lr: Whether the equalized learning rate is used.

    Call arguments:
        x: Activation `[N, resolution, resolution, in_channels]`; the image itself at the top.
        image: `[N, resolution, resolution, num_channels]`.

    Returns:
        `[N, resolution / 2, resolution / 2, out_channels]`, or logits `[N, num_outputs]` at 4x4.

    Source:
        MSG-GAN, section 3.1, equations 9 and 10.
    """

    def __init__(
        self,
        resolution,
        in_channels,
        out_channels,
        num_channels,
        num_outputs,
        is_top,
        nonlinearity,
        blur_filter,
        mbstd_group_size,
        mbstd_num_channels,
        equalized_lr,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.resolution = resolution
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_channels = num_channels
        self.num_outputs = num_outputs
        self.is_top = is_top
        self.nonlinearity = nonlinearity
        self.blur_filter = tuple(blur_filter)
        self.mbstd_group_size = mbstd_group_size
        self.mbstd_num_channels = mbstd_num_channels
        self.equalized_lr = equalized_lr
        if self.uses_mbstd and in_channels % mbstd_num_channels:
            raise ValueError(
                f"Expected `mbstd_num_channels` to divide the {in_channels} channels at resolution "
                f"{resolution}. Received: {mbstd_num_channels}"
            )
        self.is_last = resolution == 4
        self.activate, gain = ops.nonlinearity(nonlinearity)
        shared = {"gain": gain, "equalized": equalized_lr}
        if is_top:
            self.fromrgb = EqualizedConv2D(in_channels, 1, name="fromrgb", **shared)
        else:
            # No bias and no nonlinearity: a linear projection of the concatenation.
            self.combine = EqualizedConv2D(in_channels, 1, use_bias=False, name="combine", **shared)
        self.conv0 = EqualizedConv2D(in_channels, 3, name="conv0", **shared)
        if self.is_last:
            self.dense0 = EqualizedDense(out_channels, name="dense0", **shared)
            self.dense1 = EqualizedDense(
                num_outputs, gain=1.0, equalized=equalized_lr, name="dense1"
            )
        else:
            self.conv1 = EqualizedConv2D(
                out_channels, 3, resample="down", name="conv1_down", **shared
            )

    @property
    def uses_mbstd(self):
        """Whether the block appends the minibatch stddev."""
        return self.mbstd_group_size > 1

    def build(self, input_shape=None):
        size = (None, self.resolution, self.resolution)
        if self.is_top:
            self.fromrgb.build((*size, self.num_channels))
        else:
            self.combine.build((*size, self.in_channels + self.num_channels))
        extra = self.mbstd_num_channels if self.uses_mbstd else 0
        self.conv0.build((*size, self.in_channels + extra))
        if self.is_last:
            self.dense0.build((None, 16 * self.in_channels))
            self.dense1.build((None, self.out_channels))
        else:
            self.conv1.build((*size, self.in_channels))
        self.built = True

    def call(self, x, image):
        if self.is_top:
            x = self.activate(self.fromrgb(image))
        else:
            x = ops.conv2d_of_concatenation(x, image, self.combine.scaled_kernel())
        x = self.activate(self._convolve_with_stddev(x))
        if self.is_last:
            x = tf.reshape(x, [-1, 16 * self.in_channels])  # [N,(HWC)]
            return self.dense1(self.activate(self.dense0(x)))
        return self.activate(self.conv1(ops.blur(x, self.blur_filter)))

    def _convolve_with_stddev(self, x):
        """`conv0` of x and the maps of the minibatch stddev, without joining them."""
        if not self.uses_mbstd:
            return self.conv0(x)
        kernel, c = self.conv0.scaled_kernel(), self.in_channels
        stddev = ops.minibatch_stddev(x, self.mbstd_group_size, self.mbstd_num_channels)  # [NF]
        of_stddev = ops.conv2d_of_constants(stddev, self.resolution, kernel[:, :, c:])
        return self.conv0.add_bias(ops.conv2d(x, kernel[:, :, :c]) + of_stddev)

    def get_config(self):
        return {
            **super().get_config(),
            "resolution": self.resolution,
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "num_channels": self.num_channels,
            "num_outputs": self.num_outputs,
            "is_top": self.is_top,
            "nonlinearity": self.nonlinearity,
            "blur_filter": list(self.blur_filter),
            "mbstd_group_size": self.mbstd_group_size,
            "mbstd_num_channels": self.mbstd_num_channels,
            "equalized_lr": self.equalized_lr,
        }


@keras.utils.register_keras_serializable("msg_stylegan")
class Discriminator(keras.Model):
    """Discriminator that sees every resolution of the generator; the original's `D_basic`.

    Args:
        resolution: Side of the largest image, in pixels; a power of two of at least 8.
        num_channels: Channels of the images.
        label_size: Size of the label vectors; 0 for an unconditional network.
        channel_base, channel_decay, channel_max: See `resolutions.channels`.
        nonlinearity, equalized_lr, blur_filter, mbstd_group_size, mbstd_num_channels: See
            `DiscriminatorBlock`.

    Call arguments:
        images: List of images `[N, r, r, num_channels]` in [-1, 1], low to high resolution.
        labels: `[N, label_size]`, or None when `label_size` is 0.

    Returns:
        Logits `[N, 1]`; with labels, the logits of all classes weighted by the label.

    Source:
        MSG-GAN, section 3; Mescheder et al. 2018 for the conditional logit.
    """

    def __init__(
        self,
        resolution,
        num_channels,
        label_size,
        channel_base,
        channel_decay,
        channel_max,
        nonlinearity,
        equalized_lr,
        blur_filter,
        mbstd_group_size,
        mbstd_num_channels,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.resolution = resolution
        self.num_channels = num_channels
        self.label_size = label_size
        self.options = {
            "resolution": resolution,
            "num_channels": num_channels,
            "label_size": label_size,
            "channel_base": channel_base,
            "channel_decay": channel_decay,
            "channel_max": channel_max,
            "nonlinearity": nonlinearity,
            "equalized_lr": equalized_lr,
            "blur_filter": list(blur_filter),
            "mbstd_group_size": mbstd_group_size,
            "mbstd_num_channels": mbstd_num_channels,
        }
        self.resolutions = scales(resolution)
        widths = [
            channels(level, channel_base, channel_decay, channel_max)
            for level in range(len(self.resolutions) + 1)
        ]
        self.blocks = [
            DiscriminatorBlock(
                res,
                in_channels=widths[level],
                out_channels=widths[level - 1],
                num_channels=num_channels,
                num_outputs=max(label_size, 1),
                is_top=res == resolution,
                nonlinearity=nonlinearity,
                blur_filter=blur_filter,
                mbstd_group_size=mbstd_group_size,
                mbstd_num_channels=mbstd_num_channels,
                equalized_lr=equalized_lr,
                name=f"block_{res}x{res}",
            )
            for level, res in enumerate(self.resolutions, start=1)
        ]

    def build(self, input_shape=None):
        for block in self.blocks:
            block.build()
        self.built = True

    def __call__(self, images, labels=None, training=False):
        if not self.built:
            self.build()
        images = [tf.cast(tf.convert_to_tensor(image), tf.float32) for image in images]
        assert_pyramid(images, self.resolutions, self.num_channels)
        labels = as_labels(labels, self.label_size, images[0])
        return super().__call__(images, labels=labels, training=training)

    def call(self, images, labels, training):
        x = images[-1]
        for block, image in zip(reversed(self.blocks), reversed(images), strict=True):
            x = block(x, image=image)
        if self.label_size:
            x = tf.reduce_sum(x * labels, axis=1, keepdims=True)  # [N1]
        return x

    def get_config(self):
        return {"name": self.name, **self.options}

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()


def assert_pyramid(images, resolutions, num_channels):
    """Checks a list of images, low to high resolution.

    Raises:
        ValueError: The number, order, sizes or channels of the images differ from what is asked.
    """
    expected = [(res, res, num_channels) for res in resolutions]
    received = [tuple(image.shape[1:]) for image in images]
    if received != expected:
        raise ValueError(
            "Expected images from low to high resolution with the shapes "
            f"{expected} (after the batch axis). Received: {received}"
        )
