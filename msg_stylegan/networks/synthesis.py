"""Synthesis network: one block per resolution, each with its own image output.

MSG-GAN (Karnewar & Wang 2020), section 3.1, on StyleGAN's synthesis (Karras et al. 2019).
"""

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import ops
from msg_stylegan.networks.float32 import Float32
from msg_stylegan.networks.layers import (
    NOISE_MODES,
    NONLINEARITY_GAIN,
    Epilogue,
    EqualizedConv2D,
    EqualizedDense,
)
from msg_stylegan.networks.precision import Block
from msg_stylegan.networks.reduced_precision import clamp
from msg_stylegan.networks.variables import variables_but_for
from msg_stylegan.resolutions import channel_counts, connected_scales, scales


class SynthesisBlock(Block, keras.layers.Layer):
    """Two convolutions with epilogues, and the 1x1 convolution to an image.

    The first block starts from a learned constant, or from a dense layer on w; the others start
    with an upsampling convolution, followed by a blur.

    Args:
        resolution: Side of the output, in pixels; 4 for the first block.
        in_channels: Channels of the input activation (ignored by the first block).
        out_channels: Channels of the output activation.
        num_channels: Channels of the image.
        has_torgb: Whether the block gives an image.
        options: `GeneratorOptions`, resolved.

    Call arguments:
        x: Activation `[N, resolution / 2, resolution / 2, in_channels]`; None for the first block.
        w0, w1: `[N, w_dim]`, one for each convolution.
        noise_mode, noise_seed: Which noise, see `Noise`.

    Returns:
        Tuple of the activation `[N, resolution, resolution, out_channels]` and the image
        `[N, resolution, resolution, num_channels]` in float32, or None for it.
    """

    # Whether the convolutions have biases of their own.
    has_biases = False
    # ProGAN counts the 16 pixels of its first convolution, here the dense layer, in the fan-in.
    dense_gain = NONLINEARITY_GAIN / 4.0
    # No nonlinearity follows.
    torgb_gain = 1.0

    def __init__(
        self, resolution, in_channels, out_channels, num_channels, has_torgb, options, **kwargs
    ):
        super().__init__(**kwargs)
        self.resolution = resolution
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.options = options
        self.is_first = resolution == 4
        self.torgb = None
        self.make_layers(num_channels if has_torgb else 0)

    def make_layers(self, num_channels):
        """Makes the layers; `num_channels` is that of the image, 0 for none."""
        self.make_epilogues()
        shared = {"equalized": self.options.equalized_lr}
        convolution = {"use_bias": self.has_biases, **shared}
        if not self.is_first:
            self.conv0 = EqualizedConv2D(
                self.out_channels, 3, resample="up", name="conv0_up", **convolution
            )
        elif not self.options.use_const_input:
            self.dense = EqualizedDense(
                16 * self.out_channels,
                gain=self.dense_gain,
                use_bias=False,
                name="dense",
                **shared,
            )
        self.conv1 = EqualizedConv2D(self.out_channels, 3, name="conv1", **convolution)
        if num_channels:
            self.torgb = EqualizedConv2D(
                num_channels, 1, gain=self.torgb_gain, name="torgb", **shared
            )

    def make_epilogues(self):
        """Makes what follows the convolutions."""
        self.epilogue0, self.epilogue1 = (self.make_epilogue(Epilogue, i) for i in range(2))

    def make_epilogue(self, epilogue_class, number):
        """What follows convolution 0 or 1."""
        # They are numbered from the lowest resolution: 0 and 1 at 4x4, 2 and 3 at 8x8, ...
        index = 2 * self.resolution.bit_length() - 6 + number
        return epilogue_class(self.resolution, index, self.options, name=f"epilogue{number}")

    @property
    def epilogues(self):
        """What follows each convolution."""
        return [self.epilogue0, self.epilogue1]

    @property
    def noise_layers(self):
        """The layers of noise, in the order in which it is added."""
        return [e.noise for e in self.epilogues if e.noise is not None]

    def build(self, input_shape=None):
        out_shape = (None, self.resolution, self.resolution, self.out_channels)
        w_shape = (None, self.options.w_dim)
        if not self.is_first:
            self.conv0.build((None, None, None, self.in_channels))
        elif self.options.use_const_input:
            self.const = self.add_weight(
                name="const", shape=(1, 4, 4, self.out_channels), initializer="ones"
            )
        else:
            self.dense.build(w_shape)
        self.epilogue0.build(out_shape, w_shape)
        self.conv1.build(out_shape)
        self.epilogue1.build(out_shape, w_shape)
        if self.torgb is not None:
            self.torgb.build(out_shape)
        self.built = True

    @property
    def feature_variables(self):
        """Trainable variables but for those of the convolution to an image."""
        return variables_but_for(self, self.torgb)

    def call(self, x, w0, w1, noise_mode, noise_seed=None):
        noise = {"noise_mode": noise_mode, "noise_seed": noise_seed}
        if self.is_first:
            x = self._start(w0)
        else:
            x = ops.blur(self.conv0(self.enter(x)), self.options.blur_filter)
        x = self.epilogue0(x, w0, **noise)
        x = self.epilogue1(self.conv1(x), w1, **noise)
        return x, self.image(x)

    def image(self, x, *w):
        """The image of an activation, in float32; None if the block gives none.

        What the convolution to an image takes besides follows.
        """
        return None if self.torgb is None else tf.cast(clamp(self.torgb(x, *w)), tf.float32)

    def _start(self, w):
        n = tf.shape(w)[0]
        if self.options.use_const_input:
            return tf.tile(self.const, [n, 1, 1, 1])  # [N44C]
        return tf.reshape(self.dense(w), [n, 4, 4, self.out_channels])  # [N44C]


