"""What activations of 16 bits need: a bound, and sums in float32."""

import tensorflow as tf

# Even so large activations do not overflow in a convolution.
_LARGEST = 256.0


def is_reduced(x):
    """Whether a tensor is of 16 bits."""
    return x.dtype in (tf.bfloat16, tf.float16)


def widen(x):
    """A tensor of 16 bits in float32, any other one as it is."""
    return tf.cast(x, tf.float32) if is_reduced(x) else x


def clamp(x):
    """Cuts off what is larger than any sound activation, if the type is of 16 bits.

    Source:
        Karras et al. 2020 (ADA): `conv_clamp`, which float16 needs.
    """

    # In one step, and with a gradient that needs neither bound.
    @tf.custom_gradient
    def cut(x):
        def gradient(dy):
            return tf.where(tf.abs(x) < _LARGEST, dy, tf.zeros_like(dy))

        return tf.clip_by_value(x, -_LARGEST, _LARGEST), gradient

    return cut(x) if is_reduced(x) else x


def add_products(operation, x, kernel):
    """`operation(x, kernel)`, which is linear in both, with sums in float32.

    Accelerators add products of 16 bits in float32. On a CPU TensorFlow rounds partial sums to 16
    bits, which makes an error of some percent in gradients; where depends on the processor.
    """
    kernel = tf.cast(kernel, x.dtype)
    if x.dtype != tf.bfloat16 or has_accelerator():
        return operation(x, kernel)

    def in_float32(x, kernel):
        y = operation(tf.cast(x, tf.float32), tf.cast(kernel, tf.float32))
        return tf.cast(y, x.dtype)

    # The gradient casts again, or float32 copies of all activations would be kept for it.
    @tf.custom_gradient
    def apply(x, kernel):
        def gradient(dy):
            with tf.GradientTape() as tape:
                tape.watch((x, kernel))
                y = in_float32(x, kernel)
            return tape.gradient(y, (x, kernel), dy)

        return in_float32(x, kernel), gradient

    return apply(x, kernel)


def has_accelerator():
    """Whether TensorFlow sees more than CPUs."""
    return any(device.device_type != "CPU" for device in tf.config.list_logical_devices())
