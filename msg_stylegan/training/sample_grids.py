"""Pictures of a run: the reals once, then the same latents at every scale again and again."""

import functools
from pathlib import Path

import numpy as np

from msg_stylegan.data.dataset import classes_of
from msg_stylegan.image_counts import FAKES
from msg_stylegan.pictures import sheets
from msg_stylegan.sampling.sampler import Sampler

# The sheet with all scales side by side holds as many samples as fit into so many pixels.
_SHEET_SAMPLES = 16
_SHEET_PIXELS = 2**25


class SampleGrids:
    """Draws images of fixed latents and labels, and saves them.

    Files: `reals.png`, `<r>x<r>/fakes*.png` in the pixels of that scale, and
    `all_scales/fakes*.png` with the first samples at all scales side by side. `image_counts`
    makes the names.

    A conditional generator with one class per image has a class in every row, the same one in
    `reals.png` and in the fakes. The classes follow each other, and begin anew if there are more
    rows; the sheet of all scales then holds the first columns instead of the first rows.

    Args:
        run_dir: Run directory.
        G_ema: Generator to draw.
        dataset: `TFRecordDataset`, for the reals and the labels.
        grid: Rule for the number of images, see `sheets.grid_size`.
        batch_size: Images per call of the generator; a whole grid at once may not fit a GPU.
        seed: Seed of the latents.
    """

    def __init__(self, run_dir, G_ema, dataset, grid, batch_size, seed):
        self._run_dir = Path(run_dir)
        self._dataset = dataset
        self._size = sheets.grid_size(grid, dataset.resolution)
        self._seed = seed
        count = self._size[0] * self._size[1]
        rng = np.random.default_rng(seed)
        order = rng.permutation(dataset.num_images)
        classes = classes_of(dataset) if G_ema.label_size else None
        if classes is None:
            self._rows = np.resize(np.sort(order[:count]), count)
            self._sheet_order = np.arange(count)
        else:
            self._rows = rows_of_classes(classes, order, self._size)
            self._sheet_order = np.arange(count).reshape(self._size[::-1]).T.ravel()
        self._z = rng.standard_normal((count, G_ema.z_dim), dtype=np.float32)
        self._labels = dataset.read_labels(self._rows) if G_ema.label_size else None
        # Noise is part of the picture: stored maps keep it the same over the training.
        self._make_sampler = functools.partial(
            Sampler, G_ema, min(batch_size, count), noise_mode="const"
        )
        self.retrace()

    def retrace(self):
        """Follows the generator to another stage: a compiled function stays where it was traced."""
        self._sampler = self._make_sampler()

    def save_reals(self):
        """Writes `reals.png`."""
        reals = self._dataset.read_images(self._rows)
        sheets.save_image(sheets.image_grid(reals, self._size), self._run_dir / "reals.png")

    def save_fakes(self, kimg):
        """Writes the grids of all scales.

        Args:
            kimg: Thousands of images so far, for the file names.

        Returns:
            Dictionary from the folder of each picture to its uint8 pixels `[H, W, C]`.
        """
        images = self._sampler(self._z, self._labels)
        pictures = {
            f"{image.shape[1]}x{image.shape[1]}": sheets.image_grid(image, self._size)
            for image in images
        }
        pictures["all_scales"] = self._sheet(images)
        name = FAKES.name(kimg)
        for folder, picture in pictures.items():
            sheets.save_image(picture, self._run_dir / folder / name)
        return pictures

    def _sheet(self, images):
        resolution = images[-1].shape[1]
        most = _SHEET_PIXELS // (len(images) * resolution**2)
        samples = min(max(most, 1), _SHEET_SAMPLES)
        columns = 2 if samples == _SHEET_SAMPLES else 1
        shown = self._sheet_order[:samples]
        return sheets.scale_sheet([image[shown] for image in images], columns=columns)


def rows_of_classes(classes, order, size):
    """Chooses images for a grid that has one class per row.

    Args:
        classes: int `[N]`, class of each image of the data set. Classes without images have no row.
        order: int `[N]`, a permutation of the images. The first ones of a class are taken, and
            repeated if there are too few.
        size: `(columns, rows)`.

    Returns:
        int `[columns * rows]`, numbers of images, row by row.
    """
    columns, rows = size
    order = np.asarray(order)
    present = np.unique(classes)
    members = {label: order[classes[order] == label] for label in present}
    chosen, used = [], dict.fromkeys(present, 0)
    for row in range(rows):
        label = present[row % len(present)]
        chosen.append(np.take(members[label], used[label] + np.arange(columns), mode="wrap"))
        used[label] += columns
    return np.concatenate(chosen)
