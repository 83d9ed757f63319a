"""A generator as one TensorFlow function from latents to images, ready to be stored as a graph."""

import tensorflow as tf

from msg_stylegan.sampling.sampler import to_uint8


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
        ValueError: The generator has no images of the asked scale.
    """
    resolutions = list(G.resolutions)
    if options.scale not in (None, *resolutions):
        raise ValueError(
            f"The generator makes images of {resolutions} pixels. Received {options.scale}."
        )
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
            for res, image in zip(resolutions, images, strict=True)
            if options.scale in (None, res)
        }

    return generate


def describe(G, options):
    """Text with the inputs and outputs of the function of a file."""
    inputs = ", ".join(
        f"{spec.name} [{', '.join(_size(size) for size in spec.shape)}]"
        for spec in _signature(G, options)
    )
    outputs = ", ".join(
        f"images_{res}x{res}" for res in G.resolutions if options.scale in (None, res)
    )
    kind = "uint8" if options.as_uint8 else "float32"
    return f"inputs: {inputs}; outputs: {outputs} ({kind}, NHWC)"


def _signature(G, options):
    n = options.batch_size
    signature = [tf.TensorSpec([n, G.z_dim], tf.float32, name="z")]
    if G.label_size:
        signature.append(tf.TensorSpec([n, G.label_size], tf.float32, name="labels"))
    if options.truncation_psi is None and G.has_mapping:
        signature.append(tf.TensorSpec([], tf.float32, name="truncation_psi"))
    return signature


def _size(size):
    return "N" if size is None else str(size)
