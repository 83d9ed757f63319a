"""Mean and covariance of features, gathered batch by batch, and the files that hold them.

Everything is float64: gathered in float32, the covariance of Inception features is wrong in the
fourth digit. Blocks of centred rows are joined as by Chan, Golub and LeVeque 1979.
"""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from msg_stylegan.files import atomic_path
from msg_stylegan.mistaken_file import what_it_is

# Rows that are multiplied at a time. The sums are always cut here, so that the result does not
# depend on how features are cut into batches, not even in the last digit.
_BLOCK = 1024

# Rows that are read at a time from a file.
_ROWS_AT_A_TIME = 2**13

# Asymmetry of a covariance in a file, relative to its largest number, that passes for rounding.
_ASYMMETRY = 1e-5


@dataclasses.dataclass(frozen=True)
class Moments:
    """First two moments of a set of features."""

    # float64 [d].
    mean: np.ndarray
    # float64 [d, d], normalised by the number of images minus 1.
    covariance: np.ndarray
    # None if a file does not say.
    num_images: int | None

    def digest(self):
        """Hex digest of the numbers."""
        digest = hashlib.sha256()
        for array in (self.mean, self.covariance):
            digest.update(np.ascontiguousarray(array, "<f8").data)
        return digest.hexdigest()


class StreamingMoments:
    """Gathers the moments of features without keeping the features.

    Args:
        dim: Numbers per image, d.
    """

    def __init__(self, dim):
        self._count = 0
        self._mean = np.zeros(dim)
        # Sum of the outer products of (features - mean).
        self._scatter = np.zeros((dim, dim))
        self._block = np.empty((_BLOCK, dim))
        self._filled = 0

    def add(self, features):
        """Adds features.

        Args:
            features: `[n, d]`, any real type.

        Raises:
            ValueError: Another shape, or numbers that are not finite.
        """
        features = np.asarray(features)
        dim = len(self._mean)
        if features.ndim != 2 or features.shape[1] != dim:
            raise ValueError(f"Expected features [n, {dim}]. Received {list(features.shape)}.")
        if not np.isfinite(features).all():
            raise ValueError(
                "Expected finite features. Received NaN or infinity: is the generator or the "
                "feature network broken?"
            )
        while len(features):
            taken = features[: _BLOCK - self._filled]
            self._block[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            features = features[len(taken) :]
            if self._filled == _BLOCK:
                self._flush()

    def result(self):
        """Returns the `Moments` of all features so far.

        Raises:
            ValueError: Fewer than 2 images, which have no covariance.
        """
        self._flush()
        if self._count < 2:
            raise ValueError(f"A covariance needs at least 2 images. Received {self._count}.")
        return Moments(self._mean.copy(), self._scatter / (self._count - 1), self._count)

    def _flush(self):
        if not self._filled:
            return
        rows = self._block[: self._filled]
        mean = rows.mean(axis=0)
        rows -= mean
        self._scatter += rows.T @ rows
        total = self._count + self._filled
        shift = mean - self._mean
        row = (shift * np.sqrt(self._count * self._filled / total))[None]
        self._scatter += row.T @ row
        self._mean = self._mean + shift * (self._filled / total)
        self._count = total
        self._filled = 0


def moments_of(features):
    """`Moments` of features `[N, d]`, in memory or mapped from a file."""
    moments = StreamingMoments(features.shape[1])
    for start in range(0, len(features), _ROWS_AT_A_TIME):
        moments.add(features[start : start + _ROWS_AT_A_TIME])
    return moments.result()


def check_statistics_name(path):
    """Refuses a name that does not end with .npz, by which no tool would know the file."""
    if Path(path).suffix != ".npz":
        raise ValueError(f"Expected a file name that ends with .npz. Received {path}.")


def write_statistics(path, moments):
    """Writes moments as other FID tools read them: an `.npz` file with `mu` and `sigma`.

    Args:
        path: File to write; its name ends with .npz.
        moments: `Moments`. Their number of images is added as `num_images`, which other tools
            ignore.

    Raises:
        ValueError: Another ending.
    """
    check_statistics_name(path)
    arrays = {"mu": moments.mean, "sigma": moments.covariance}
    if moments.num_images is not None:
        arrays["num_images"] = np.int64(moments.num_images)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_statistics(path):
    """Reads moments from an `.npz` file of this or another FID tool; other entries are ignored.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There are no moments in the file, or impossible ones.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"There is no file of statistics {path}.")
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            names = [name for name in ("mu", "sigma", "num_images") if name in archive.files]
            arrays = {name: archive[name] for name in names}
    except Exception as error:
        # A damaged archive can fail in many ways; which one does not matter.
        reason = what_it_is(path, expected="npz") or error
        raise ValueError(
            f"{path} cannot be read as .npz statistics. {reason} Expected a file with mu and sigma."
        ) from error
    missing = [name for name in ("mu", "sigma") if name not in arrays]
    if missing:
        raise ValueError(f"{path} lacks {' and '.join(missing)}, which FID statistics have.")
    return _checked(path, **arrays)


def _checked(path, mu, sigma, num_images=None):
    def refuse(fact):
        raise ValueError(f"{path} holds no FID statistics: {fact}.")

    if mu.dtype.kind not in "fiu" or sigma.dtype.kind not in "fiu":
        refuse(f"mu and sigma are {mu.dtype} and {sigma.dtype}, expected real numbers")
    if mu.ndim != 1 or not mu.size or sigma.shape != (len(mu), len(mu)):
        refuse(
            f"expected mu [d] and sigma [d, d], received {list(mu.shape)} and {list(sigma.shape)}"
        )
    mu, sigma = mu.astype(np.float64), sigma.astype(np.float64)
    if not (np.isfinite(mu).all() and np.isfinite(sigma).all()):
        refuse("mu or sigma has numbers that are not finite")
    if np.abs(sigma - sigma.T).max() > _ASYMMETRY * np.abs(sigma).max():
        refuse("sigma is not symmetric")
    if (np.diag(sigma) < 0).any():
        refuse("sigma has negative variances")
    if num_images is not None:
        if num_images.shape or num_images.dtype.kind not in "iu" or num_images < 2:
            refuse(f"num_images is {num_images}, expected a whole number of at least 2")
        num_images = int(num_images)
    return Moments(mu, (sigma + sigma.T) / 2, num_images)