class SynthesisNetwork(Float32, keras.layers.Layer):
    """Blocks from 4x4 to the full resolution; those of the connected scales give an image.

    Args:
        options: `GeneratorOptions`, resolved.
        data: `Interface`.

    Call arguments:
        ws: `[N, num_ws, w_dim]`, one w per convolution.
        noise_mode, noise_seed: Which noise, see `Noise`.

    Attributes:
        resolutions: Sides of the images, low to high.
        num_ws: Number of w vectors per sample.

        training: Whether this pass belongs to a training step.
        with_features: Whether to return the activations, too.

    Returns:
        List of images `[N, r, r, num_channels]`, low to high resolution. The range of the training
        images is [-1, 1]; the output is not clipped. With features: a tuple of that list and the
        list of the activations `[N, r, r, channels]` of all blocks, low to high.
    """

    block_class = SynthesisBlock
    # Whether what enters is a w even without mapping layers.
    knows_w = True

    def __init__(self, options, data, **kwargs):
        super().__init__(**kwargs)
        self.options = options
        self.resolution = data.resolution
        self.resolutions = connected_scales(data.connect, data.resolution)
        self.blocks = self.make_blocks(data.num_channels)

    def make_blocks(self, num_channels):
        """The blocks, low to high resolution, for images of so many channels."""
        sides = scales(self.resolution)
        widths = channel_counts(len(sides), self.options)
        return [
            self.block_class(
                res,
                in_channels=widths[level - 1],
                out_channels=widths[level],
                num_channels=num_channels,
                has_torgb=res in self.resolutions,
                options=self.options,
                name=f"block_{res}x{res}",
            )
            for level, res in enumerate(sides, start=1)
        ]

    @property
    def num_ws(self):
        # Without styles only the first layer can look at w.
        return 2 * len(self.blocks) if self.options.use_styles else 1

    def build(self, input_shape=None):
        for block in self.blocks:
            block.build()
        self.built = True

    def ws_of_block(self, index):
        """Numbers of the ws that a block takes, in the order of its arguments."""
        return 2 * index, 2 * index + 1

    @property
    def noise_layers(self):
        """The layers of noise, from the lowest resolution."""
        return [layer for block in self.blocks for layer in block.noise_layers]

    def kernels_of_w(self):
        """For each of the ws the kernels by which it is multiplied, each `[w_dim, outputs]`.

        Empty if no layer looks at w.
        """
        if self.options.use_styles:
            epilogues = [epilogue for block in self.blocks for epilogue in block.epilogues]
            return [[epilogue.style.scaled_kernel()] for epilogue in epilogues]
        if self.options.use_const_input:
            return []
        return [[self.blocks[0].dense.scaled_kernel()]]

    def feature_variables(self, resolution):
        """Trainable variables of the blocks up to a resolution, but for what makes images."""
        blocks = [block for block in self.blocks if block.resolution <= resolution]
        return [variable for block in blocks for variable in block.feature_variables]

    def __call__(
        self, ws, noise_mode="random", noise_seed=None, training=False, with_features=False
    ):
        if noise_mode not in NOISE_MODES:
            raise ValueError(
                f"Expected `noise_mode` to be one of {NOISE_MODES}. Received: {noise_mode!r}"
            )
        if not self.built:
            self.build()
        ws = tf.cast(tf.convert_to_tensor(ws), tf.float32)
        if ws.shape.rank != 3 or tuple(ws.shape[1:]) != (self.num_ws, self.options.w_dim):
            raise ValueError(
                f"Expected `ws` of shape [N, {self.num_ws}, {self.options.w_dim}]. "
                f"Received: shape={ws.shape}"
            )
        images, features = super().__call__(
            ws, noise_mode=noise_mode, noise_seed=noise_seed, training=training
        )
        return (images, features) if with_features else images

    def call(self, ws, noise_mode, noise_seed=None, training=False):
        per_layer = tf.unstack(ws, axis=1)  # num_ws times [N, w_dim]
        if self.num_ws == 1:
            per_layer = per_layer * (2 * len(self.blocks))
        x, images, features = ws, [], []
        for index, block in enumerate(self.blocks):
            own = [per_layer[number] for number in self.ws_of_block(index)]
            x, image = block(x, *own, noise_mode=noise_mode, noise_seed=noise_seed)
            images.append(image)
            features.append(tf.cast(x, tf.float32))
        return [image for image in images if image is not None], features
