"""Generators as TensorFlow SavedModels, made of TensorFlow's own operations only."""

from msg_stylegan.tensorflow_files import plain_path


def write_saved_model(G, options, folder):
    """Writes a SavedModel with one signature, `serving_default`.

    Args:
        G: Generator.
        options: `ExportOptions`.
        folder: Existing, empty folder.
    """
    import tensorflow as tf

    from msg_stylegan.export.image_function import image_function
    from msg_stylegan.networks.variables import tensorflow_variable

    module = tf.Module()
    # Weights that are wrapped are not stored with the graph.
    module.weights = [tensorflow_variable(variable) for variable in G.variables]
    with plain_path(folder) as plain:
        tf.saved_model.save(
            module,
            plain,
            signatures=image_function(G, options),
            # With them one can ask the loaded function for gradients.
            options=tf.saved_model.SaveOptions(experimental_custom_gradients=True),
        )
