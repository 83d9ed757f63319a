"""True pairs: data sets of real images whose partners in the other domain are known."""

from pathlib import Path

from msg_stylegan.command_names import called
from msg_stylegan.data.dataset import TFRecordDataset


class Partners:
    """The four data sets that `create_pair same_names` writes: a, b, a_partners and b_partners.

    Image i of a_partners is that of domain B which belongs to image i of a, and so on.

    Args:
        folder: Folder of them; None if nobody knows it.
    """

    def __init__(self, folder):
        self._folder = folder

    def open(self, domain, resolution=0, label_size=0):
        """Images of a domain and their partners in the other one.

        Args:
            domain: "a" or "b".
            resolution: Side of the images; 0 for the stored one.
            label_size: Numbers per label of the images of the domain.

        Returns:
            Tuple of two `TFRecordDataset`s of equally many images.

        Raises:
            ValueError: There are no such data sets, or they do not belong together.
        """
        paths = [Path(self._folder or ".", name) for name in (domain, f"{domain}_partners")]
        missing = [path for path in paths if not path.is_dir()]
        if self._folder is None or missing:
            place = f"There is no {missing[0]}. " if self._folder is not None else ""
            raise ValueError(
                f"Real images are needed whose partners in the other domain are known. {place}"
                f"`{called('dataset')} create_pair same_names` makes folders of them: a, b, "
                "a_partners and b_partners. Name the folder of these by --partners (default: the "
                "one in which the data set of domain A lies)."
            )
        images, partners = (
            TFRecordDataset(path, resolution, size)
            for path, size in zip(paths, (label_size, 0), strict=True)
        )
        if images.num_images != partners.num_images:
            raise ValueError(
                f"{paths[0]} has {images.num_images} images and {paths[1]} {partners.num_images}: "
                "they do not belong together, image by image."
            )
        return images, partners

    def fingerprint(self):
        """Identifies the content of all four."""
        return [dataset.fingerprint() for domain in "ab" for dataset in self.open(domain)]
