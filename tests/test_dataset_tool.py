import builtins
import gzip
import os
import re
import signal
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image
from support.checkout import ROOT
from support.image_sources import noise
from support.new_process import listen_to_ctrl_c, run_python

from msg_stylegan.commands import dataset_tool
from msg_stylegan.data.conversion import shuffled_order
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.dataset_folder import read_manifest


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    """Five images in two folders, and files that are not images."""
    names = ["a/x.png", "a.png", "b.BMP", "sub/deep/1.png", "sub/deep/0.png"]
    for i, name in enumerate(names):
        save(tmp_path / "photos" / name, noise(i))
    for name in ("readme.txt", ".hidden.png", ".cache/x.png", "sub/Thumbs.db"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("no image")
    # By relative path with forward slashes: "." sorts before "/".
    order = ["a.png", "a/x.png", "b.BMP", "sub/deep/0.png", "sub/deep/1.png"]
    images = np.stack([noise(names.index(name)) for name in order])
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
    out, error = capsys.readouterr()
    summary = out.strip().splitlines()[-1]
    assert summary.startswith(f"{tmp_path}/out/: 5 images, 16x16, RGB, no labels, 0.0 MiB")
    assert f"warning: {photos}: 1 file was left out: 1 .txt.\n" in error


def test_names_in_a_code_page(tmp_path):
    names = {"\u72ac/\u8868.png".encode("cp932"): 0, "\u732b/\u30bd.png".encode("cp932"): 1}
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.GNU_FORMAT) as archive:
        for raw, number in names.items():
            save(tmp_path / "x.png", noise(number))
            archive.add(tmp_path / "x.png", raw.decode("utf-8", "surrogateescape"))
    command = ["create_from_images", str(tmp_path / "out"), str(tmp_path / "x.tar"), "--shuffle=0"]
    assert dataset_tool.main([*command, "--labels=folders", "--names_encoding=cp932"]) == 0
    assert read_manifest(tmp_path / "out")["class_names"] == ["\u72ac", "\u732b"]
    np.testing.assert_array_equal(images_of(tmp_path / "out"), [noise(0), noise(1)])


def test_folder_shuffled(folder, tmp_path):
    photos, images = folder
    assert dataset_tool.main(["create_from_images", str(tmp_path / "out"), str(photos)]) == 0
    np.testing.assert_array_equal(images_of(tmp_path / "out"), images[shuffled_order(5)])


def test_resize(tmp_path):
    sizes = [8, 16, 20, 100]
    for i, side in enumerate(sizes):
        save(tmp_path / "photos" / f"{i}.png", noise(i, side, side, 1))
    command = ["create_from_images", str(tmp_path / "out"), str(tmp_path / "photos"), "--shuffle=0"]
    assert dataset_tool.main([*command, "--resize", "4"]) == 0
    images = images_of(tmp_path / "out")
    assert images.shape == (4, 16, 16, 1)
    np.testing.assert_array_equal(images[1, :, :, 0], noise(1, 16, 16, 1))
    # A bilinear filter keeps the mean, up to the border and rounding.
    for i, side in enumerate(sizes):
        assert abs(images[i].mean() - noise(i, side, side, 1).mean()) < 6


def test_jpeg_grayscale(tmp_path):
    save(tmp_path / "photos" / "x.jpg", np.full((8, 8), 99, np.uint8))
    assert (
        dataset_tool.main(["create_from_images", str(tmp_path / "o"), str(tmp_path / "photos")])
        == 0
    )
    np.testing.assert_array_equal(images_of(tmp_path / "o"), np.full((1, 8, 8, 1), 99))


def make_nothing(photos):
    pass


def make_empty(photos):
    photos.mkdir()
    (photos / "notes.txt").touch()


def make_binary(photos):
    photos.write_bytes(bytes(100))


def make_unreadable(photos):
    save(photos / "zero.png", noise(0)).write_text("no image")


def make_odd(photos):
    save(photos / "bad.png", noise(0, 24, 24))


def make_mixed_sizes(photos):
    save(photos / "0.png", noise(0))
    save(photos / "bad.png", noise(1, 32, 32))


