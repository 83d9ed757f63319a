import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from msg_stylegan.pictures.video import CODECS, VideoWriter


def colours(count, height, width, channels, seed=0):
    """Frames of one colour each, which lossy codecs keep, brighter on the right."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(20, 200, (count, 1, 1, channels)) + np.zeros((count, height, width, 1))
    frames[:, :, width // 2 :] += 40
    return frames.astype(np.uint8)


def write(path, frames, **options):
    with VideoWriter(path, **options) as video:
        for frame in frames:
            video.write(frame)


def read_mp4(path):
    """Frames `[N, H, W, 3]` and frames per second."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert float(stream.duration * stream.time_base) == pytest.approx(len(frames) / rate)
    return np.stack(frames), rate


def read_gif(path):
    """Frames `[N, H, W, 3]` and milliseconds of each."""
    with Image.open(path) as picture:
        pages = [
            (np.asarray(page.convert("RGB")), page.info["duration"])
            for page in ImageSequence.Iterator(picture)
        ]
        assert picture.info["loop"] == 0
    return np.stack([frame for frame, _ in pages]), [duration for _, duration in pages]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("channels", [1, 3])
def test_mp4_is_read_back(tmp_path, codec, channels):
    frames = colours(12, 32, 48, channels)
    write(tmp_path / "a.mp4", frames, fps=24, codec=codec)
    found, rate = read_mp4(tmp_path / "a.mp4")
    assert rate == 24
    assert found.shape == (12, 32, 48, 3)
    # Away from the edge between two colours, where colour has half the resolution.
    difference = np.abs(found.astype(int) - frames)
    assert difference[:, :, :20].max() <= 6 and difference[:, :, 28:].max() <= 6


@pytest.mark.parametrize(("height", "width"), [(33, 47), (1, 1), (4, 5)])
def test_odd_sizes_are_padded_with_their_edge(tmp_path, height, width):
    frames = colours(3, height, width, 3)
    write(tmp_path / "a.mp4", frames)
    found, _ = read_mp4(tmp_path / "a.mp4")
    assert found.shape == (3, height + height % 2, width + width % 2, 3)
    np.testing.assert_allclose(found[:, -1, -1], frames[:, -1, -1], atol=6)


@pytest.mark.parametrize("fps", [0.5, 29.97, 60])
def test_any_speed(tmp_path, fps):
    write(tmp_path / "a.mp4", colours(4, 16, 16, 1), fps=fps)
    assert float(read_mp4(tmp_path / "a.mp4")[1]) == pytest.approx(fps, rel=1e-4)


def test_colours_are_marked_with_their_standard(tmp_path):
    write(tmp_path / "a.mp4", colours(2, 16, 16, 3))
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (
        1,
        1,
        1,
        1,
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_gif_of_few_colours_is_exact(tmp_path, channels):
    frames = colours(10, 21, 30, channels)
    write(tmp_path / "a.gif", frames, fps=10)
    found, durations = read_gif(tmp_path / "a.gif")
    np.testing.assert_array_equal(found, frames.repeat(3 // channels, axis=3))
    assert durations == [100] * 10


def test_gif_of_all_greys_is_almost_exact(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (4, 40, 40, 1), np.uint8)
    write(tmp_path / "a.gif", frames)
    found, _ = read_gif(tmp_path / "a.gif")
    # One of the 256 colours is needed for what did not change since the frame before.
    assert np.abs(found.astype(int) - frames).max() <= 2


def test_gif_keeps_its_speed_on_average(tmp_path):
    write(tmp_path / "a.gif", colours(60, 8, 8, 1), fps=30)
    assert sum(read_gif(tmp_path / "a.gif")[1]) == 2000


def test_gif_keeps_its_length_when_frames_repeat(tmp_path):
    write(tmp_path / "a.gif", colours(5, 8, 8, 3).repeat(4, axis=0), fps=10)
    found, durations = read_gif(tmp_path / "a.gif")
    assert len(found) == 5 and durations == [400] * 5


@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_nothing_is_left_of_a_video_that_failed(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    frames = colours(2, 16, 16, 3)
    write(path, frames)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), VideoWriter(path) as video:
        video.write(frames[0])
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_frames_of_another_kind_are_refused(tmp_path, suffix):
    frame = colours(1, 16, 16, 3)[0]
    for bad, message in (
        (frame[:8], "one size"),
        (frame[:, :, :1], "one size"),
        (frame[:, :, :2], "1 or 3 channels"),
        (frame / 2, "uint8"),
    ):
        with (
            pytest.raises(ValueError, match=message),
            VideoWriter(tmp_path / f"a.{suffix}") as video,
        ):
            video.write(frame)
            video.write(bad)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.avi", {}, ".mp4 or .gif"),
        ("a.mp4", {"codec": "mpeg1"}, "one of the codecs h264"),
        ("a.mp4", {"fps": 0}, "more than 0"),
        ("a.mp4", {"fps": float("nan")}, "more than 0"),
        ("a.gif", {"fps": 60}, "at most 50"),
        ("a.mp4", {}, "without frames"),
    ],
)
def test_wrong_requests_are_explained(tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message), VideoWriter(tmp_path / name, **options):
        pass
    assert not list(tmp_path.iterdir())


def test_a_size_that_an_encoder_does_not_know_is_explained(tmp_path):
    with pytest.raises(ValueError, match="h264 refuses 20000x8 pixels"):
        write(tmp_path / "a.mp4", colours(2, 8, 20000, 1))
    assert not list(tmp_path.iterdir())
