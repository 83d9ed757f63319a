"""The classifier of Soft-CoGAN (its `mnist_classifier` and `celeba_classifier`), for any side."""

import json

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.classifier.fitted_images import fit_images
from msg_stylegan.networks.float32 import Float32

# Kind of label -> activation of the output.
KINDS = {"classes": "softmax", "attributes": "sigmoid"}
# Two convolutions without padding and a maximum of 2x2 leave nothing of smaller images.
MIN_RESOLUTION = 8

# Keras' own default when the original was written.
_SLOPE = 0.3


@keras.utils.register_keras_serializable("msg_stylegan")
class Classifier(Float32, keras.Model):
    """Says of images how likely each class or attribute is.

    Two convolutions of 32 and 64 channels (3x3, no padding), a maximum of 2x2, a layer of 128, and
    the output; leaky ReLUs of slope 0.3 between them, dropout of 0.25 and 0.5 before the last two.

    Attributes:
        resolution: Side of the images that it was made for.
        num_channels: Their channels, 1 or 3.
        num_classes: Length of the output: classes or attributes.
        kind: "classes", of which an image has one: the probabilities add up to 1; or "attributes",
            of which it has any number.
        info: Dictionary that describes the training. JSON values.
        classes: Names of the classes or attributes; their numbers, as texts, if they have none.
        accuracy: Share of the images held out that it got right, of attributes on average; None
            before training.

    Input shape: float `[n, resolution, resolution, num_channels]` in [-1, 1].
    Output shape: float32 `[n, num_classes]` in [0, 1].

    Raises:
        ValueError: Arguments that are not possible.

    Source: Soft-CoGAN (MarkusHald/SCoGAN), where the kinds have 32x32x3 and 128x128x3 pixels.
    """

    def __init__(self, resolution, num_channels, num_classes, kind="classes", info=None, **kwargs):
        super().__init__(**kwargs)
        if resolution < MIN_RESOLUTION or num_channels not in (1, 3) or kind not in KINDS:
            raise ValueError(
                f"Expected `resolution` of at least {MIN_RESOLUTION}, `num_channels` 1 or 3, and "
                f"`kind` one of {list(KINDS)}. Received: {resolution}, {num_channels}, {kind!r}"
            )
        self.resolution = resolution
        self.num_channels = num_channels
        self.num_classes = num_classes
        self.kind = kind
        # As text, because Keras would wrap a dictionary.
        self.info_json = json.dumps(info or {})
        layers = keras.layers
        options = {"dtype": "float32"}
        in_nhwc = {"data_format": "channels_last", **options}
        self._steps = [
            layers.Conv2D(32, 3, name="conv0", **in_nhwc),
            _LeakyReLU(name="relu0", **options),
            layers.Conv2D(64, 3, name="conv1", **in_nhwc),
            _LeakyReLU(name="relu1", **options),
            layers.MaxPooling2D(2, name="pool", **in_nhwc),
            layers.Dropout(0.25, name="dropout0", **options),
            layers.Flatten(name="flatten", **in_nhwc),
            layers.Dense(128, name="dense", **options),
            _LeakyReLU(name="relu2", **options),
            layers.Dropout(0.5, name="dropout1", **options),
            layers.Dense(num_classes, activation=KINDS[kind], name="output_layer", **options),
        ]

    @property
    def info(self):
        return json.loads(self.info_json)

    @property
    def classes(self):
        return self.info.get("classes") or [str(number) for number in range(self.num_classes)]

    @property
    def accuracy(self):
        return self.info.get("accuracy")

    def build(self, input_shape=None):
        shape = (None, self.resolution, self.resolution, self.num_channels)
        for layer in self._steps:
            if not layer.built:
                layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.built = True

    def call(self, images, training=False):
        for layer in self._steps:
            is_dropout = isinstance(layer, keras.layers.Dropout)
            images = layer(images, training=training) if is_dropout else layer(images)
        return images

    def probabilities(self, images):
        """What it says of images of any side; can be differentiated, also inside a `tf.function`.

        Args:
            images: float `[n, r, r, C]` in [-1, 1], C = 1 or 3.

        Returns:
            float32 `[n, num_classes]`.
        """
        return self(fit_images(images, self.resolution, self.num_channels), training=False)

    def get_config(self):
        return {
            "name": self.name,
            "resolution": self.resolution,
            "num_channels": self.num_channels,
            "num_classes": self.num_classes,
            "kind": self.kind,
            "info": self.info_json,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "info": json.loads(config["info"])})

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()


class _LeakyReLU(keras.layers.Layer):
    """`keras.layers.LeakyReLU`, whose argument Keras 2 and 3 call by different names."""

    def call(self, x):
        return tf.nn.leaky_relu(x, _SLOPE)

    def compute_output_shape(self, input_shape):
        return input_shape