def make_mixed(photos):
    save(photos / "0.png", noise(0))
    save(photos / "bad.png", noise(1)).write_text("no image")


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (make_nothing, [], "there is no "),
        (make_empty, [], "holds no images"),
        (make_binary, [], "photos"),
        (make_unreadable, [], "no image can be used"),
        (make_unreadable, ["--resolution=8"], "zero.png"),
        (make_odd, [], "bad.png is 24x24"),
        (make_odd, ["--resize=256"], "`--resize` takes the exponent"),
        (make_odd, ["--resize=1"], "`--resize` takes the exponent"),
        (make_odd, ["--resize=4", "--resolution=16"], "either `--resolution` or `--resize`"),
        (make_odd, ["--resolution=24"], "power of two"),
        (make_odd, ["--resolution=16", "--labels=folders"], "bad.png"),
        (make_odd, ["--resolution=16", "--shards=2"], "`--shards` must be"),
        (make_odd, ["--resolution=16", "--workers=0"], "`--workers` must be"),
        (make_odd, ["--resolution=16", "--beam_options=--region=x"], "add `--runner`"),
        (make_mixed_sizes, ["--shuffle=0"], "bad.png is 32x32"),
        (make_mixed, ["--strict"], "bad.png"),
    ],
)
def test_wrong_requests_give_one_error_and_leave_nothing(tmp_path, capsys, make, options, message):
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


def test_broken_and_equal_images_are_reported(tmp_path, capsys):
    photos = tmp_path / "photos"
    make_mixed(photos)
    save(photos / "copy.png", noise(0))
    command = ["create_from_images", str(tmp_path / "out"), str(photos), "--shuffle=0"]
    assert dataset_tool.main(command) == 0
    printed = capsys.readouterr().out
    assert f"1 image skipped, see {tmp_path}/out/skipped.txt" in printed
    assert f"1 image found twice, see {tmp_path}/out/duplicates.txt" in printed
    name, reason = (tmp_path / "out" / "skipped.txt").read_text().strip().split("\t")
    assert name == f"{photos}/bad.png"
    assert "image" in reason
    copies = (tmp_path / "out" / "duplicates.txt").read_text()
    assert copies == f"{photos}/copy.png\t{photos}/0.png\n"
    np.testing.assert_array_equal(images_of(tmp_path / "out"), [noise(0)] * 2)

    command[1] += "2"
    assert dataset_tool.main([*command, "--drop_duplicates"]) == 0
    assert "1 image left out, copies of others" in capsys.readouterr().out
    np.testing.assert_array_equal(images_of(tmp_path / "out2"), [noise(0)])


def test_options_of_images_reach_the_images(tmp_path):
    photos = tmp_path / "photos"
    save(photos / "cat" / "0.png", noise(0, 32, 32)[:16])
    save(photos / "dog" / "1.png", noise(1, 32, 32)[:16])
    command = ["create_from_images", str(tmp_path / "out"), str(photos), "--shuffle=0"]
    command += ["--resolution=32", "--fit=pad", "--background=white", "--labels=folders"]
    command += ["--max_images=2", "--min_size=16", "--channels=3", "--filter=box"]
    assert dataset_tool.main(command) == 0
    images = images_of(tmp_path / "out")
    np.testing.assert_array_equal(images[0, 8:24], noise(0, 32, 32)[:16])
    assert (images[:, :8] == 255).all()
    dataset = TFRecordDataset(tmp_path / "out", max_label_size=-1)
    np.testing.assert_array_equal(dataset.read_labels([0, 1]), np.eye(2))
    manifest = read_manifest(tmp_path / "out")
    assert manifest["class_names"] == ["cat", "dog"]
    options = {"fit": "pad", "labels": "folders", "resolution": 32, "command": "create_from_images"}
    assert options.items() <= manifest["command"].items()


@pytest.mark.parametrize("encoding", ["raw", "png", "jpeg"])
@pytest.mark.parametrize("storage", [[], ["--levels=top", "--shards=2"]])
def test_storage(folder, tmp_path, encoding, storage):
    photos, images = folder
    out = tmp_path / "out"
    command = ["create_from_images", str(out), str(photos), "--shuffle=0", *storage]
    assert dataset_tool.main([*command, "--encoding", encoding, "--workers=2"]) == 0
    if encoding == "jpeg":
        assert np.abs(images_of(out) - images.astype(np.float64)).mean() < 20
    else:
        np.testing.assert_array_equal(images_of(out), images)
    assert dataset_tool.main(["verify", str(out), "--workers=1"]) == 0
    suffix = "-00001-of-00002" if storage else ""
    assert (out / f"out-r04.tfrecords{suffix}").is_file()
    assert (out / f"out-r02.tfrecords{suffix}").exists() == (not storage)


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(header + array.tobytes()))


