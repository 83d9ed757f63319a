"""The data type of all layers of the networks."""


class Float32:
    """Lets a Keras layer or model compute in float32, whatever a program has chosen for all layers.

    Stands before `keras.layers.Layer` or `keras.Model` among the bases.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
