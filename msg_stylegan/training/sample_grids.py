"""Pictures of a run: the reals once, then the same latents at every scale again and again."""

from pathlib import Path

import numpy as np

from msg_stylegan.data.dataset import classes_of
from msg_stylegan.domains import SUFFIXES
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

    With two domains, images of the same latent are side by side, and there is a `reals_b.png`.

    Args:
        run_dir: Run directory.
        generators: Generator of each domain.
        datasets: For each domain its `TFRecordDataset`, for the reals and the labels.
        grid: Rule for the number of images, see `sheets.grid_size`.
        batch_size: Images per call of the generator; a whole grid at once may not fit a GPU.
        seed: Seed of the latents.
    """

    def __init__(self, run_dir, generators, datasets, grid, batch_size, seed):
        self._run_dir = Path(run_dir)
        self._generators = generators
        self._datasets = datasets
        columns, rows = sheets.grid_size(grid, datasets[0].resolution)
        # Every domain has as many columns.
        columns = -(-columns // len(generators))
        self._size_of_domain = (columns, rows)
        self._size = (columns * len(generators), rows)
        self._seed = seed
        count = columns * rows
        rng = np.random.default_rng(seed)
        self._choose_reals(rng, count)
        G = generators[0]
        self._z = np.asarray(
            G.place_z(rng.standard_normal((count, G.z_dim), dtype=np.float32)), np.float32
        )
        self._batch_size = min(batch_size, count)
        self.retrace()

    def _choose_reals(self, rng, count):
        """Chooses the reals, the labels, which are theirs, and which samples come first."""
        self._rows, self._labels = [], []
        first = np.arange(count)
        for G, dataset in zip(self._generators, self._datasets, strict=True):
            order = rng.permutation(dataset.num_images)
            classes = classes_of(dataset) if G.label_size else None
            if classes is None:
                rows = np.resize(np.sort(order[:count]), count)
            else:
                rows = rows_of_classes(classes, order, self._size_of_domain)
                first = np.arange(count).reshape(self._size_of_domain[::-1]).T.ravel()
            self._rows.append(rows)
            self._labels.append(dataset.read_labels(rows) if G.label_size else None)
        if len({G.label_size for G in self._generators}) == 1:
            # A pair of images has one label.
            self._labels = self._labels[:1] * len(self._generators)
        domains = np.arange(len(self._generators))
        self._sheet_order = (first[:, None] * len(domains) + domains).ravel()

    def retrace(self):
        """Follows the generator to another stage: a compiled function stays where it was traced."""
        # Noise is part of the picture: stored maps keep it the same over the training.
        self._samplers = [
            Sampler(G, self._batch_size, noise_mode="const") for G in self._generators
        ]

    def save_reals(self):
        """Writes `reals.png`, and `reals_b.png` of the other domain."""
        for dataset, rows, suffix in zip(self._datasets, self._rows, SUFFIXES, strict=False):
            grid = sheets.image_grid(dataset.read_images(rows), self._size_of_domain)
            sheets.save_image(grid, self._run_dir / f"reals{suffix}.png")

    def save_fakes(self, kimg):
        """Writes the grids of all scales.

        Args:
            kimg: Thousands of images so far, for the file names.

        Returns:
            Dictionary from the folder of each picture to its uint8 pixels `[H, W, C]`.
        """
        of_domains = [
            sampler(self._z, labels)
            for sampler, labels in zip(self._samplers, self._labels, strict=True)
        ]
        images = [sheets.side_by_side(*scale) for scale in zip(*of_domains, strict=True)]
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
