"""Videos from uint8 frames: MP4 through PyAV, GIF through Pillow, or a folder of PNG files.

Whole files and folders, or none.
"""

import contextlib
import itertools
import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from msg_stylegan.files import atomic_directory, atomic_path
from msg_stylegan.pictures.sheets import check_images, save_image

# What `open_video` writes.
FORMATS = ("mp4", "gif", "frames")

# Name -> (encoder of FFmpeg, its options). All are visually almost lossless. Not H.265 and AV1:
# below 64 pixels, libx265 corrupts the memory of the process and libsvtav1 fails.
CODECS = {
    "h264": ("libx264", {"crf": "16", "preset": "medium"}),
    "vp9": ("libvpx-vp9", {"crf": "18", "b": "0", "row-mt": "1"}),
}

# Beyond this, players show GIFs at a tenth of a second per frame.
MAX_GIF_FPS = 50

# Code of ITU-R BT.709 in the tables of the video standards.
_BT709 = 1


def open_video(path, format_name, fps, codec, metadata):
    """A context manager with `write(frame)` and the `path` of what it writes.

    Args:
        path: Target without its ending.
        format_name: One of `FORMATS`.
        fps: Frames per second of a video file.
        codec: How an MP4 is encoded, one of `CODECS`.
        metadata: Dictionary of facts to be stored in the video, or in every frame.
    """
    if format_name == "frames":
        return FrameFolder(path, metadata)
    return VideoWriter(path.with_name(f"{path.name}.{format_name}"), fps, codec, metadata)


class VideoWriter:
    """A context manager that writes one video file, which appears when the block succeeds.

    Every frame lasts the same time: 1 / fps seconds, in a GIF on average, because its clock counts
    hundredths of a second. A GIF merges a frame with an equal one before it.
    """

    def __init__(self, path, fps=30, codec="h264", metadata=None):
        """Prepares the file.

        Args:
            path: Target, ending in `.mp4` or `.gif`.
            fps: Frames per second, a positive number.
            codec: One of `CODECS`, for MP4 only.
            metadata: Dictionary of facts that are stored as the comment of the video, in JSON.

        Raises:
            ValueError: An argument has another value.
        """
        self.path = Path(path)
        kind = self.path.suffix.lower()
        if kind not in (".mp4", ".gif"):
            raise ValueError(f"A video is a .mp4 or .gif file. Received {path}.")
        if codec not in CODECS:
            raise ValueError(f"Expected one of the codecs {', '.join(CODECS)}. Received {codec!r}.")
        if not 0 < fps <= (MAX_GIF_FPS if kind == ".gif" else 1000):
            raise ValueError(
                f"Expected more than 0 and at most {MAX_GIF_FPS} (GIF) or 1000 (MP4) frames per "
                f"second. Received {fps}."
            )
        self._fps = Fraction(fps).limit_denominator(1001)
        self._codec = codec
        self._comment = json.dumps(metadata) if metadata else None
        self._encoder = None
        self._shape = None
        self._open = contextlib.ExitStack()

    def __enter__(self):
        self._temporary = self._open.enter_context(atomic_path(self.path))
        return self

    def write(self, frame):
        """Adds a frame.

        Args:
            frame: uint8 `[H, W, C]`, C = 1 or 3, of the same shape as all others.
        """
        (frame,) = check_images(np.asarray(frame)[None])
        if self._encoder is None:
            self._shape = frame.shape
            encoder = _GifEncoder if self.path.suffix.lower() == ".gif" else _Mp4Encoder
            self._encoder = encoder(
                self._temporary, frame.shape, self._fps, self._codec, self._comment
            )
            self._open.callback(self._encoder.close)
        if frame.shape != self._shape:
            raise ValueError(
                f"All frames of a video have one size. Received {list(frame.shape)} after "
                f"{list(self._shape)}."
            )
        self._encoder.write(frame)

    def __exit__(self, error_type, error, traceback):
        if error_type is not None:
            return self._open.__exit__(error_type, error, traceback)
        with self._open:
            if self._encoder is None:
                raise ValueError(f"{self.path} would be a video without frames.")
            self._encoder.finish()
        return None


class _Mp4Encoder:
    def __init__(self, path, shape, fps, codec, comment):
        height, width, _ = shape
        # Colour has half the resolution, so that both sides must be even.
        self._padding = ((0, height % 2), (0, width % 2), (0, 0))
        name, options = CODECS[codec]
        # Absolute, because FFmpeg takes what stands before a colon for a protocol.
        path = str(Path(path).absolute())
        self._container = av.open(path, "w", format="mp4", options={"movflags": "+faststart"})
        if comment:
            self._container.metadata["comment"] = comment
        stream = self._container.add_stream(name, rate=fps, options=options)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        # Stated, because players guess differently for small pictures.
        stream.codec_context.color_range = ColorRange.MPEG
        stream.codec_context.colorspace = Colorspace.ITU709
        stream.codec_context.color_primaries = _BT709
        stream.codec_context.color_trc = _BT709
        self._stream = stream
        try:
            stream.codec_context.open()
        except av.error.FFmpegError as error:
            self._container.close()
            raise ValueError(
                f"The encoder of {codec} refuses {stream.width}x{stream.height} pixels at "
                f"{float(fps):g} frames per second: {error.strerror}."
            ) from error

    def write(self, frame):
        frame = np.pad(frame, self._padding, mode="edge").repeat(3 // frame.shape[2], axis=2)
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture = picture.reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation="AREA",
        )
        self._container.mux(self._stream.encode(picture))

    def finish(self):
        self._container.mux(self._stream.encode())

    def close(self):
        self._container.close()


class FrameFolder:
    """A context manager like `VideoWriter` that writes a folder of numbered PNG files.

    Args:
        path: Folder, which must not exist or must be empty.
        metadata: Facts to be stored in every frame.
    """

    def __init__(self, path, metadata=None):
        self.path = path
        self._metadata = metadata
        self._count = 0
        self._open = contextlib.ExitStack()

    def __enter__(self):
        self._folder = self._open.enter_context(atomic_directory(self.path))
        return self

    def write(self, frame):
        """Adds a frame: uint8 `[H, W, C]`, C = 1 or 3."""
        save_image(frame, self._folder / f"frame{self._count:06d}.png", self._metadata)
        self._count += 1

    def __exit__(self, *error):
        return self._open.__exit__(*error)


class _GifEncoder:
    """Holds all frames, with one byte per pixel: Pillow writes them at once."""

    def __init__(self, path, shape, fps, codec, comment):
        self._path = path
        self._fps = fps
        self._comment = {"comment": comment.encode()} if comment else {}
        self._is_gray = shape[2] == 1
        self._pictures = []

    def write(self, frame):
        if self._is_gray:
            self._pictures.append(Image.fromarray(frame[:, :, 0]))
        else:
            # Without dithering, which would flicker.
            self._pictures.append(Image.fromarray(frame).quantize(256, dither=Image.Dither.NONE))

    def finish(self):
        ends = [round(100 * i / self._fps) for i in range(len(self._pictures) + 1)]
        self._pictures[0].save(
            self._path,
            format="GIF",
            save_all=True,
            append_images=self._pictures[1:],
            duration=[10 * (end - start) for start, end in itertools.pairwise(ends)],
            loop=0,
            **self._comment,
        )

    def close(self):
        self._pictures.clear()
