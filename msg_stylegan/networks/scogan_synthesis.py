"""Generators of Soft-CoGAN: transposed convolutions with batch norm, and one image."""

from msg_stylegan.networks.scogan_layers import (
    BatchNorm,
    Chain,
    Layers,
    leaky_relu,
    prelu,
    to_maps,
)
from msg_stylegan.networks.synthesis import SynthesisNetwork

# Side of the images -> channels from 4x4 to the full resolution, sides of the kernels of the
# transposed convolutions, and of the last one, which makes the image.
_CHANNELS = {
    32: ((1024, 512, 256, 128), 3, 6),
    128: ((1024, 512, 256, 128, 64, 32), 4, 3),
    256: ((2048, 1024, 512, 256, 128, 64, 32), 4, 3),
}
# Side of the images -> sides whose nonlinearity is not a PReLU but a leaky ReLU.
_LEAKY = {256: (8, 16)}


class ScoganSynthesis(SynthesisNetwork):
    """`SynthesisNetwork` of Soft-CoGAN: a chain of layers to one image, from -1 to 1.

    The networks of 32x32 are the original's `digit` and `digit_noshare`, those of 128x128 its
    `face` and `face_noshare`: they differ in the variables that two domains share. CoGAN shares
    `feature_variables` of 32 and 64, and Soft-CoGAN those of 4.

    The features are the activations between the first layer and the last one of full size.

    Differs from the original: all PReLU start at the same slope; the `digit` had 0 in some.
    """

    knows_w = False
    num_ws = 1
    noise_layers = ()

    def make_blocks(self, num_channels):
        channels, kernel_size, image_kernel_size = _CHANNELS[self.resolution]
        layers = Layers(self.options.weight_init)
        leaky = _LEAKY.get(self.resolution, ())
        sides = [4 * 2**level for level in range(len(channels))]
        blocks, shape = [], (self.options.w_dim,)
        for side, count in zip(sides, channels, strict=True):
            if side == 4:
                affine = [layers.dense(16 * count), to_maps(4, count)]
            else:
                affine = [layers.conv_transpose(count, kernel_size)]
            activate = leaky_relu(0.3) if side in leaky else prelu()
            chain = [*affine, BatchNorm(), activate]
            blocks.append(Chain(chain, shape, side, name=f"block_{side}x{side}"))
            shape = (side, side, count)
        image = layers.conv_transpose(num_channels, image_kernel_size, 1, activation="tanh")
        self.torgb = Chain([image], shape, self.resolution, name="torgb")
        return blocks

    def kernels_of_w(self):
        return [[self.blocks[0].chain[0].kernel]]

    def build(self, input_shape=None):
        self.torgb.build()
        super().build(input_shape)

    def call(self, ws, noise_mode, noise_seed=None, training=False):
        x, features = ws[:, 0], []
        for block in self.blocks:
            x = block(x, training=training)
            features.append(x)
        return [self.torgb(x)], features[1:-1]
