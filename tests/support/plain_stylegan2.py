"""StyleGAN2's networks in multi-scale form, stated plainly: a kernel per sample, nothing merged."""

import math

import tensorflow as tf

SQRT2 = math.sqrt(2.0)


def convolve(x, kernel):
    return tf.nn.conv2d(x, kernel, strides=1, padding="SAME")


def convolve_by_sample(x, kernel, style, demodulates):
    """Each sample by the kernel that its style, `[N, C]`, makes of `[k, k, C, F]`."""
    results = []
    for n in range(x.shape[0]):
        own = kernel * style[n][None, None, :, None]
        if demodulates:
            own /= tf.sqrt(tf.reduce_sum(own**2, axis=[0, 1, 2]) + 1e-8)
        results.append(convolve(x[n : n + 1], own))
    return tf.concat(results, axis=0)


def nearest(x):
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)


def blurred(x):
    taps = tf.constant([1.0, 2.0, 1.0]) / 4.0
    channels = [convolve(x[..., i : i + 1], _outer(taps)) for i in range(x.shape[-1])]
    return tf.concat(channels, axis=-1)


def _outer(taps):
    return (taps[:, None] * taps)[:, :, None, None]


def halved(x):
    return tf.nn.avg_pool2d(x, 2, 2, "VALID")


def lrelu(x):
    return tf.maximum(x, 0.2 * x) * SQRT2


def style_of(layer, w):
    dense = layer.style
    return tf.matmul(w, dense.kernel / math.sqrt(w.shape[1])) + dense.bias + 1.0


def styled(x, conv, epilogue, w, is_up):
    y = convolve_by_sample(nearest(x) if is_up else x, conv.kernel, style_of(conv, w), True)
    y = blurred(y) if is_up else y
    return lrelu(y + epilogue.noise.strength * epilogue.noise.const + epilogue.bias)


def plain_synthesis(synthesis, ws):
    """Images of all scales with the stored noise."""
    images = []
    for index, block in enumerate(synthesis.blocks):
        if index == 0:
            x = tf.tile(block.const, [ws.shape[0], 1, 1, 1])
        else:
            x = styled(x, block.conv0, block.epilogue0, ws[:, 2 * index - 1], is_up=True)
        x = styled(x, block.conv1, block.epilogue1, ws[:, 2 * index], is_up=False)
        kernel = block.torgb.kernel / math.sqrt(x.shape[-1])
        style = style_of(block.torgb, ws[:, 2 * index + 1])
        images.append(convolve_by_sample(x, kernel, style, False) + block.torgb.bias)
    return images


def _scaled(layer):
    """The kernel for a nonlinearity whose gain is its own."""
    return layer.kernel / math.sqrt(math.prod(layer.kernel.shape[:-1]))


def _dense(layer, x):
    return tf.matmul(x, _scaled(layer)) + layer.bias / SQRT2


def plain_discriminator(D, images):
    """Logits by the combine function cat_lin, without labels and minibatch stddev."""
    images = list(images)
    for block in reversed(D.blocks):
        image = images.pop()
        if block.is_top:
            x = lrelu(convolve(image, _scaled(block.fromrgb)) + block.fromrgb.bias / SQRT2)
        else:
            kernel = SQRT2 * _scaled(block.combine)
            x = convolve(tf.concat([x, image], axis=-1), kernel)
        y = lrelu(convolve(x, _scaled(block.conv0)) + block.conv0.bias / SQRT2)
        if block.is_last:
            y = tf.reshape(y, [y.shape[0], -1])
            return tf.matmul(lrelu(_dense(block.dense0, y)), _scaled(block.dense1)) + (
                block.dense1.bias
            )
        # The block has a gain of 1, as this nonlinearity times that of the branch.
        y = halved(convolve(blurred(y), _scaled(block.conv1))) + block.conv1.bias
        bypass = halved(convolve(blurred(x), _scaled(block.skip)))
        x = (lrelu(y) + bypass) * math.sqrt(0.5)
