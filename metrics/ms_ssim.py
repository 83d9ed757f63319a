"""Multi-scale structural similarity (Wang et al. 2003) between fakes: how alike they are.

As in the PGGAN (Karras et al. 2018), section 5: the mean over pairs of images that follow each
other (first and second, third and fourth). "msssim10k" compares 10k pairs, thus 20k images. The
lower, the more diverse; the value of the real images is the best one, and says how diverse they
are. `tf.image.ssim_multiscale` is another definition and refuses images below 176 pixels.
"""

import functools
import math

import numpy as np

from metrics.metric import (
    SUITABLE_IMAGES,
    Family,
    Metric,
    checked_batches,
    format_count,
    parse_count,
)

# From the finest scale to the coarsest.
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

_WINDOW_SIZE = 11
_WINDOW_SIGMA = 1.5
_MAX_VALUE = 255.0
_C1 = (0.01 * _MAX_VALUE) ** 2
_C2 = (0.03 * _MAX_VALUE) ** 2

# Grey that is subtracted where it does not matter: smaller squares lose fewer digits in float32.
_GREY = 127.5

# Mean similarity from which on all pairs are equal but for rounding.
_EQUAL = 1.0 - 1e-6

# Bound of the working memory, in numbers per set of images that is compared at a time.
_NUMBERS_AT_A_TIME = 2**23


def ms_ssim(a, b):
    """Similarity of each image to its partner.

    Args:
        a: uint8 or float `[N, H, W, C]`, range [0, 255], H and W multiples of 16.
        b: The same; image i belongs to image i of `a`.

    Returns:
        float32 `[N]` in [0, 1]; 1 for equal images.

    Raises:
        ValueError: Different shapes, or sizes that cannot be halved 4 times.
    """
    import tensorflow as tf

    _check_sizes(a, b)
    a, b = tf.cast(a, tf.float32) - _GREY, tf.cast(b, tf.float32) - _GREY
    result = 1.0
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            a, b = tf.nn.avg_pool2d(a, 2, 2, "VALID"), tf.nn.avg_pool2d(b, 2, 2, "VALID")
        value = tf.reduce_mean(_ssim_map(a, b, scale), axis=(1, 2, 3))
        # A negative similarity counts as none.
        result *= tf.maximum(value, 0.0) ** weight
    return result


def large_ms_ssim(a, b):
    """`ms_ssim` in strips of the images, one after another: the same but for the last digits.

    Args:
        a: uint8 `[N, H, W, C]`, H and W multiples of 16.
        b: The same.

    Returns:
        float64 `[N]`. Beside the images, the memory of half of two of them in float32 is needed.
    """
    _check_sizes(a, b)
    results = []
    for x, y in zip(a, b, strict=True):
        result = 1.0
        for scale, weight in enumerate(WEIGHTS):
            if scale:
                x, y = _halved(x), _halved(y)
            result *= max(_mean_of_strips(x, y, scale), 0.0) ** weight
        results.append(result)
    return np.array(results)


