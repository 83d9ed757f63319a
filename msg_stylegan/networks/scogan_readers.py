"""Blocks of Soft-CoGAN's discriminators and of its encoder, for `PyramidReader`."""

from msg_stylegan.networks.scogan_layers import (
    NORMS,
    Chain,
    Dropout,
    Layers,
    flatten,
    leaky_relu,
    max_pool,
    prelu,
)

# Channels, side of the kernel and dropout of convolutions, each of which halves the size: of the
# first ones, and by the side of the images.
_FIRST = ((32, 5, 0.0), (64, 5, 0.0), (128, 5, 0.1))
_CONVOLUTIONS = {
    128: (*_FIRST, (256, 3, 0.3), (512, 3, 0.3), (1024, 3, 0.5)),
    256: (*_FIRST, (256, 5, 0.3), (512, 5, 0.3), (1024, 5, 0.5)),
}


def discriminator_blocks(options, data, num_outputs):
    """Blocks of the discriminator, low to high resolution.

    The one of 32x32 is the original's `digit` and `digit_noshare`, that of 128x128 its `face` and
    `face_noshare`: they differ in the variables that two domains share, and `face_noshare` has
    `norm="layer"`. CoGAN shares the `feature_variables` of 16 at 32x32, and at larger sizes those
    of a quarter of the size: all but the first one or two convolutions.

    Differs from the original: no dropout but in training. The shared layers of its CoGAN had it
    always.

    Args:
        options: `DiscriminatorOptions`, resolved.
        data: `Interface`.
        num_outputs: Outputs per sample.
    """
    layers = Layers(options.weight_init)
    if data.resolution == 32:
        stages = [[layers.conv(channels, 5), max_pool()] for channels in (20, 50)]
        last = [layers.dense(500), prelu(), Dropout(0.5)]
    else:
        norm = NORMS[options.norm]
        stages = [
            [layers.conv(channels, kernel_size, 2), norm(), prelu(), *_dropout(rate)]
            for channels, kernel_size, rate in _CONVOLUTIONS[data.resolution]
        ]
        last = [layers.dense(2048), norm(), prelu(), Dropout(0.5)]
    return _chained(stages, [*last, layers.dense(num_outputs)], data)


def encoder_blocks(options, data, num_outputs):
    """Blocks of the encoder, low to high resolution; otherwise as `discriminator_blocks`.

    The initial weights are Keras' own, whatever `options.weight_init` is, as in the original.
    """
    layers = Layers("xavier", bias_init=0.0)
    stages = [
        [layers.conv(channels, 3, strides), leaky_relu(0.2)]
        for channels, strides in ((64, 1), (128, 2), (128, 2), (256, 2))
    ]
    return _chained(stages, [Dropout(0.4), layers.dense(num_outputs)], data)


def _dropout(rate):
    return [Dropout(rate)] if rate else []


def _chained(stages, last, data):
    """Blocks from the full resolution down, and one of dense layers; low to high resolution."""
    shape = (data.resolution, data.resolution, data.num_channels)
    blocks = []
    for index, stage in enumerate([*stages, [flatten(), *last]]):
        name = f"conv{index}" if index < len(stages) else "dense"
        blocks.append(Chain(stage, shape, shape[0], reads_images=index == 0, name=name))
        shape = blocks[-1].shapes()[-1][1:]
    return blocks[::-1]
