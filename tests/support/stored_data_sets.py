"""Data sets in all ways in which they can be stored, written plainly, for tests."""

from pathlib import Path

import numpy as np

from msg_stylegan.data.dataset_folder import file_facts, labels_name, records_name, write_manifest
from msg_stylegan.data.pyramid import image_pyramid
from msg_stylegan.data.record_format import encode_example, frame


def random_images(num_images=6, resolution=32, channels=3, seed=0):
    """Random uint8 `[N, r, r, C]`."""
    shape = (num_images, resolution, resolution, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def random_planes(num_images, channels=3, resolution=4, seed=0):
    """Random uint8 `[N, C, r, r]`."""
    shape = (num_images, channels, resolution, resolution)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def write_records(directory, images, labels=None):
    """Writes images, uint8 `[N, r, r, C]`, as the original stored them; returns the folder."""
    return store(Path(directory), images, labels, manifest=False)


def store(
    directory, images, labels=None, *, encoding="raw", levels="all", num_shards=1, manifest=True
):
    """Writes images, uint8 `[N, r, r, C]`, as a data set; returns its folder."""
    directory.mkdir(parents=True)
    name, resolution = directory.name, images.shape[1]
    files, sides = {}, []
    for level in range(len(list(image_pyramid(images[0].T))) if levels == "all" else 1):
        sides.append(resolution >> level)
        for shard in range(num_shards):
            part = images[_slice(len(images), shard, num_shards)]
            path = directory / records_name(name, sides[-1], shard, num_shards)
            records = [_level_record(image, level, encoding) for image in part]
            path.write_bytes(b"".join(records))
            files[path.name] = file_facts(path, len(part))
    if labels is not None:
        path = directory / labels_name(name)
        with path.open("wb") as file:
            np.save(file, labels.astype(np.float32))
        files[path.name] = file_facts(path, len(labels))
    if manifest:
        facts = {
            "name": name,
            "command": {},
            "source": {},
            "num_images": len(images),
            "resolution": resolution,
            "num_channels": images.shape[3],
            "label_size": 0 if labels is None else labels.shape[1],
            "class_names": None,
            "encoding": encoding,
            "levels": sides,
            "num_shards": num_shards,
            "files": files,
        }
        write_manifest(directory, facts)
    return directory


def _slice(num_images, shard, num_shards):
    return slice(*(num_images * k // num_shards for k in (shard, shard + 1)))


def _level_record(image, level, encoding):
    planes = np.ascontiguousarray(image.transpose(2, 0, 1))
    return frame(encode_example(list(image_pyramid(planes))[level], encoding))
