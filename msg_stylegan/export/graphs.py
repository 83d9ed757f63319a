"""Generators as graphs: a function from latents to images, as SavedModel, TFLite or ONNX file."""

import tempfile

from msg_stylegan.lazy_tensorflow import tf
from msg_stylegan.sampling.sampler import existing_scales, to_uint8
from msg_stylegan.tensorflow_files import plain_path

# Version of the operations of ONNX; runtimes from 2022 on know it.
_OPSET = 17


def image_function(G, options):
    """Makes the function that a file holds.

    Args:
        G: Generator.
        options: `ExportOptions`.

    Returns:
        `tf.function` with an input signature. Inputs: `z`, float32 `[N, z_dim]`, standard normal;
        `labels`, float32 `[N, label_size]`, for a conditional generator; `truncation_psi`, one
        float32, unless it is fixed or the generator has no mapping network. Result: dictionary from
        `images_4x4` and so on to `[N, r, r, C]`, float32 in about [-1, 1] or uint8.

    Raises:
        ValueError: The generator makes no images of the requested scale.
    """
    shown = existing_scales(G, None if options.scale is None else [options.scale])
    signature = _signature(G, options)
    names = [spec.name for spec in signature]
    fixed_psi = 1.0 if options.truncation_psi is None else options.truncation_psi

    @tf.function(input_signature=signature)
    def generate(*inputs):
        given = dict(zip(names, inputs, strict=True))
        images = G(
            G.place_z(given["z"]),
            given.get("labels"),
            truncation_psi=given.get("truncation_psi", fixed_psi),
            truncation_cutoff=options.truncation_cutoff,
            noise_mode=options.noise_mode,
        )
        return {
            f"images_{res}x{res}": to_uint8(image) if options.as_uint8 else image
            for res, image in zip(G.resolutions, images, strict=True)
            if res in shown
        }

    return generate


def describe(G, options):
    """Text with the inputs and outputs of the function of a file."""
    inputs = ", ".join(
        f"{spec.name} [{', '.join('N' if size is None else str(size) for size in spec.shape)}]"
        for spec in _signature(G, options)
    )
    outputs = ", ".join(
        f"images_{res}x{res}" for res in G.resolutions if options.scale in (None, res)
    )
    kind = "uint8" if options.as_uint8 else "float32"
    return f"inputs: {inputs}; outputs: {outputs} ({kind}, NHWC)"


def write_saved_model(nets, options, folder):
    """Writes a SavedModel of TensorFlow's own operations with one signature, `serving_default`.

    Args:
        nets: `Networks` with `G_ema`.
        options: `ExportOptions`.
        folder: Existing, empty folder.
    """
    # With Keras it takes seconds, for which help and mistakes need not wait.
    from msg_stylegan.networks.variables import tensorflow_variable

    module = tf.Module()
    # Weights that are wrapped are not stored with the graph.
    module.weights = [tensorflow_variable(variable) for variable in nets.G_ema.variables]
    with plain_path(folder) as plain:
        tf.saved_model.save(
            module,
            plain,
            signatures=image_function(nets.G_ema, options),
            # With them one can ask the loaded function for gradients.
            options=tf.saved_model.SaveOptions(experimental_custom_gradients=True),
        )


def write_tflite(nets, options, path):
    """Writes a TFLite (LiteRT) file that needs TFLite's built-in operations only.

    Args:
        nets: `Networks` with `G_ema`.
        options: `ExportOptions`.
        path: File to write.

    Raises:
        ValueError: TFLite has no such operations.
    """
    with tempfile.TemporaryDirectory() as temporary, plain_path(temporary) as folder:
        write_saved_model(nets, options, folder)
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


def write_onnx(nets, options, path):
    """Writes an ONNX file with the standard operations only.

    Args:
        nets: `Networks` with `G_ema`.
        options: `ExportOptions`.
        path: File to write.

    Raises:
        ValueError: The packages for it are not installed.
    """
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise ValueError(
            f"An ONNX file needs onnx and tf2onnx ({error}). Install them by: "
            'pip install -c constraints.txt -e ".[export]"'
        ) from error
    function = image_function(nets.G_ema, options)
    model, _ = tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=_OPSET
    )
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _signature(G, options):
    n = options.batch_size
    signature = [tf.TensorSpec([n, G.z_dim], tf.float32, name="z")]
    if G.label_size:
        signature.append(tf.TensorSpec([n, G.label_size], tf.float32, name="labels"))
    if options.truncation_psi is None and G.has_mapping:
        signature.append(tf.TensorSpec([], tf.float32, name="truncation_psi"))
    return signature
