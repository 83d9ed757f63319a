"""Generators as TensorFlow SavedModels, made of TensorFlow's own operations only."""

import tensorflow as tf

from msg_stylegan.export.image_function import image_function


def write_saved_model(G, options, folder):
    """Writes a SavedModel with one signature, `serving_default`.

    Args:
        G: Generator.
        options: `ExportOptions`.
        folder: Existing, empty folder.
    """
    module = tf.Module()
    # Keras 3 wraps its variables; only those of TensorFlow itself are stored with the graph.
    module.weights = [v if isinstance(v, tf.Variable) else v.value for v in G.variables]
    tf.saved_model.save(
        module,
        str(folder),
        signatures=image_function(G, options),
        # With them one can ask the loaded function for gradients.
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=True),
    )
