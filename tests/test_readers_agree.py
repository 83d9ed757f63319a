"""Data set tool, metrics, projection and score see the same pixels of a file."""

import json

import numpy as np
import pytest
from PIL import Image
from support import colour_profiles
from support.image_sources import encoded, noise
from support.tiny_feature_network import write_feature_network

from metrics.image_files import open_images
from msg_stylegan.commands import dataset_tool, run_metrics
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.decoding.picture_reader import PictureReader
from msg_stylegan.projection import read_target

SIDE = 16


def gray(seed):
    return noise(seed, SIDE, SIDE, 1)


def smooth(seed, channels):
    """Few colours, which JPEG and palettes hardly change."""
    return np.kron(noise(seed, 2, 2, channels), np.ones((8, 8, 1), np.uint8))


def with_mode(mode):
    def make(seed):
        image = Image.fromarray(noise(seed, SIDE, SIDE, 4))
        return (
            image.convert("RGB").convert(mode) if mode in ("CMYK", "LAB") else image.convert(mode)
        )

    return make


def palette(seed):
    return Image.fromarray(smooth(seed, 3)).quantize(16)


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def frames(seed):
    return {"save_all": True, "append_images": [Image.fromarray(noise(seed + 50))]}


def deep(seed):
    return Image.fromarray(gray(seed).astype(np.uint16) * 256 + 77)


# Kind of file -> image by its seed, format, options of saving.
KINDS = {
    "rgb": (with_mode("RGB"), "PNG", {}),
    "gray": (gray, "PNG", {}),
    "jpeg": (lambda seed: smooth(seed, 3), "JPEG", {}),
    "black and white": (with_mode("1"), "PNG", {}),
    "palette": (palette, "PNG", {}),
    "palette, one colour transparent": (palette, "GIF", {"transparency": 2}),
    "palette with alpha": (palette, "PNG", {"transparency": bytes(range(0, 256, 16))}),
    "gray with alpha": (with_mode("LA"), "PNG", {}),
    "rgb with alpha": (with_mode("RGBA"), "PNG", {}),
    "webp with alpha": (with_mode("RGBA"), "WEBP", {"lossless": True}),
    "colour key": (
        lambda seed: smooth(0, 3),
        "PNG",
        {"transparency": tuple(smooth(0, 3)[0, 0].tolist())},
    ),
    "gray key": (gray, "PNG", {"transparency": 7}),
    "cmyk": (with_mode("CMYK"), "TIFF", {}),
    "cmyk jpeg": (with_mode("CMYK"), "JPEG", {}),
    "lab": (with_mode("LAB"), "TIFF", {}),
    "16 bits": (deep, "PNG", {}),
    "16 bits, tiff": (deep, "TIFF", {}),
    "animated gif": (palette, "GIF", {"save_all": True, "append_images": [palette(99)]}),
    "animated png": (with_mode("RGB"), "PNG", frames(0)),
    "turned": (with_mode("RGB"), "PNG", {"exif": exif(6)}),
    "turned jpeg": (lambda seed: smooth(seed, 3), "JPEG", {"exif": exif(3)}),
    "turned tiff": (with_mode("RGB"), "TIFF", {"exif": exif(8)}),
    "mirrored gray": (gray, "PNG", {"exif": exif(5)}),
    "srgb": (with_mode("RGB"), "PNG", {"icc_profile": colour_profiles.srgb()}),
    "profile": (with_mode("RGB"), "PNG", {"icc_profile": colour_profiles.swapped()}),
    "profile and alpha": (with_mode("RGBA"), "PNG", {"icc_profile": colour_profiles.swapped()}),
    "profile and palette": (palette, "PNG", {"icc_profile": colour_profiles.swapped()}),
    "gray profile": (gray, "PNG", {"icc_profile": colour_profiles.gray(1.8)}),
    "cmyk profile": (with_mode("CMYK"), "TIFF", {"icc_profile": colour_profiles.cmyk()}),
    "broken profile": (with_mode("RGB"), "PNG", {"icc_profile": b"broken"}),
}


def write(folder, kind, count=4):
    make, file_format, options = KINDS[kind]
    folder.mkdir()
    for seed in range(count):
        path = folder / f"{seed}.{file_format.lower()}"
        path.write_bytes(encoded(make(seed), file_format, **options))
    return folder


@pytest.mark.parametrize("background", ["black", "#ff8000"])
@pytest.mark.parametrize("kind", KINDS)
def test_all_readers_agree(tmp_path, kind, background):
    folder = write(tmp_path / "photos", kind)
    rules = f"--background={background}"
    out = tmp_path / "records"
    command = ["create_from_images", str(out), str(folder), "--shuffle=0", "--workers=1", rules]
    assert dataset_tool.main(command) == 0
    records = TFRecordDataset(out).read_images(range(4))
    reader = PictureReader(background)
    files = np.concatenate(list(open_images(folder, reader=reader).iterate_images(4)))
    channels = records.shape[3]
    targets = [read_target(path, SIDE, channels, reader) for path in sorted(folder.iterdir())]
    np.testing.assert_array_equal(targets, records)
    if channels == 3 or background == "black":
        np.testing.assert_array_equal(files, np.broadcast_to(records, files.shape))


def score(tmp_path, fakes, reals):
    output = tmp_path / "scores.jsonl"
    output.unlink(missing_ok=True)
    arguments = [
        f"--fakes={fakes}",
        f"--reals={reals}",
        "--metrics=fid,kid,swd8",
        f"--feature_network={tmp_path / 'tiny.keras'}",
        f"--cache_dir={tmp_path / 'cache'}",
        f"--output={output}",
        "--background=white",
    ]
    assert run_metrics.main(arguments) == 0
    return [json.loads(line)["results"] for line in output.read_text().splitlines()]


def test_a_folder_scores_like_the_data_set_made_of_it(tmp_path):
    """One image of each kind: all scores are equal to the last digit."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, kind in enumerate(KINDS):
        (path,) = write(tmp_path / "one", kind, count=1).iterdir()
        path.rename(folder / f"{i:02d}{path.suffix}")
        path.parent.rmdir()
    out = tmp_path / "records"
    command = ["create_from_images", str(out), str(folder), "--workers=1", "--background=white"]
    assert dataset_tool.main(command) == 0
    write_feature_network(tmp_path)
    itself = score(tmp_path, out, out)
    assert score(tmp_path, folder, out) == itself
    assert score(tmp_path, out, folder) == itself
    assert abs(itself[0]["fd-tiny"]) < 1e-3
