"""Networks that grow: ProGAN's, which give and see one image, of the resolution reached so far.

Karras et al. 2018 (ProGAN), section 2 and table 2; the networks of PGGAN-PyTorch. They are the
multi-scale networks up to a stage. In a fade, the two largest images of the generator are mixed,
and what the two highest blocks of the discriminator take from their images.

Snapshots name the weights by the classes of the blocks and of the synthesis.
"""

import dataclasses

from tensorflow import keras

from msg_stylegan.networks import ops
from msg_stylegan.networks.discriminator import Discriminator
from msg_stylegan.networks.discriminator_block import (
    DiscriminatorBlock,
    ProGANDiscriminatorBlock,
    make_blocks,
)
from msg_stylegan.networks.generator import Generator
from msg_stylegan.networks.progan_synthesis import ProGANBlock, ProGANSynthesis
from msg_stylegan.networks.synthesis import SynthesisBlock
from msg_stylegan.resolutions import scales


class Growing:
    """A generator or a discriminator that grows, to be mixed in.

    All levels have their weights from the start; those above the stage are not used. `resolution`
    and `resolutions` are those of the stage, so whoever draws images need not know of it.

    Args:
        options: Options of the network; some have to be as in `growing_options`.
        data: `Interface` of the end of the growth, with all scales connected: every level needs an
            image of its own.
        stage_resolution: Side of the images of the stage; 0 for the full one.
        is_fading: Whether the highest level of the stage is still being faded in.

    Attributes:
        alpha: Weight of the highest level while it fades in, from 0 to 1. A variable, so that one
            compiled function serves a whole stage.

    Raises:
        ValueError: Other options, or no such stage.
    """

    def __init__(self, options, data, stage_resolution=0, is_fading=False, **kwargs):
        received = vars(data) | vars(options)
        for name, expected in self.growing_options:
            if received[name] != expected:
                raise ValueError(
                    f"Expected {name}={expected!r}, to grow the networks. Received: "
                    f"{name}={received[name]!r}"
                )
        super().__init__(options, data, **kwargs)
        self.grow_to(stage_resolution or self.full_resolution, is_fading)

    @property
    def full_resolution(self):
        """Side of the images at the end of the growth."""
        return self.data.resolution

    @property
    def resolutions(self):
        """Side of the only image."""
        return [self.resolution]

    def grow_to(self, resolution, is_fading):
        """Moves to a stage. A compiled function stays at the stage in which it was traced.

        Args:
            resolution: Side of the images, a power of two from 4 to `full_resolution`.
            is_fading: Whether the level of this resolution is mixed with the one below, by `alpha`.
        """
        sides = scales(self.full_resolution)
        if resolution not in sides:
            raise ValueError(f"Expected the stage to be one of {sides}. Received: {resolution}")
        if is_fading and resolution == 4:
            raise ValueError("The 4x4 stage has no level below it to fade from.")
        self.resolution = resolution
        self.is_fading = bool(is_fading)

    def get_config(self):
        stage = {"stage_resolution": self.resolution, "is_fading": self.is_fading}
        return {**super().get_config(), **stage}


class GrowingBlock(ProGANBlock):
    """`ProGANBlock` with the gains and the first pixel norm of ProGAN itself."""

    dense_gain = SynthesisBlock.dense_gain
    torgb_gain = SynthesisBlock.torgb_gain
    normalizes_start = True


class GrowingSynthesis(ProGANSynthesis):
    """`ProGANSynthesis` up to the resolution of the stage; gives its last image.

    Attributes:
        stage: Tuple `(resolution, is_fading)`, see `Growing.grow_to`.
        alpha: Weight of the highest level while it fades in, see `Growing`.
    """

    block_class = GrowingBlock
    # Truncation moves z towards its mean in training.
    knows_w = True

    def build(self, input_shape=None):
        super().build(input_shape)
        self.alpha = self.add_weight(name="alpha", shape=(), initializer="ones", trainable=False)

    def call(self, ws, noise_mode, noise_seed=None, training=False):
        resolution, is_fading = self.stage
        (*lower, image), features = self.run_blocks(resolution, ws)
        if is_fading:
            image = ops.mix(ops.upsample(lower[-1]), image, self.alpha)
        return [image], features


@keras.utils.register_keras_serializable("msg_stylegan")
class GrowingGenerator(Growing, Generator):
    """`Generator` that grows, see `Growing`. Gives one image."""

    growing_options = (("body", "progan"), ("connect", "all"))

    def make_synthesis(self):
        return GrowingSynthesis(self.options, self.data, name="synthesis")

    def grow_to(self, resolution, is_fading):
        super().grow_to(resolution, is_fading)
        self.synthesis.stage = (self.resolution, self.is_fading)

    @property
    def alpha(self):
        return self.synthesis.alpha


class GrowingDiscriminatorBlock(ProGANDiscriminatorBlock):
    """`ProGANDiscriminatorBlock` of ProGAN itself, which takes an activation instead of an image.

    It comes from the block above or from `start`, because each block is the first one for a while.
    """

    logit_gain = 1.0

    def __init__(self, channels, is_top, **kwargs):
        super().__init__(channels, is_top=True, **kwargs)

    def start(self, image):
        return DiscriminatorBlock.start(self, image)

    def join(self, x, image):
        return x

    def join_and_convolve(self, x, image, kernel):
        return ops.conv2d(x, kernel)


@keras.utils.register_keras_serializable("msg_stylegan")
class GrowingDiscriminator(Growing, Discriminator):
    """`Discriminator` that grows, see `Growing`. With one image there is nothing to combine."""

    growing_options = (("body", "progan"), ("mbstd_blocks", "last"), ("connect", "all"))

    def make_blocks(self, num_outputs):
        alone = dataclasses.replace(self.data, connect="none")
        return make_blocks(GrowingDiscriminatorBlock, self.options, alone, num_outputs)

    def build(self, input_shape=None):
        super().build(input_shape)
        self.alpha = self.add_weight(name="alpha", shape=(), initializer="ones", trainable=False)

    def read(self, images, **modes):
        (image,) = images
        *lower, top = [block for block in self.blocks if block.resolution <= self.resolution]
        x = top(top.start(image), image=None)
        if self.is_fading:
            below = lower[-1]
            x = ops.mix(below.start(ops.downsample(image)), below.enter(x), self.alpha)
        for block in reversed(lower):
            x = block(x, image=None)
        return x
