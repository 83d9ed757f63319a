"""Sliced Wasserstein distance (SWD) between local patches of images, level by level.

Karras et al. 2018 (PGGAN), section 5. Needs no trained network. All values are times 1000, lower
is better. "swd16k" is the original's choice: 16 * 1024 images; a name without "k" gives the number
of images itself (swd500).

Beside the distance of fakes to reals stands the distance of two draws of reals, the "floor" that
a perfect generator would reach (the second draw starts where the first one ends; the floor is too
low for a data set that has fewer than twice the images).
"""

import concurrent.futures
import dataclasses
import functools
import math
import os

import numpy as np

from metrics.cache import ScratchRows, check_room
from metrics.laplacian_pyramid import laplacian_pyramid
from metrics.metric import SUITABLE_IMAGES, Family, Metric, checked_batches

# Raise it when the numbers change.
VERSION = 2

IMAGES_PER_K = 1024
MIN_RESOLUTION = 16
PATCH_SIZE = 7
PATCHES_PER_IMAGE = 128
REPEATS = 4
DIRECTIONS_PER_REPEAT = 128

# Streams of random numbers: positions of the patches for each draw of images, and directions.
# Differs from the original: it takes all of them from NumPy's global state, so that a metric
# changes whatever else draws from there.
_REALS, _FAKES, _OTHER_REALS, _DIRECTIONS = range(4)

# Bounds of the working memory, in float32 numbers: pixels that go through the pyramid at a time,
# projections held of each set, and descriptors read at a time. Descriptors as a whole lie in
# scratch files.
_PIXELS_AT_A_TIME = 2**23
_PROJECTIONS_AT_A_TIME = 2**26
_DESCRIPTORS_AT_A_TIME = 2**15

# Channels whose standard deviation is below this (in grey levels) count as constant.
_CONSTANT = 1e-4


@dataclasses.dataclass(frozen=True)
class Descriptors:
    """Patches of one pyramid level of a set of images."""

    # Pixels per side of the level.
    resolution: int
    # float32 [num_images * 128, C * 49], not yet normalised; backed by a temporary file.
    values: np.ndarray
    # float64 [C], over all patches and their pixels.
    mean: np.ndarray
    std: np.ndarray


