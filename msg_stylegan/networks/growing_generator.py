"""Generator that grows: ProGAN's, which gives one image, of the resolution reached so far.

Karras et al. 2018 (ProGAN), section 2 and table 2; the generator of PGGAN-PyTorch.
"""

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import ops
from msg_stylegan.networks.generator import Generator
from msg_stylegan.networks.growing_blend import check_stage, lerp, upsample
from msg_stylegan.networks.progan_synthesis import ProGANBlock, ProGANSynthesis


class GrowingBlock(ProGANBlock):
    """`ProGANBlock` with ProGAN's own first layer and image: gains as there, two pixel norms.

    Call arguments:
        x: As for `ProGANBlock`.

    Returns:
        The activation `[N, resolution, resolution, out_channels]`; `torgb` makes it an image.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # No nonlinearity follows.
        self.torgb.gain = 1.0
        if self.is_first:
            # ProGAN counts the 16 pixels of the 4x4 convolution to the fan-in.
            self.dense.gain /= 4.0

    def call(self, x):
        if self.is_first:
            x = tf.reshape(self.dense(x), [-1, 4, 4, self.out_channels])  # [N44C]
            x = tf.nn.bias_add(x, tf.convert_to_tensor(self.bias))
        else:
            x = self.conv0(x)
        x = ops.pixel_norm(self.activate(x))
        return ops.pixel_norm(self.activate(self.conv1(x)))


class GrowingSynthesis(ProGANSynthesis):
    """Blocks up to the resolution of the stage; the last one, or the last two mixed, give an image.

    Attributes:
        alpha: Weight of the last block's image while it fades in, from 0 to 1. A variable, so that
            one compiled function serves a whole stage.
        stage: Tuple `(resolution, is_fading)`, see `GrowingGenerator.grow_to`.
    """

    block_class = GrowingBlock

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.stage = (self.resolution, False)

    def build(self, input_shape=None):
        super().build(input_shape)
        self.alpha = self.add_weight(name="alpha", shape=(), initializer="ones", trainable=False)

    def call(self, ws, noise_mode, noise_seed=None):
        resolution, is_fading = self.stage
        *lower, last = [block for block in self.blocks if block.resolution <= resolution]
        x = ws[:, 0]
        for block in lower:
            x = block(x)
        image = last.torgb(last(x))
        if is_fading:
            image = lerp(upsample(lower[-1].torgb(x)), image, self.alpha)
        return [image]


@keras.utils.register_keras_serializable("msg_stylegan")
class GrowingGenerator(Generator):
    """`Generator` of ProGAN's networks that gives one image, of the resolution reached so far.

    All levels have their weights from the start; those above the stage are not used. `resolution`
    and `resolutions` are those of the stage, so whoever draws images needs to know nothing.

    Args:
        options: `GeneratorOptions` with `body="progan"`.
        data: `Interface` of the end of the growth, with all scales connected.
        stage_resolution: Side of the images of the stage; 0 for the full one.
        is_fading: Whether the highest level of the stage is still being faded in.

    Raises:
        ValueError: Other values of `synthesis` and `connect`, or no such stage.
    """

    def __init__(self, options, data, stage_resolution=0, is_fading=False, **kwargs):
        if (options.body, data.connect) != ("progan", "all"):
            raise ValueError(
                "A growing generator has body='progan' and connect='all'. Received: "
                f"body={options.body!r}, connect={data.connect!r}"
            )
        super().__init__(options, data, **kwargs)
        self.grow_to(stage_resolution or self.full_resolution, is_fading)

    def make_synthesis(self):
        return GrowingSynthesis(self.options, self.data, name="synthesis")

    @property
    def full_resolution(self):
        """Side of the images at the end of the growth."""
        return self.data.resolution

    @property
    def resolutions(self):
        return [self.resolution]

    def grow_to(self, resolution, is_fading):
        """Moves to a stage. A compiled function stays at the stage in which it was traced.

        Args:
            resolution: Side of the images, a power of two from 4 to `full_resolution`.
            is_fading: Whether the image is mixed with that of the level below, by `alpha`.
        """
        check_stage(resolution, is_fading, self.full_resolution)
        self.resolution = resolution
        self.synthesis.stage = (resolution, bool(is_fading))

    @property
    def alpha(self):
        """The variable of the fade."""
        return self.synthesis.alpha

    def get_config(self):
        resolution, is_fading = self.synthesis.stage
        return {
            **super().get_config(),
            "stage_resolution": resolution,
            "is_fading": is_fading,
        }
