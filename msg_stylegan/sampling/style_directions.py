"""Directions of w that change the images most, from the weights alone.

Shen & Zhou 2021 (SeFa, closed-form factorization of latent semantics).
"""

import dataclasses
import json
from pathlib import Path

import numpy as np

from msg_stylegan.command_names import called
from msg_stylegan.files import write_json
from msg_stylegan.mistaken_file import what_it_is

_FORMAT = "msg_stylegan directions 1"
_KEYS = ("format", "scale", "layers", "vectors")


@dataclasses.dataclass(frozen=True)
class StyleDirections:
    """Eigenvectors of `A^T A`, where the rows of A are the weights that read w.

    Attributes:
        layers: Numbers of the layers whose weights were taken; edits belong to these layers.
        eigenvalues: float32 `[w_dim]`, falling: by how much a step of length 1 changes the styles,
            squared.
        vectors: float32 `[w_dim, w_dim]`; the rows are orthonormal.
    """

    layers: list
    eigenvalues: np.ndarray
    vectors: np.ndarray


def find_directions(G, layers=None):
    """Factorises the weights by which a generator reads w.

    Args:
        G: Generator. With styles, the weights are those that make the styles of the layers, as they
            are used at run time. Generators of ProGAN and Soft-CoGAN read w in their first layer
            only.
        layers: Numbers of layers; None for all.

    Returns:
        `StyleDirections`.

    Raises:
        ValueError: A layer does not exist, or the generator does not use w.
    """
    matrices = _weights_of_w(G)
    layers = list(range(len(matrices))) if layers is None else sorted(set(layers))
    if not layers or layers[0] < 0 or layers[-1] >= len(matrices):
        raise ValueError(
            f"This network reads w in the layers 0 to {len(matrices) - 1}. Received the layers "
            f"{layers}."
        )
    a = np.concatenate([matrices[layer] for layer in layers], axis=1).astype(np.float64)
    eigenvalues, vectors = np.linalg.eigh(a @ a.T)  # Ascending; the columns are the vectors.
    vectors = vectors.T[::-1]
    # An eigenvector may as well point the other way: the largest component decides.
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    return StyleDirections(
        layers,
        np.maximum(eigenvalues[::-1], 0.0).astype(np.float32),
        (vectors * np.sign(largest)).astype(np.float32),
    )


def write_directions(path, directions, scale, facts):
    """Writes a JSON file.

    Args:
        path: Target.
        directions: `StyleDirections`.
        scale: Root mean square distance of w from its mean per component: the length of a step of
            strength 1.
        facts: Dictionary of JSON values: the network.
    """
    write_json(
        path,
        {
            "format": _FORMAT,
            **facts,
            "layers": directions.layers,
            "scale": float(scale),
            "eigenvalues": directions.eigenvalues.tolist(),
            "vectors": directions.vectors.tolist(),
        },
    )


def read_direction(place):
    """Opens one direction of a file of `write_directions`.

    Args:
        place: `FILE:i`, the file and the number of the direction, from 0.

    Returns:
        Tuple of the step of strength 1, float32 `[w_dim]`, and the list of layers to apply it to.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is another kind of file, or has no such direction.
    """
    path, _, number = str(place).rpartition(":")
    if not path or not (number.isascii() and number.isdecimal()):
        raise ValueError(
            f"Expected a file of directions and a number, such as directions.json:0. "
            f"Received {str(place)!r}."
        )
    directions = read_directions(path)
    if int(number) >= len(directions):
        raise ValueError(
            f"{path} has the directions 0 to {len(directions) - 1}. Received {number}."
        )
    return directions[int(number)]


def read_directions(path):
    """Opens all directions of a file of `write_directions`.

    Returns:
        List of what `read_direction` returns.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is another kind of file.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        missing = [key for key in _KEYS if not isinstance(content, dict) or key not in content]
        if missing:
            raise ValueError(
                f"it lacks {', '.join(missing)}, as `{called('generate')} directions` writes"
            )
        if content["format"] != _FORMAT:
            raise ValueError(f"its format is not {_FORMAT!r}")
        vectors = np.array(content["vectors"], np.float32)
        step_length = float(content["scale"])
        layers = content["layers"]
        if vectors.ndim != 2 or not np.isfinite(vectors).all():
            raise ValueError("its vectors are not a table of numbers")
        if not np.isfinite(step_length):
            raise ValueError(f"its scale is {step_length}, not a finite number")
        if not layers or not all(type(layer) is int and layer >= 0 for layer in layers):
            raise ValueError(f"its layers are {layers}, not a list of whole numbers of at least 0")
    except (OSError, OverflowError, TypeError, ValueError, RecursionError) as error:
        reason = what_it_is(path, expected="json") or f"{error}."
        raise ValueError(f"{path} is not a file of directions: {reason}") from error
    return [(vector * np.float32(step_length), layers) for vector in vectors]


def direction_shift(direction, strength, num_ws):
    """What to add to ws for an edit.

    Args:
        direction: Tuple of `read_direction`.
        strength: How far, in either direction.
        num_ws: Number of w per image that the generator takes.

    Returns:
        float32 `[num_ws, w_dim]`.

    Raises:
        ValueError: The generator has fewer layers.
    """
    step, layers = direction
    if max(layers) >= num_ws:
        raise ValueError(
            f"The direction is for layer {max(layers)}. This network has {num_ws} layers."
        )
    shift = np.zeros((num_ws, len(step)), np.float32)
    shift[layers] = strength * step
    return shift


def _weights_of_w(G):
    """For each layer the matrix by which w is multiplied: list of arrays `[w_dim, outputs]`."""
    kernels = G.synthesis.kernels_of_w()
    if not kernels:
        raise ValueError(
            "This network has no styles, and its synthesis starts from a constant: no layer reads "
            "w, so there are no directions."
        )
    return [
        np.concatenate([np.asarray(kernel) for kernel in of_layer], axis=1) for of_layer in kernels
    ]
