"""Folders, archives and lists of the same images, for tests of sources."""

import io
import pickle
import posixpath
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.image_preparation import ImagePreparation

SIXTEEN = ImagePreparation(resolution=16, channels=3)


def noise(seed, height=16, width=16, channels=3):
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def encoded(image, file_format="PNG", **options):
    """Bytes of a file of an image, which is an array or one of Pillow's."""
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    data = io.BytesIO()
    image.save(data, file_format, **options)
    return data.getvalue()


def write_folder(path, files):
    """Writes a dict of relative paths to bytes or images."""
    for name, content in files.items():
        target = Path(path, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else encoded(content))
    return Path(path)


def write_zip(path, files, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else encoded(content))
    return path


def write_tar(path, files, compression=""):
    with tarfile.open(path, f"w:{compression}") as archive:
        for name, content in files.items():
            content = content if isinstance(content, bytes) else encoded(content)
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def write_list(path, files):
    folder = write_folder(path.with_suffix(""), files)
    path.write_text("".join(f"{folder.name}/{name}\n" for name in files), encoding="utf-8")
    return path


def write_remote(path, files):
    """Writes to TensorFlow's file system in memory, which is one of those behind an address."""
    from tensorflow.io import gfile

    address = f"ram://{path}"
    for name, content in files.items():
        target = f"{address}/{name}"
        gfile.makedirs(posixpath.dirname(target))
        if gfile.exists(target):  # This file system would keep the end of a longer file.
            gfile.remove(target)
        with gfile.GFile(target, "wb") as file:
            file.write(content if isinstance(content, bytes) else encoded(content))
    gfile.makedirs(address)
    return address


# In the order of their relative paths: "." sorts before "/", capitals before small letters.
FILES = {
    "B.BMP": encoded(noise(0), "BMP"),
    "a.png": noise(1),
    "a/x.png": noise(2),
    "sub/deep/0.webp": noise(3),  # PNG in truth: the content counts, not the ending.
    "sub/deep/1.tiff": encoded(noise(4), "TIFF"),
}

WRITERS = {
    "folder": write_folder,
    "remote": write_remote,
    "zip": write_zip,
    "stored.zip": lambda path, files: write_zip(path, files, zipfile.ZIP_STORED),
    "tar": write_tar,
    "tar.gz": lambda path, files: write_tar(path, files, "gz"),
    "tar.bz2": lambda path, files: write_tar(path, files, "bz2"),
    "tar.xz": lambda path, files: write_tar(path, files, "xz"),
}


def pixels(source):
    return [source.read(i) for i in range(source.num_images)]


def outcomes(source):
    """Shape of each image by the last part of its name, or why it is skipped."""
    found = {}
    for i in range(source.num_images):
        name = source.name(i).rpartition("/")[2]
        try:
            found[name] = source.read(i).shape
        except SkippedImageError as error:
            found[name] = str(error)
    return found


def idx(array):
    """An IDX file: magic number, sides as big-endian numbers, bytes."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def images_of(source):
    """All images, in a new process's copy of the source."""
    source = pickle.loads(pickle.dumps(source))
    images = [source.read(index) for index in range(source.num_images)]
    assert all(image.dtype == np.uint8 for image in images)
    return np.stack(images)
