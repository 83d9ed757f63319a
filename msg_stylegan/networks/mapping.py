"""Mapping network: latent z and labels to the intermediate latent w (StyleGAN, section 2)."""

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import ops
from msg_stylegan.networks.float32 import Float32
from msg_stylegan.networks.layers import EqualizedDense


class MappingNetwork(Float32, keras.layers.Layer):
    """Fully connected network from z (and labels) to w.

    Args:
        options: `GeneratorOptions`, resolved. Without mapping layers w is the (normalised) input.
        label_size: Size of the label vectors; 0 for an unconditional network.

    Call arguments:
        z: `[N, z_dim]`, standard normal; a tensor or a NumPy array.
        labels: `[N, label_size]`, or None when `label_size` is 0.

    Returns:
        w, `[N, w_dim]`.
    """

    def __init__(self, options, label_size, **kwargs):
        super().__init__(**kwargs)
        self.z_dim = options.z_dim
        self.label_size = label_size
        self.normalize_z = options.normalize_z
        self.activate = ops.nonlinearity(options.mapping_nonlinearity)
        last = options.mapping_layers - 1
        self.dense_layers = [
            EqualizedDense(
                options.w_dim if index == last else options.mapping_width,
                lr_multiplier=options.mapping_lr_multiplier,
                equalized=options.equalized_lr,
                name=f"dense{index}",
            )
            for index in range(options.mapping_layers)
        ]

    def build(self, input_shape=None):
        size = self.z_dim
        if self.label_size:
            # Unscaled on purpose: the label vector becomes as long as z and is normalised with it.
            self.label_kernel = self.add_weight(
                name="label_kernel",
                shape=(self.label_size, self.z_dim),
                initializer=keras.initializers.RandomNormal(0.0, 1.0),
            )
            size = 2 * self.z_dim
        for layer in self.dense_layers:
            layer.build((None, size))
            size = layer.units
        self.built = True

    def __call__(self, z, labels=None):
        if not self.built:
            self.build()
        z = as_matrix("z", z, self.z_dim)
        return super().__call__(z, labels=as_labels(labels, self.label_size, z))

    def call(self, z, labels=None):
        x = z
        if self.label_size:
            x = tf.concat([z, tf.matmul(labels, self.label_kernel)], axis=-1)
        if self.normalize_z:
            x = ops.pixel_norm(x)
        for layer in self.dense_layers:
            x = self.activate(layer(x))
        return x


def as_matrix(name, value, size):
    """Converts `value` to a float32 tensor `[N, size]`.

    Raises:
        ValueError: The shape is another one. The message names the argument.
    """
    value = tf.cast(tf.convert_to_tensor(value), tf.float32)
    if value.shape.rank != 2 or value.shape[1] not in (None, size):
        raise ValueError(f"Expected `{name}` of shape [N, {size}]. Received: shape={value.shape}")
    return value


def as_labels(labels, label_size, batch):
    """Converts labels to a float32 tensor `[N, label_size]`, or to None for unconditional networks.

    Args:
        labels: Array, tensor or None.
        label_size: What the network was made for.
        batch: The tensor whose first axis the labels must match.

    Raises:
        ValueError: Labels are missing, or have the wrong shape.
    """
    if label_size == 0:
        shape = (0,) if labels is None else tuple(tf.convert_to_tensor(labels).shape)
        if shape[-1:] != (0,):
            raise ValueError(
                "Expected `labels=None`, because the network is unconditional. "
                f"Received: shape={shape}"
            )
        return None
    if labels is None:
        raise ValueError(f"Expected `labels` of shape [N, {label_size}]. Received: labels=None")
    labels = as_matrix("labels", labels, label_size)
    if None not in (labels.shape[0], batch.shape[0]) and labels.shape[0] != batch.shape[0]:
        raise ValueError(
            f"Expected one label per sample ({batch.shape[0]}). Received: {labels.shape[0]} labels"
        )
    return labels