def test_mnist(tmp_path, capsys):
    digits = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", digits)
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.arange(20, dtype=np.uint8) % 10)
    out = tmp_path / "mnist"
    assert dataset_tool.main(["create_mnist", str(out), str(tmp_path)]) == 0
    assert "warning: " in capsys.readouterr().err
    order = shuffled_order(20)
    padded = np.pad(digits[order], [(0, 0), (2, 2), (2, 2)])[..., np.newaxis]
    np.testing.assert_array_equal(images_of(out), padded)
    labels = TFRecordDataset(out, max_label_size=-1).read_labels(range(20))
    np.testing.assert_array_equal(labels.argmax(axis=1), order % 10)

    out = tmp_path / "rgb"
    command = ["create_mnistrgb", str(out), str(tmp_path), "--num_images=7", "--random_seed=1"]
    assert dataset_tool.main(command) == 0
    assert images_of(out).shape == (7, 32, 32, 3)


def test_extract_and_make_again(tmp_path, capsys):
    photos = tmp_path / "photos"
    for i in range(6):
        save(photos / ["ant", "bee"][i % 2] / f"{i}.png", noise(i))
    first, second, third = (str(tmp_path / name) for name in ("first", "second", "third"))
    options = ["--labels=folders", "--shuffle=0"]
    assert dataset_tool.main(["create_from_images", first, str(photos), *options]) == 0
    assert dataset_tool.main(["extract", first, f"{tmp_path}/png"]) == 0
    assert dataset_tool.main(["create_from_images", second, f"{tmp_path}/png", *options]) == 0
    assert dataset_tool.main(["compare", first, second]) == 0
    assert "Identical images: 6 / 6" in capsys.readouterr().out
    options = ["--encoding=png", "--levels=top", "--shards=3", "--shuffle=0"]
    assert dataset_tool.main(["create_from_images", third, str(photos), *options]) == 0
    assert dataset_tool.main(["compare", first, third, "--ignore_labels=1"]) == 0
    assert dataset_tool.main(["compare", first, third]) == 1
    assert "are different" in capsys.readouterr().err


def test_info_and_display(folder, tmp_path, capsys, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    out = tmp_path / "out"
    assert dataset_tool.main(["create_from_images", str(out), str(folder[0])]) == 0
    assert dataset_tool.main(["info", str(out), "--sheet", f"{tmp_path}/info.png"]) == 0
    printed = capsys.readouterr().out
    assert "16x16" in printed
    assert "3 (RGB)" in printed
    assert (tmp_path / "info.png").is_file()
    assert dataset_tool.main(["display", f"{out}/"]) == 0
    with Image.open(tmp_path / "out-sheet.png") as sheet:
        assert sheet.mode == "RGB"


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
    assert "usage: msg-stylegan dataset" in capsys.readouterr().err


ORIGINAL_COMMANDS = """
    display dir
    extract dir out
    compare a b --ignore_labels 0
    create_mnist out dir
    create_mnistrgb out dir --num_images 1000 --random_seed 123
    create_cifar10 out dir
    create_cifar100 out dir
    create_svhn out dir
    create_lsun out dir --resolution 256 --max_images 10
    create_lsun_wide out dir --width 512 --height 384 --max_images 10
    create_celeba out dir --cx 89 --cy 121
    create_from_images out dir --resize 8 --shuffle 1
    create_from_hdf5 out file --shuffle 1
"""


@pytest.mark.parametrize("command", ORIGINAL_COMMANDS.strip().splitlines())
def test_commands_of_the_original(command, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dir").mkdir()
    # None of the inputs is there: an error of one line that names it.
    assert dataset_tool.main(command.split()) == 1
    error = [line for line in capsys.readouterr().err.splitlines() if "Writing" not in line]
    assert len(error) == 1
    assert error[0].startswith("error: ")
    assert [path.name for path in tmp_path.iterdir()] == ["dir"]


def test_start_without_tensorflow():
    code = "import sys, dataset_tool; sys.exit('tensorflow' in sys.modules)"
    run_python("-c", code)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no way to send Ctrl-C to one process")
def test_interrupted_command_continues(tmp_path):
    photos = tmp_path / "photos"
    first = save(photos / "0000.png", noise(0, 512, 512))
    for i in range(1, 400):
        (photos / f"{i:04d}.png").hardlink_to(first)
    out = tmp_path / "out"
    command = [sys.executable, "dataset_tool.py", "create_from_images", str(out), str(photos)]
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
    assert "Interrupted. The same command continues" in rest
    assert "Traceback" not in rest
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.partial", "photos"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0
    # It starts with what is there.
    assert not re.search(r"Writing: +0%", result.stderr)
    assert "400 images" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photos"]
