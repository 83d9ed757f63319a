"""Layers of Soft-CoGAN's networks, and chains of them.

Norms and dropout are our own. The batch norm of Keras 2 takes another variance than that of Keras 3
for its average, and neither says what several replicas do to it that works in both. Dropout of
Keras has a state; here it is a pure function of a seed, so that a resumed run repeats it.

Differs from the original: its weight decay, which reached no loss, is left out.
"""

import dataclasses

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks.float32 import Float32
from msg_stylegan.networks.variables import MEAN_OF_REPLICAS

# Those of Keras.
_MOMENTUM = 0.99
_EPSILON = 1e-3
_PRELU_INIT = 0.25
# What layers of Keras are told so that a program with other defaults changes nothing.
_PLAIN = {"dtype": "float32"}
_MAPS = {"data_format": "channels_last"}


class Norm(Float32, keras.layers.Layer):
    """Base of the norms: scales and shifts every channel afterwards.

    Input and output shape: `[N, ..., C]`.
    """

    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")
        self.built = True

    def compute_output_shape(self, input_shape):
        return input_shape

    def normalize(self, x, mean, variance):
        beta, gamma = tf.convert_to_tensor(self.beta), tf.convert_to_tensor(self.gamma)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, _EPSILON)


class BatchNorm(Norm):
    """Batch norm: every channel has mean 0 and variance 1 over the batch.

    In training the batch is that of the replica, and its moments move the running ones, which
    replicas average. Otherwise the running ones stand for the moments.

    Source:
        Ioffe and Szegedy 2015.
    """

    def build(self, input_shape):
        super().build(input_shape)
        shared = {"shape": (input_shape[-1],), "trainable": False, "aggregation": MEAN_OF_REPLICAS}
        self.mean = self.add_weight(name="mean", initializer="zeros", **shared)
        self.variance = self.add_weight(name="variance", initializer="ones", **shared)

    def call(self, x, training):
        if not training:
            running = (tf.convert_to_tensor(self.mean), tf.convert_to_tensor(self.variance))
            return self.normalize(x, *running)
        moments = tf.nn.moments(x, axes=list(range(x.shape.rank - 1)))  # [C] [C]
        for average, moment in zip((self.mean, self.variance), moments, strict=True):
            moment = tf.stop_gradient(moment)
            average.assign(moment + (average - moment) * _MOMENTUM)
        return self.normalize(x, *moments)


class LayerNorm(Norm):
    """Layer norm: every pixel has mean 0 and variance 1 over its channels (Ba et al. 2016)."""

    def call(self, x):
        return self.normalize(x, *tf.nn.moments(x, axes=[-1], keepdims=True))


NORMS = {"batch": BatchNorm, "layer": LayerNorm}


class Dropout(Float32, keras.layers.Layer):
    """Sets a share `rate` of the values to zero and scales the others up; None keeps all.

    Call arguments:
        x: Tensor of any shape.
        seed: Stateless seed `[2]`, or None.
    """

    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate

    def compute_output_shape(self, input_shape):
        return input_shape

    def call(self, x, seed=None):
        if seed is None:
            return x
        kept = tf.random.stateless_uniform(tf.shape(x), seed) >= self.rate
        return tf.where(kept, x / (1.0 - self.rate), 0.0)


@dataclasses.dataclass(frozen=True)
class Layers:
    """Makes layers with the initial weights of a network, padded to keep the size.

    Attributes:
        weight_init: Value of the option of this name.
        bias_init: First value of all biases.
    """

    weight_init: str
    bias_init: float = 0.1

    def dense(self, units):
        return keras.layers.Dense(units, **self._shared())

    def conv(self, filters, kernel_size, strides=1):
        return keras.layers.Conv2D(filters, kernel_size, strides, "same", **_MAPS, **self._shared())

    def conv_transpose(self, filters, kernel_size, strides=2, activation=None):
        return keras.layers.Conv2DTranspose(
            filters, kernel_size, strides, "same", activation=activation, **_MAPS, **self._shared()
        )

    def _shared(self):
        # New initializer objects per layer: a reused one repeats its numbers.
        kernel = {
            "normal": lambda: keras.initializers.RandomNormal(0.0, 0.02),
            "xavier": keras.initializers.GlorotUniform,
            "he": keras.initializers.HeNormal,
        }[self.weight_init]()
        bias = keras.initializers.Constant(self.bias_init)
        return {"kernel_initializer": kernel, "bias_initializer": bias, **_PLAIN}


def prelu():
    """Leaky ReLU whose slope is learned, one for every channel of every pixel (He et al. 2015)."""
    slope = keras.initializers.Constant(_PRELU_INIT)
    return keras.layers.PReLU(alpha_initializer=slope, **_PLAIN)


def leaky_relu(slope):
    return keras.layers.ReLU(negative_slope=slope, **_PLAIN)


def max_pool():
    """Maxima of 2x2 pixels."""
    return keras.layers.MaxPooling2D(**_MAPS, **_PLAIN)


def flatten():
    """`[N, H, W, C]` -> `[N, H * W * C]`."""
    return keras.layers.Flatten(**_MAPS, **_PLAIN)


def to_maps(side, channels):
    """`[N, side * side * channels]` -> `[N, side, side, channels]`."""
    return keras.layers.Reshape((side, side, channels), **_PLAIN)


class Chain(Float32, keras.layers.Layer):
    """Layers one after the other: a block of Soft-CoGAN's networks.

    Args:
        layers: List of layers.
        input_shape: Shape that the first of them gets, without the batch axis.
        resolution: Side that says how deep in the network the block is: that of the output in the
            generator, that of the input elsewhere.
        reads_images: Whether what comes in is an image, not an activation.

    Call arguments:
        x: `[N, *input_shape]`.
        training: Whether batch norms use and move their averages as in training.
        dropout_seed: Stateless seed `[2]` of the dropout in training. None for none.
    """

    def __init__(self, layers, input_shape, resolution, reads_images=False, **kwargs):
        super().__init__(**kwargs)
        self.chain = layers
        self.chain_input_shape = tuple(input_shape)
        self.resolution = resolution
        self.reads_images = reads_images

    def build(self, input_shape=None):
        for layer, shape in zip(self.chain, self.shapes(), strict=False):
            layer.build(shape)
        self.built = True

    def shapes(self):
        """Shapes before, between and after the layers, with None for the batch axis."""
        shapes = [(None, *self.chain_input_shape)]
        for layer in self.chain:
            shapes.append(tuple(layer.compute_output_shape(shapes[-1])))
        return shapes

    @property
    def feature_variables(self):
        """Trainable variables, but for a block that reads images."""
        return [] if self.reads_images else self.trainable_variables

    def call(self, x, training=False, dropout_seed=None):
        for index, layer in enumerate(self.chain):
            if isinstance(layer, BatchNorm):
                x = layer(x, training=training)
            elif isinstance(layer, Dropout):
                x = layer(x, seed=self.seed_of(index, dropout_seed) if training else None)
            else:
                x = layer(x)
        return x

    def seed_of(self, index, seed):
        """Seed of the dropout of a layer: those of one network differ in side or number."""
        if seed is None:
            return None
        seed = tf.random.experimental.stateless_fold_in(seed, self.resolution)
        return tf.random.experimental.stateless_fold_in(seed, index)
