"""What a projection has found, its errors, and the file that keeps it."""

import dataclasses
import io
import json
import math
from pathlib import Path

import numpy as np

from msg_stylegan.files import atomic_path
from msg_stylegan.mistaken_file import what_it_is

_FORMAT = "msg_stylegan projection 1"
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
        facts = json.dumps({"format": _FORMAT, **self.facts})
        buffer = io.BytesIO()
        np.savez(buffer, ws=self.ws, facts=facts, **arrays)
        return buffer.getvalue()


def read_projection(path):
    """Opens what `Projection.save` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is another kind of file.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        # Opened here, because `np.load` leaves a file open that it cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            facts = json.loads(str(arrays["facts"]))
            if facts.pop("format") != _FORMAT:
                raise ValueError("it has another format")
            count = sum(name.startswith("noise") for name in arrays.files)
            maps = [np.asarray(arrays[f"noise{i}"], np.float32) for i in range(count)]
            ws = np.asarray(arrays["ws"], np.float32)
            inputs = {n: np.asarray(arrays[n], np.float32) for n in _INPUTS if n in arrays.files}
            numbers = (ws, *maps, *inputs.values())
            if ws.ndim != 2 or not all(np.isfinite(array).all() for array in numbers):
                raise ValueError("its w are not finite numbers [num_ws, w_dim]")
    except Exception as error:
        # Damaged bytes can make the readers of ZIP, of arrays and of JSON raise anything.
        reason = what_it_is(path, expected="npz") or error
        raise ValueError(f"{path} is not a projection of an image: {reason}") from error
    return Projection(ws, maps, facts, **inputs)


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