def collect_descriptors(batches, num_images, *, seed, scratch_dir, report=lambda count: None):
    """Takes 128 random 7x7 patches per image from each level of its Laplacian pyramid.

    Args:
        batches: Iterator of uint8 `[n, r, r, C]`. The result does not depend on how the images
            are cut into batches.
        num_images: Number of images that `batches` brings.
        seed: Tuple of whole numbers >= 0; decides the positions of the patches.
        scratch_dir: Folder for temporary files of `num_images * 128 * 49 * C * 4` bytes per level
            (1.2 GB for 16k RGB images), which vanish with the result.
        report: Called with the number of images after each batch.

    Returns:
        List of `Descriptors`, high to low resolution: 16 pixels and more.

    Raises:
        ValueError: Images of the wrong type or number, or unfit for a pyramid.
        OSError: Not enough room for the scratch files.
    """
    rows, positions = {}, {}
    start = 0
    for batch in checked_batches(batches, num_images):
        if not rows:
            depth = batch.shape[3]
            width = PATCH_SIZE**2 * depth
            resolutions = _level_resolutions(batch.shape[1])
            numbers = num_images * PATCHES_PER_IMAGE * width
            check_room(scratch_dir, 4 * numbers * len(resolutions), "SWD")
            for res in resolutions:
                rows[res] = ScratchRows(scratch_dir, width)
                positions[res] = _patch_positions(num_images, res, seed)
        step = max(1, _PIXELS_AT_A_TIME // math.prod(batch.shape[1:]))
        for images in (batch[i : i + step] for i in range(0, len(batch), step)):
            corners = {res: of[start : start + len(images)] for res, of in positions.items()}
            # One channel after another, in a third of the memory.
            channels = [_pyramid_patches(images[..., c : c + 1], corners) for c in range(depth)]
            for res in rows:
                rows[res].append(np.concatenate([patches[res] for patches in channels], axis=2))
            start += len(images)
        report(len(batch))
    return [_descriptors(res, some.array(), depth) for res, some in rows.items()]


def sliced_wasserstein(a, b, *, seed):
    """Distance between two sets of descriptors of one level.

    Both sets are normalised per channel, projected on 512 random directions and sorted; the
    distance is the mean difference between equal ranks.

    Args:
        a: `Descriptors`.
        b: `Descriptors` of as many patches of the same level.
        seed: Tuple of whole numbers >= 0; decides the directions.

    Returns:
        The distance times 1000, a float.
    """
    if a.values.shape != b.values.shape or a.resolution != b.resolution:
        raise ValueError(
            "Expected two sets of equally many and equally large images. Received descriptors "
            f"{list(a.values.shape)} at {a.resolution} and "
            f"{list(b.values.shape)} at {b.resolution} pixels."
        )
    count, size = a.values.shape
    rng = np.random.default_rng((*seed, a.resolution))
    directions = rng.standard_normal((REPEATS * DIRECTIONS_PER_REPEAT, size))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    block = min(len(directions), max(1, _PROJECTIONS_AT_A_TIME // count))
    a_projected, b_projected = np.empty((2, block, count), np.float32)
    total = 0.0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(directions), block):
            some = directions[start : start + block]
            _project(a, some, a_projected)
            _project(b, some, b_projected)
            rows = range(len(some))
            total += sum(pool.map(lambda i: _rank_distance(a_projected[i], b_projected[i]), rows))
    return 1000.0 * total / len(directions)


def _level_resolutions(resolution):
    if resolution < MIN_RESOLUTION or resolution & (resolution - 1):
        raise ValueError(
            f"SWD needs images whose size is a power of two and at least {MIN_RESOLUTION} pixels. "
            f"Received {resolution}x{resolution}. {SUITABLE_IMAGES}"
        )
    return [resolution >> i for i in range((resolution // MIN_RESOLUTION).bit_length())]


def _patch_positions(num_images, resolution, seed):
    """Upper left corners int16 [num_images, 128, (y, x)]: patch centres in [3, resolution - 3)."""
    # All at once, so that they cannot depend on the batches.
    rng = np.random.default_rng((*seed, resolution))
    shape = (num_images, PATCHES_PER_IMAGE, 2)
    return rng.integers(0, resolution - PATCH_SIZE + 1, shape, dtype=np.int16)


def _pyramid_patches(images, corners):
    """Patches of uint8 `[N, r, r, C]` by the resolution of each level, at corners by the same."""
    levels = laplacian_pyramid(images.astype(np.float32), MIN_RESOLUTION)
    return {level.shape[1]: _take_patches(level, corners[level.shape[1]]) for level in levels}


def _take_patches(level, corners):
    windows = np.lib.stride_tricks.sliding_window_view(level, (PATCH_SIZE, PATCH_SIZE), (1, 2))
    rows = np.arange(len(level))[:, None]
    return windows[rows, corners[:, :, 0], corners[:, :, 1]]  # [N, 128, C, 7, 7]


def _descriptors(resolution, values, channels):
    total = np.zeros(channels)
    squares = np.zeros(channels)
    for start in range(0, len(values), _DESCRIPTORS_AT_A_TIME):
        some = values[start : start + _DESCRIPTORS_AT_A_TIME].astype(np.float64)
        some = some.reshape(-1, channels, PATCH_SIZE**2)
        total += some.sum(axis=(0, 2))
        squares += np.einsum("ncp,ncp->c", some, some)
    count = len(values) * PATCH_SIZE**2
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    return Descriptors(resolution, values, mean, std)


def _project(descriptors, directions, out):
    """Writes the projections of the normalised descriptors, float32 [directions, patches]."""
    # Differs from the original: a constant channel becomes 0 instead of 0 / 0, so that a collapsed
    # generator gets a score.
    std = descriptors.std
    scale = np.where(std > _CONSTANT, 1.0 / np.maximum(std, _CONSTANT), 0.0)
    # Normalising the directions instead of the descriptors gives the same numbers for less.
    weights = directions * scale.repeat(PATCH_SIZE**2)
    offsets = weights @ descriptors.mean.repeat(PATCH_SIZE**2)
    weights = weights.astype(np.float32)
    out = out[: len(directions)]
    for start in range(0, len(descriptors.values), _DESCRIPTORS_AT_A_TIME):
        some = descriptors.values[start : start + _DESCRIPTORS_AT_A_TIME]
        np.matmul(weights, some.T, out=out[:, start : start + len(some)])
    out -= offsets.astype(np.float32)[:, None]


def _rank_distance(a, b):
    a.sort()
    b.sort()
    np.subtract(a, b, out=a)
    np.abs(a, out=a)
    return float(a.mean(dtype=np.float64))


def _check_variety(name, reals, fakes, notice):
    """Points out sets of one colour, whose descriptors the normalisation makes all 0.

    Raises:
        ValueError: Both are such sets: their distance would be 0, whatever their colours are.
    """
    # A single colour has no detail at any level.
    flat = [
        what
        for what, levels in (("reals", reals), ("fakes", fakes))
        if all((level.std <= _CONSTANT).all() for level in levels)
    ]
    if len(flat) == 2:
        raise ValueError(
            f"{name}: the reals are of one colour, and so are the fakes. The distance is one of "
            "patches whose mean and contrast are normalised, so it cannot tell them apart."
        )
    if flat:
        notice(
            f"{name}: all {flat[0]} are of one colour, which the normalisation of patches removes."
        )


def _distances(a, b, seed):
    return {x.resolution: sliced_wasserstein(x, y, seed=seed) for x, y in zip(a, b, strict=True)}


def _compute(name, num_images, inputs):
    def collect(batches, what, stream):
        options = {"seed": (inputs.seed, stream), "scratch_dir": inputs.scratch_dir}
        with inputs.progress(total=num_images, desc=f"{name}: {what}", unit="img") as bar:
            return collect_descriptors(batches, num_images, report=bar.update, **options)

    def floor():
        others = collect(inputs.reals(num_images, start=num_images), "other reals", _OTHER_REALS)
        distances = _distances(reals, others, (inputs.seed, _DIRECTIONS))
        return {str(res): distance for res, distance in distances.items()}

    inputs.count_fakes(name, num_images)
    inputs.require_reals(name, at_least=2)
    reals = collect(inputs.reals(num_images), "reals", _REALS)
    parameters = {"version": VERSION, "num_images": num_images, "seed": inputs.seed}
    floors = inputs.cache.fetch("swd-floor", parameters, floor)
    fakes = collect(inputs.fakes(num_images), "fakes", _FAKES)
    _check_variety(name, reals, fakes, inputs.notice)
    distances = _distances(reals, fakes, (inputs.seed, _DIRECTIONS))

    results = {}
    for prefix, values in ((name, distances), (f"{name}_floor", floors)):
        results |= {f"{prefix}_{res}": float(value) for res, value in values.items()}
        results[f"{prefix}_avg"] = float(np.mean(list(values.values())))
    return results


def _make(match, options):
    count = options.num_images or int(match[1]) * (IMAGES_PER_K if match[2] else 1)
    if count < 2:
        raise ValueError(f"{match[0]} needs at least 2 images. Received {count}.")
    number = count if count % IMAGES_PER_K else f"{count // IMAGES_PER_K}k"
    name = f"swd{number}"
    return Metric(
        name=name,
        headline=f"{name}_avg",
        lower_is_better=True,
        compute=functools.partial(_compute, name, count),
        squares=("reals", "fakes"),
        shuffles_reals=True,
    )


FAMILY = Family(pattern="swd([0-9]+)(k?)", examples=("swd2k", "swd16k"), make=_make)
