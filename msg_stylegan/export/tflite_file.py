"""Generators as TFLite (LiteRT) files."""

import tempfile

from msg_stylegan.export.saved_model import write_saved_model
from msg_stylegan.tensorflow_files import plain_path


def write_tflite(G, options, path):
    """Writes a TFLite file that needs TFLite's built-in operations only.

    Args:
        G: Generator.
        options: `ExportOptions`.
        path: File to write.

    Raises:
        ValueError: TFLite has no such operations.
    """
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as temporary, plain_path(temporary) as folder:
        write_saved_model(G, options, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if options.float16:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        try:
            content = converter.convert()
        except Exception as error:
            # The converter has no public error class.
            raise ValueError(f"TFLite cannot hold this generator: {error}") from error
    path.write_bytes(content)