def mean_ms_ssim(batches, num_pairs, report=lambda count: None):
    """Mean similarity of consecutive images.

    Args:
        batches: Iterator of uint8 `[n, r, r, C]`, r a multiple of 16. The result does not depend
            on how the images are cut into batches.
        num_pairs: Half the number of images that `batches` brings.
        report: Called with numbers of images.

    Returns:
        The mean, a float in [0, 1].

    Raises:
        ValueError: Images of the wrong type, size or number.
    """
    compare = None
    values = []
    rest = None
    for batch in checked_batches(batches, 2 * num_pairs):
        if compare is None:
            compare = _comparison(batch.shape[1:])
            step = 2 * max(1, _NUMBERS_AT_A_TIME // math.prod(batch.shape[1:]))
        images = batch if rest is None else np.concatenate([rest, batch])
        whole = len(images) - len(images) % 2
        rest = images[whole:]
        for some in (images[start : min(start + step, whole)] for start in range(0, whole, step)):
            values.append(np.asarray(compare(some[0::2], some[1::2])))
        report(len(batch))
    return float(np.mean(np.concatenate(values), dtype=np.float64))


def _check_sizes(a, b):
    step = 2 ** (len(WEIGHTS) - 1)
    if a.shape[1:] != b.shape[1:] or a.shape[1] % step or a.shape[2] % step:
        sizes = " and ".join(str(list(size)) for size in dict.fromkeys((a.shape[1:], b.shape[1:])))
        raise ValueError(
            f"MS-SSIM needs images of one size, a multiple of {step}. Received {sizes}. "
            f"{SUITABLE_IMAGES}"
        )


def _comparison(shape):
    """`ms_ssim` for images of a shape, compiled, or by strips if they are large."""
    import tensorflow as tf

    if math.prod(shape) > _NUMBERS_AT_A_TIME:
        return large_ms_ssim
    images = tf.TensorSpec([None, *shape], tf.uint8)
    return tf.function(ms_ssim, input_signature=[images, images], autograph=False)


def _mean_of_strips(a, b, scale):
    """Mean over all windows of two images `[H, W, C]`."""
    import tensorflow as tf

    margin = min(_WINDOW_SIZE, *a.shape[:2]) - 1
    num_rows = len(a) - margin
    step = max(1, _NUMBERS_AT_A_TIME // math.prod(a.shape[1:]))
    total = 0.0
    for top in range(0, num_rows, step):
        bottom = min(top + step, num_rows) + margin
        strips = (tf.cast(x[top:bottom], tf.float32)[tf.newaxis] - _GREY for x in (a, b))
        total += float(tf.reduce_sum(_ssim_map(*strips, scale)))
    return total / (num_rows * (a.shape[1] - margin) * a.shape[2])


def _halved(image):
    """Means of 2x2 pixels, float32 `[H/2, W/2, C]`."""
    height, width, channels = image.shape
    result = np.empty((height // 2, width // 2, channels), np.float32)
    for row in range(height // 2):
        rows = image[2 * row : 2 * row + 2].astype(np.float32)
        result[row] = rows.reshape(2, width // 2, 2, channels).mean(axis=(0, 2))
    return result


def _ssim_map(a, b, scale):
    """What counts at a scale, per window, of images from which grey is taken."""
    mean_a, mean_b = _blur(a), _blur(b)
    covariance = _blur(a * b) - mean_a * mean_b
    variances = _blur(a * a + b * b) - mean_a * mean_a - mean_b * mean_b
    structure = (2.0 * covariance + _C2) / (variances + _C2)
    if scale < len(WEIGHTS) - 1:
        return structure
    mean_a, mean_b = mean_a + _GREY, mean_b + _GREY
    luminance = (2.0 * mean_a * mean_b + _C1) / (mean_a * mean_a + mean_b * mean_b + _C1)
    return luminance * structure


def _blur(images):
    """Gaussian window, which shrinks with its standard deviation for images that are smaller."""
    import tensorflow as tf

    channels = images.shape[3]
    size = min(_WINDOW_SIZE, images.shape[1], images.shape[2])
    positions = np.arange(size) - (size - 1) / 2
    window = np.exp(-0.5 * (positions / (_WINDOW_SIGMA * size / _WINDOW_SIZE)) ** 2)
    window = np.tile((window / window.sum())[:, None, None, None], (1, 1, channels, 1))
    window = tf.constant(window, tf.float32)  # [K1C1]
    images = tf.nn.depthwise_conv2d(images, window, [1, 1, 1, 1], "VALID")
    window = tf.transpose(window, (1, 0, 2, 3))
    return tf.nn.depthwise_conv2d(images, window, [1, 1, 1, 1], "VALID")


def _compute(name, num_images, inputs):
    num_pairs = inputs.count_fakes(name, num_images, at_least=2) // 2
    with inputs.progress(total=2 * num_pairs, desc=f"{name}: fakes", unit="img") as bar:
        value = mean_ms_ssim(inputs.fakes(2 * num_pairs), num_pairs, bar.update)
    if value > _EQUAL:
        inputs.notice(f"{name}: both images of every pair are alike. The fakes are copies of one.")
    return {name: value}


def _make(match, options):
    # The name counts pairs, the option images.
    num_pairs = options.num_images // 2 if options.num_images else parse_count(match[1])
    if num_pairs < 1 and (match[1] or options.num_images):
        raise ValueError(f"{match[0]} needs at least 1 pair. Received {num_pairs}.")
    name = f"msssim{format_count(num_pairs)}"
    return Metric(
        name=name,
        headline=name,
        # Generators fail towards too little diversity, hardly ever towards too much.
        lower_is_better=True,
        compute=functools.partial(_compute, name, 2 * num_pairs),
        squares=("fakes",),
    )


FAMILY = Family(pattern="msssim([0-9]+k?)?", examples=("msssim10k", "msssim"), make=_make)
