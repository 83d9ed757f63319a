"""What a discriminator and an encoder have in common: they see every scale of an image."""

import tensorflow as tf

from msg_stylegan.networks import ops
from msg_stylegan.networks.discriminator_block import (
    DiscriminatorBlock,
    ProGANDiscriminatorBlock,
    make_blocks,
)
from msg_stylegan.networks.pair_member import PairMember
from msg_stylegan.networks.residual_block import ResidualDiscriminatorBlock
from msg_stylegan.networks.scogan_layers import Chain
from msg_stylegan.options import DiscriminatorOptions
from msg_stylegan.resolutions import connected_scales

# Value of the option `body` -> the class of its blocks, where each is of one resolution.
BODIES = {
    "stylegan": DiscriminatorBlock,
    "residual": ResidualDiscriminatorBlock,
    "progan": ProGANDiscriminatorBlock,
}


class PyramidReader(PairMember):
    """Base of the networks that make a vector of all scales of an image.

    Args:
        options: `DiscriminatorOptions`.
        data: `Interface`.
        num_outputs: Components of the vector.

    Derived classes say how the blocks of the body "scogan" are made.

    Attributes:
        blocks: The blocks, low to high resolution. What the first of them returns is the vector.
    """

    options_class = DiscriminatorOptions

    def __init__(self, options, data, num_outputs, **kwargs):
        super().__init__(options, data, **kwargs)
        self.blocks = self.make_blocks(num_outputs)

    def make_blocks(self, num_outputs):
        """The blocks, low to high resolution."""
        if self.options.body == "scogan":
            return self.make_scogan_blocks(self.options, self.data, num_outputs)
        return make_blocks(BODIES[self.options.body], self.options, self.data, num_outputs)

    @property
    def resolutions(self):
        """Sides of the images that are looked at, low to high."""
        return connected_scales(self.data.connect, self.data.resolution)

    def build(self, input_shape=None):
        for block in self.blocks:
            block.build()
        self.built = True

    def feature_variables(self, resolution):
        """Trainable variables of the blocks up to a resolution, but for what reads images.

        These variables may be shared by the networks of two domains.
        """
        blocks = [block for block in self.blocks if block.resolution <= resolution]
        return [variable for block in blocks for variable in block.feature_variables]

    def scales_of(self, images):
        """The scales of pictures that the network looks at.

        Args:
            images: uint8 `[N, r, r, C]`, r as `resolution`.

        Returns:
            List of float32 `[N, r, r, C]` in [-1, 1], one for each of `resolutions`, low to high.
        """
        return ops.image_scales(tf.cast(images, tf.float32) / 127.5 - 1.0, self.resolutions)

    def as_pyramid(self, images):
        """Converts a list of images, `[N, r, r, num_channels]`, to float32 tensors.

        Raises:
            ValueError: Not one image for each of `resolutions`, low to high.
        """
        images = [tf.cast(tf.convert_to_tensor(image), tf.float32) for image in images]
        assert_pyramid(images, self.resolutions, self.num_channels)
        return images

    def read(self, images, **modes):
        """The vectors of a list of images, `[N, num_outputs]`.

        Args:
            images: List of tensors as from `as_pyramid`.
            **modes: The call arguments `training` and `dropout_seed`.
        """
        by_side = dict(zip(self.resolutions, images, strict=True))
        x = images[-1]
        for block in reversed(self.blocks):
            if isinstance(block, Chain):
                x = block(x, **modes)
            else:
                x = block(x, image=by_side.get(block.resolution))
        return x


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
