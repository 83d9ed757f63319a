"""What a projection has found, its errors, and the files that keep it, or several w for a walk."""

import dataclasses
import io
import json
import math
import sys
from pathlib import Path

import numpy as np

from msg_stylegan.files import atomic_path
from msg_stylegan.mistaken_file import what_it_is

_FORMAT = "msg_stylegan projection 1"
_WALK_FORMAT = "msg_stylegan walk 1"
# Format to the axes of its w.
_NUM_AXES = {_FORMAT: 2, _WALK_FORMAT: 3}
# Inputs of the mapping network.
_INPUTS = ("z", "label")


@dataclasses.dataclass(frozen=True)
class Projection:
    """Latent of an image.

    Attributes:
        ws: float32 `[num_ws, w_dim]`, one w per layer of the synthesis.
        noise_maps: List of float32 `[r, r]` from the lowest resolution; empty for the stored ones.
        facts: Dictionary of JSON values: network, target, settings, errors.
        z: float32 `[z_dim]` from which `ws` follows, or None where w was searched.
        label: float32 `[label_size]` that belongs to z, or None.
    """

    ws: np.ndarray
    noise_maps: list
    facts: dict
    z: np.ndarray | None = None
    label: np.ndarray | None = None

    def save(self, path):
        """Writes `.npz`: arrays `ws`, `noise0`, `noise1`, ..., the text `facts`, `z` and `label`.

        The last two only if they are known.
        """
        data = self.encode()
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)

    def encode(self):
        """The bytes of the file that `save` writes."""
        arrays = {f"noise{i}": noise for i, noise in enumerate(self.noise_maps)}
        arrays |= {name: getattr(self, name) for name in _INPUTS if getattr(self, name) is not None}
        return _encode(_FORMAT, self.ws, self.facts, arrays)


def read_projection(path):
    """Opens what `Projection.save` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is another kind of file.
    """
    ws, facts, arrays = _read(path, "a projection of an image", (_FORMAT,))
    maps = []
    while (name := f"noise{len(maps)}") in arrays:
        maps.append(arrays[name])
    inputs = {name: arrays[name] for name in _INPUTS if name in arrays}
    return Projection(ws, maps, facts, **inputs)


def encode_points(points, facts):
    """The bytes of a file of several w, those that a walk leads through.

    Args:
        points: float32 `[K, num_ws, w_dim]`.
        facts: Dictionary of JSON values.
    """
    return _encode(_WALK_FORMAT, points, facts, {})


def read_points(path):
    """The w in a file of `encode_points`, or that of a projection without its noise maps.

    Returns:
        float32 `[K, num_ws, w_dim]`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is another kind of file.
    """
    ws, _, arrays = _read(path, "a projection or a walk", tuple(_NUM_AXES))
    if "noise0" in arrays:
        print(f"notice: {path} holds noise maps, which a walk leaves out", file=sys.stderr)
    return ws.reshape(-1, *ws.shape[-2:])


def _encode(format_name, ws, facts, arrays):
    facts = json.dumps({"format": format_name, **facts})
    buffer = io.BytesIO()
    np.savez(buffer, ws=ws, facts=facts, **arrays)
    return buffer.getvalue()


def _read(path, what, formats):
    """W, facts, and the other arrays by their names, of a file in one of some formats."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        # Opened here, because `np.load` leaves a file open that it cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            format_name = facts.pop("format")
            if format_name not in formats:
                raise ValueError("it has another format")
            names = [name for name in stored.files if name != "facts"]
            arrays = {name: np.asarray(stored[name], np.float32) for name in names}
        ws = arrays.pop("ws")
        is_finite = all(np.isfinite(array).all() for array in (ws, *arrays.values()))
        if ws.ndim != _NUM_AXES[format_name] or not is_finite:
            raise ValueError("its w are not finite numbers [num_ws, w_dim]")
    except Exception as error:
        # Damaged bytes can make the readers of ZIP, of arrays and of JSON raise anything.
        reason = what_it_is(path, expected="npz") or error
        raise ValueError(f"{path} is not {what}: {reason}") from error
    return ws, facts, arrays


def scale_errors(images, target):
    """Error of a result at each scale, as it can be seen.

    Args:
        images: List of uint8 `[1, r, r, C]`, low to high resolution.
        target: List of float arrays `[1, r, r, C]` in [-1, 1] whose last ones belong to `images`.

    Returns:
        List of dictionaries with `resolution`, `rmse` (root mean square error in brightness levels
        of 0..255) and `psnr` (in decibels; None where there is no error).
    """
    errors = []
    for image, wanted in zip(images, target[-len(images) :], strict=True):
        levels = np.asarray(wanted, np.float64) * 127.5 + 127.5
        rmse = math.sqrt(np.mean(np.square(image - levels)))
        psnr = 20.0 * math.log10(255.0 / rmse) if rmse else None
        errors.append({"resolution": image.shape[1], "rmse": rmse, "psnr": psnr})
    return errors
