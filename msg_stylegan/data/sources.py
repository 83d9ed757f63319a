"""Where images come from: one reader per source.

A source has `num_images`, `labels` (float32 `[N, L]` or None), `name(i)` for error messages and
`read(i)`, which returns uint8 `[H, W, C]` and may be called from several threads.
"""

import collections
import concurrent.futures
import contextlib
import functools
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageFile
from tqdm import tqdm

_CHANNELS = {"L": 1, "RGB": 3}


class FolderSource:
    """All images of a folder and its sub-folders, sorted by relative path.

    Hidden files and folders, and files whose ending is not that of an image, are left out.

    Args:
        folder: Path of the folder.
        resize: Resize to `2**resize` pixels, as the original's option; None = leave as it is.

    Raises:
        ValueError: There is no such folder, or it holds no image.
    """

    labels = None

    def __init__(self, folder, resize=None):
        folder = Path(folder)
        if not folder.is_dir():
            raise ValueError(f"There is no folder {folder}.")
        # 2**13 is beyond all published networks: a larger number is a size, not an exponent.
        if resize is not None and not 2 <= resize <= 13:
            raise ValueError(
                "`--resize` takes the exponent of a power of two: 8 for 256x256, 10 for 1024x1024. "
                f"Received: {resize}"
            )
        self._size = None if resize is None else 2**resize
        self._paths = image_paths(folder)
        if not self._paths:
            raise ValueError(f"{folder} holds no images ({', '.join(_COMMON_ENDINGS)}, ...).")
        self.num_images = len(self._paths)
        self._check_headers()

    def name(self, index):
        return str(self._paths[index])

    def read(self, index):
        path = self._paths[index]
        with decoding(path), Image.open(path) as image:
            image.load()
        if self._size is not None and image.width != self._size:
            # The original's `scipy.misc.imresize` was this very filter.
            image = image.resize((self._size, self._size), Image.Resampling.BILINEAR)
        return np.asarray(image).reshape(image.height, image.width, _CHANNELS[image.mode])

    def _check_headers(self):
        """Looks at all images without decoding them: errors show before the hours of work."""
        first = None
        for path in tqdm(self._paths, desc="Checking", unit=" images"):
            with decoding(path), Image.open(path) as image:
                mode, width, height = image.mode, image.width, image.height
            if mode not in _CHANNELS:
                raise ValueError(
                    f"{path} has the mode {mode}; only grayscale (L) and RGB images can be used. "
                    "Convert all images first, for example with Pillow: "
                    'Image.open(path).convert("RGB").save(path)'
                )
            if width != height:
                raise ValueError(
                    f"{path}: images must be square. This one is {width}x{height}; crop it first."
                )
            first = first or (path, mode, width)
            if mode != first[1] or (width != first[2] and self._size is None):
                raise ValueError(
                    f"{path}: all images must be alike. This one is {width}x{width} {mode}, but "
                    f"{first[0]} is {first[2]}x{first[2]} {first[1]}."
                )


@contextlib.contextmanager
def decoding(name):
    """Turns any error in the block into a `ValueError` that names the image."""
    try:
        yield
    # Pillow's decoders meet a damaged file with many kinds of errors.
    except Exception as error:
        raise ValueError(f"{name} cannot be read as an image: {error}") from error


_COMMON_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def image_paths(folder):
    """Images of a folder and its sub-folders: list of paths, sorted by relative path."""
    found = {}
    for path in folder.rglob("*"):
        relative = path.relative_to(folder).as_posix()
        if is_image_name(relative) and path.is_file():
            found[relative] = path
    return [found[name] for name in sorted(found)]


def is_image_name(name):
    """Whether a relative path, with forward slashes, is an image's and not hidden."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and path.suffix.lower() in _image_endings()


@functools.cache
def _image_endings():
    """Endings of the formats that Pillow can decode; some of its plugins are only stubs."""
    Image.init()
    stub = ImageFile.StubImageFile
    decodable = {
        name
        for name, (opener, _) in Image.OPEN.items()
        if not (isinstance(opener, type) and issubclass(opener, stub))
    }
    return {ending for ending, name in Image.registered_extensions().items() if name in decodable}


class DigitsSource:
    """scikit-learn's 1,797 handwritten digits, enlarged from 8x8 to 32x32 grayscale.

    The labels are one-hot, of size 10.

    Raises:
        ValueError: scikit-learn is not installed.
    """

    def __init__(self):
        try:
            from sklearn.datasets import load_digits
        except ImportError:
            raise ValueError(
                "create_digits needs scikit-learn. Install it with `pip install -e .[demo]`."
            ) from None
        digits = load_digits()
        self._images = digits.images  # [NHW], values 0 to 16
        self.num_images = len(digits.images)
        self.labels = np.eye(10, dtype=np.float32)[digits.target]

    def name(self, index):
        return f"digit {index}"

    def read(self, index):
        # The strokes reach the border: a margin of one pixel keeps them from being cut off.
        image = np.pad(self._images[index] * (255 / 16), 1).astype(np.float32)
        # Resized as floats, so that the filter's overshoot is clipped once, at the end.
        image = Image.fromarray(image)
        image = np.asarray(image.resize((32, 32), Image.Resampling.BICUBIC))
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)[:, :, np.newaxis]


def read_in_order(source, order, num_threads):
    """Yields `(name, image)` of a source in the given order, decoding ahead in threads.

    Args:
        source: One of the sources of this file.
        order: Image numbers.
        num_threads: Threads that decode; twice as many images are held in memory.
    """
    pending = collections.deque()
    indices = iter(order)
    with concurrent.futures.ThreadPoolExecutor(num_threads) as pool:
        try:
            for index in indices:
                pending.append((index, pool.submit(source.read, index)))
                if len(pending) >= 2 * num_threads:
                    first, future = pending.popleft()
                    yield source.name(first), future.result()
            for first, future in pending:
                yield source.name(first), future.result()
        finally:
            # After an error nobody wants the rest.
            for _, future in pending:
                future.cancel()
