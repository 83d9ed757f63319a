"""The real pictures that networks were trained on."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from msg_stylegan.data.dataset import TFRecordDataset


class TrainingData(NamedTuple):
    """A data set, and how much of it a training saw."""

    everything: TFRecordDataset
    # Facts of the networks, `Networks.info`.
    info: dict

    def seen(self):
        """Whether the training saw a picture: bool `[everything.num_images]`.

        Raises:
            ValueError: The networks do not say what they were trained on, or that was something
                else.
        """
        options = self.info.get("options")
        if options is None:
            raise ValueError("The networks do not say which pictures they were trained on.")
        # Networks that still grow are smaller than what they are trained on.
        data = self.everything.at_resolution(options["dataset"].get("resolution", 0))
        num_images = options["dataset"].get("num_images", 0)
        seen = data.subset(num_images, options["seed"]) if num_images else data
        # Networks of older versions have none.
        if self.info.get("fingerprint", seen.fingerprint()) != seen.fingerprint():
            raise ValueError(
                f"{data.path} has other pictures than the data set {self.info['dataset']} of the "
                "training, so that those which it saw cannot be told. Name that one by --data."
            )
        result = np.full(data.num_images, not num_images)
        if num_images:
            result[seen.record_numbers] = True
        return result


def data_of_training(info, G, path=None):
    """Opens what networks were trained on.

    Args:
        info: Facts of a snapshot, `Networks.info`.
        G: Its generator.
        path: Folder of the data set, if it is not where it was.

    Returns:
        `TrainingData`.

    Raises:
        ValueError: The networks do not say what they were trained on.
        FileNotFoundError: There is no such folder.
    """
    options = info.get("options")
    if path is None:
        if options is None:
            raise ValueError("The networks do not say what they were trained on. Use --data.")
        path = Path(options["data_dir"]) / options["dataset"]["path"]
    if not path.is_dir():
        raise FileNotFoundError(f"There is no folder {path} of real pictures. Name it by --data.")
    dataset = TFRecordDataset(path, resolution=G.resolution, max_label_size=G.label_size)
    return TrainingData(dataset, info)
