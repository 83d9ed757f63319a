"""The order in which metrics see the images and labels of files, which follows from their content.

Names of files, folders and archives and the way a data set was written do not matter, so images
that are stored class by class score like the same images in any other order.
"""

import hashlib

import numpy as np

from msg_stylegan.data.dataset import label_batches

# Raise it when the same images come in another order.
ORDER_VERSION = 1
# Raise it when the same labels come in another order.
LABEL_ORDER_VERSION = 1

_SEED = 0


class FixedOrder:
    """A set of images, `ImageFiles` or `TFRecordDataset`, that is read in its fixed order.

    Args:
        images: The set.
        progress: Called like `tqdm.tqdm`. All images are read once to find the order, when it is
            needed for the first time.
        notice: Function that tells the user a text: that all images are copies of one.
    """

    def __init__(self, images, progress, notice):
        self._images = images
        self._progress = progress
        self._notice = notice
        self._order = None

    def iterate_images(
        self, batch_size, num_images=None, *, start=0, shuffled=True, mirror_seed=None
    ):
        """Yields batches of images, starting over after the last image.

        Args:
            batch_size: Images per batch. Batches of files may be shorter.
            num_images: Images in all; None for each image once.
            start: Position of the first image; from the number of images on, positions count on
                into the next round.
            shuffled: Whether they come in the fixed order instead of that of the files.
            mirror_seed: Decides, together with the position, which images are flipped left to
                right, each with probability 1/2; None to flip none.

        Yields:
            uint8 `[n, height, width, C]`.
        """
        total = self._images.num_images
        numbers = np.arange(start, start + (total if num_images is None else num_images)) % total
        if shuffled:
            if self._order is None:
                self._order = self._find(batch_size)
            numbers = self._order[numbers]
        for images in self._images.iterate_images(batch_size, numbers):
            if mirror_seed is not None:
                # One draw per position, so that the generator can be moved to any of them.
                draws = np.random.PCG64(mirror_seed).advance(start).random_raw(len(images))
                flip = draws >> np.uint64(63) == 1
                images[flip] = images[flip, :, ::-1]
                start += len(images)
            yield images

    def _find(self, batch_size):
        digests = []
        total = self._images.num_images
        with self._progress(total=total, desc=f"order of {self._images.name}", unit="img") as bar:
            for batch in self._images.iterate_images(batch_size):
                digests += [_image_digest(image) for image in batch]
                bar.update(len(batch))
        if total > 1 and len(set(digests)) == 1:
            self._notice(
                f"All {total} images of {self._images.path} are copies of one. Scores of them "
                "mean little."
            )
        by_content = np.array(sorted(range(total), key=digests.__getitem__), np.int64)
        # Copies of an image are neighbours now. This stream of NumPy is the same in all versions.
        return by_content[np.random.RandomState(_SEED).permutation(total)]


class LabelsInOrder:
    """The labels of a data set for `draw_latents`, however the data set was written.

    Args:
        dataset: `TFRecordDataset` or `LabelTable`.

    Attributes:
        label_size: Numbers per label.
        num_images: Number of labels.
    """

    def __init__(self, dataset):
        self.label_size = dataset.label_size
        self.num_images = dataset.num_images
        self._dataset = dataset
        self._order = None

    def read_labels(self, indices):
        """Labels by their places in the order: float32 `[N, label_size]`."""
        if self._order is None:
            digests = [_digest(row) for batch in label_batches(self._dataset) for row in batch]
            self._order = np.array(sorted(range(self.num_images), key=digests.__getitem__))
        return self._dataset.read_labels(self._order[indices])


def _image_digest(image):
    """Digest of uint8 `[h, w, C]`; a grayscale image has that of the same image in colour."""
    return _digest(np.broadcast_to(image, (*image.shape[:2], 3)))


def _digest(array):
    return hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()
