import builtins
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dataset_tool
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.writer import shuffled_order

ROOT = Path(dataset_tool.__file__).parent


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def random_image(seed, side=16, channels=3):
    shape = (side, side, 3) if channels == 3 else (side, side)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Five images in two folders, and files that are none."""
    names = ["a/x.png", "a.png", "b.BMP", "sub/deep/1.png", "sub/deep/0.png"]
    for i, name in enumerate(names):
        save(tmp_path / "photos" / name, random_image(i))
    for name in ("readme.txt", ".hidden.png", ".cache/x.png", "sub/Thumbs.db"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("no image")
    # By relative path with forward slashes: "." sorts before "/".
    order = ["a.png", "a/x.png", "b.BMP", "sub/deep/0.png", "sub/deep/1.png"]
    images = np.stack([random_image(names.index(name)) for name in order])
    return tmp_path / "photos", images


def images_of(path):
    dataset = TFRecordDataset(path)
    return dataset.read_images(range(dataset.num_images))


def test_folder_by_name(folder, tmp_path, capsys):
    photos, images = folder
    assert (
        dataset_tool.main(["create_from_images", f"{tmp_path}/out/", str(photos), "--shuffle=0"])
        == 0
    )
    np.testing.assert_array_equal(images_of(tmp_path / "out"), images)
    summary = capsys.readouterr().out.strip().splitlines()[-1]
    assert summary.startswith(f"{tmp_path}/out/: 5 images, 16x16, RGB, no labels, 0.0 MiB")


def test_folder_shuffled(folder, tmp_path):
    photos, images = folder
    assert dataset_tool.main(["create_from_images", str(tmp_path / "out"), str(photos)]) == 0
    np.testing.assert_array_equal(images_of(tmp_path / "out"), images[shuffled_order(5)])


def test_resize(tmp_path):
    sizes = [8, 16, 20, 100]
    for i, side in enumerate(sizes):
        save(tmp_path / "photos" / f"{i}.png", random_image(i, side, channels=1))
    command = ["create_from_images", str(tmp_path / "out"), str(tmp_path / "photos"), "--shuffle=0"]
    assert dataset_tool.main([*command, "--resize", "4"]) == 0
    images = images_of(tmp_path / "out")
    assert images.shape == (4, 16, 16, 1)
    np.testing.assert_array_equal(images[1, :, :, 0], random_image(1, 16, channels=1))
    # A bilinear filter keeps the mean, up to the border and rounding.
    for i, side in enumerate(sizes):
        assert abs(images[i].mean() - random_image(i, side, channels=1).mean()) < 6


def test_jpeg_grayscale(tmp_path):
    save(tmp_path / "photos" / "x.jpg", np.full((8, 8), 99, np.uint8))
    assert (
        dataset_tool.main(["create_from_images", str(tmp_path / "o"), str(tmp_path / "photos")])
        == 0
    )
    np.testing.assert_array_equal(images_of(tmp_path / "o"), np.full((1, 8, 8, 1), 99))


def make_empty(photos):
    photos.mkdir()
    (photos / "notes.txt").touch()


def make_unreadable(photos):
    save(photos / "0.png", random_image(0))
    (photos / "bad.png").write_text("no image")


def make_truncated(photos):
    save(photos / "0.png", random_image(0))
    path = save(photos / "bad.png", random_image(1))
    path.write_bytes(path.read_bytes()[:400])


def make_corrupt(photos):
    save(photos / "0.png", random_image(0))
    path = save(photos / "bad.png", random_image(1))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def make_wide(photos):
    save(photos / "bad.png", np.zeros((16, 32, 3), np.uint8))


def make_odd(photos):
    save(photos / "bad.png", random_image(0, side=24))


def make_mixed_sizes(photos):
    save(photos / "0.png", random_image(0))
    save(photos / "bad.png", random_image(1, side=32))


def make_mixed_channels(photos):
    save(photos / "0.png", random_image(0))
    save(photos / "bad.png", random_image(1, channels=1))


def make_transparent(photos):
    save(photos / "bad.png", np.zeros((16, 16, 4), np.uint8))


def make_palette(photos):
    photos.mkdir()
    Image.fromarray(random_image(0)).convert("P").save(photos / "bad.png")


def make_file(photos):
    photos.touch()


def make_nothing(photos):
    pass


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (make_nothing, [], "there is no folder"),
        (make_file, [], "there is no folder"),
        (make_empty, [], "holds no images"),
        (make_unreadable, [], "bad.png cannot be read as an image"),
        (make_truncated, [], "bad.png cannot be read as an image"),
        (make_corrupt, [], "bad.png cannot be read as an image"),
        (make_wide, [], "bad.png: images must be square. this one is 32x16"),
        (make_wide, ["--resize=4"], "bad.png: images must be square"),
        (make_odd, [], "bad.png: the side must be a power of two"),
        (make_odd, ["--resize=256"], "`--resize` takes the exponent"),
        (make_odd, ["--resize=1"], "`--resize` takes the exponent"),
        (make_mixed_sizes, [], "bad.png: all images must be alike"),
        (make_mixed_channels, [], "bad.png: all images must be alike"),
        (make_mixed_channels, ["--resize=4"], "bad.png: all images must be alike"),
        (make_transparent, [], "bad.png has the mode rgba"),
        (make_palette, [], "bad.png has the mode p;"),
    ],
)
def test_wrong_folders_give_one_error_and_leave_nothing(tmp_path, capsys, make, options, message):
    make(tmp_path / "photos")
    before = sorted(tmp_path.iterdir())
    out = tmp_path / "out"
    assert (
        dataset_tool.main(["create_from_images", str(out), str(tmp_path / "photos"), *options]) == 1
    )
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0].lower()
    assert sorted(tmp_path.iterdir()) == before


def test_existing_data_set_is_kept(folder, tmp_path, capsys):
    command = ["create_from_images", str(tmp_path / "out"), str(folder[0])]
    assert dataset_tool.main(command) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert dataset_tool.main(command) == 1
    assert "error: " in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_digits(tmp_path, capsys):
    out = tmp_path / "digits"
    assert dataset_tool.main(["create_digits", str(out)]) == 0
    assert "1797 images, 32x32, grayscale, labels of size 10, 2.8 MiB" in capsys.readouterr().out
    dataset = TFRecordDataset(out, max_label_size=-1)
    assert (dataset.num_images, dataset.shape, dataset.label_size) == (1797, (32, 32, 1), 10)
    labels = dataset.read_labels(range(1797))
    images = dataset.read_images(range(1797))
    np.testing.assert_array_equal(np.sort(labels, axis=1), np.eye(10)[[9] * 1797])
    assert (images.min(), images.max()) == (0, 255)
    # A zero is darker in the middle than around it, a one is bright there.
    numbers = labels.argmax(axis=1)
    middle = images[:, 12:20, 12:20].mean(axis=(1, 2, 3))
    assert middle[numbers == 0].mean() < 50 < 150 < middle[numbers == 1].mean()

    assert dataset_tool.main(["verify", str(out)]) == 0
    assert "1797 images, 32x32, grayscale, labels of size 10" in capsys.readouterr().out


def test_digits_without_scikit_learn(tmp_path, capsys, monkeypatch):
    import_module = builtins.__import__

    def without_sklearn(name, *args):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return import_module(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_sklearn)
    assert dataset_tool.main(["create_digits", str(tmp_path / "digits")]) == 1
    assert "pip install -e .[demo]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_verify_names_the_record(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert dataset_tool.main(["create_from_images", str(out), str(folder[0])]) == 0
    path = out / "out-r04.tfrecords"
    content = bytearray(path.read_bytes())
    stride = len(content) // 5
    content[3 * stride + 100] ^= 4
    path.write_bytes(content)
    assert dataset_tool.main(["verify", str(out)]) == 1
    errors = capsys.readouterr().err
    assert f"error: {path}, record 3 at byte {3 * stride}: its checksum is wrong" in errors
    assert dataset_tool.main(["verify", str(tmp_path / "nowhere")]) == 1


@pytest.mark.parametrize(
    "argv", [[], ["create"], ["create_digits"], ["create_from_images", "a", "b", "--shuffle=2"]]
)
def test_usage_errors(argv, capsys):
    with pytest.raises(SystemExit) as error:
        dataset_tool.main(argv)
    assert error.value.code == 2
    assert "usage: dataset_tool.py" in capsys.readouterr().err


def listen_to_ctrl_c():
    # Whatever a shell starts in the background ignores it, and so would our programs.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no way to send Ctrl-C to one process")
def test_interruption_leaves_nothing(tmp_path):
    photos = tmp_path / "photos"
    first = save(photos / "0000.png", random_image(0, side=512))
    for i in range(1, 1000):
        (photos / f"{i:04d}.png").hardlink_to(first)
    command = [
        sys.executable,
        "dataset_tool.py",
        "create_from_images",
        str(tmp_path / "out"),
        str(photos),
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=listen_to_ctrl_c
    ) as process:
        progress = ""
        # Any percentage but 0: the bar is not drawn after every image.
        while not re.search(r"Writing: +[1-9]\d*%", progress):
            character = process.stderr.read(1)
            assert character, progress
            progress += character
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Interrupted" in rest
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == [photos]
