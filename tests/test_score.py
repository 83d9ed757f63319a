import csv
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.tiny_run import make_networks, make_run

from msg_stylegan.commands import generate
from msg_stylegan.networks import ops


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    make_run(folder, folder, snapshots=[0], channels=3)
    make_run(folder / "conditional", folder, snapshots=[0], label_size=3)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for i in range(4):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / f"{i}.png")
    return folder


def score(results, *arguments):
    return generate.main(["score", "--network=1", f"--result_dir={results}", *map(str, arguments)])


def by_hand(D, path, labels=None):
    with Image.open(path) as picture:
        mode = "L" if D.num_channels == 1 else "RGB"
        image = np.asarray(picture.convert(mode), np.float32).reshape(1, 16, 16, -1)
    pyramid = ops.image_pyramid(tf.constant(image / 127.5 - 1.0), 3)
    return float(D(pyramid, labels)[0, 0])


def test_logit_is_that_of_the_discriminator(results, pictures, tmp_path, capsys):
    D = make_networks(seed=0, channels=3).D
    assert score(results, pictures, f"--output={tmp_path / 'scores.json'}") == 0
    content = json.loads((tmp_path / "scores.json").read_text())
    assert content["network"] == "network-snapshot-000000.keras"
    assert [row["image"] for row in content["scores"]] == [
        str(pictures / f"{i}.png") for i in range(4)
    ]
    logits = [row["logit"] for row in content["scores"]]
    expected = [by_hand(D, row["image"]) for row in content["scores"]]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    assert len(set(logits)) == 4
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert printed == [[f"{row['logit']:.4f}", row["image"]] for row in content["scores"]]


def test_logit_does_not_depend_on_other_images(results, pictures, tmp_path):
    tables = [tmp_path / name for name in ("all.csv", "one.csv")]
    assert score(results, pictures, "--sort", f"--output={tables[0]}") == 0
    assert score(results, pictures / "2.png", f"--output={tables[1]}") == 0
    rows, (one,) = [list(csv.DictReader(table.read_text().splitlines())) for table in tables]
    logits = [float(row["logit"]) for row in rows]
    assert logits == sorted(logits)
    assert one in rows


def test_labels(results, pictures, tmp_path, capsys):
    conditional = results / "conditional"
    D = make_networks(seed=0, label_size=3).D
    path = pictures / "0.png"
    for k in (0, 2):
        table = tmp_path / f"{k}.json"
        assert score(conditional, path, f"--class={k}", f"--output={table}") == 0
        content = json.loads(table.read_text())
        label = np.eye(3, dtype=np.float32)[[k]]
        assert content["class"] == k
        np.testing.assert_allclose(
            content["scores"][0]["logit"], by_hand(D, path, label), rtol=1e-4, atol=1e-5
        )
    capsys.readouterr()
    assert score(conditional, path) == 1
    assert "Choose --class, 0 to 2" in capsys.readouterr().err
    assert score(results, path, "--class=0") == 1
    assert "trained without labels" in capsys.readouterr().err


def test_a_broken_image_does_not_stop_the_others(results, pictures, tmp_path, capsys):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    assert score(results, broken, pictures / "1.png") == 1
    out, err = capsys.readouterr()
    assert "1.png" in out and "broken.png cannot be used" in err


def test_pictures_are_read_by_the_rules_that_are_given(results, tmp_path, capsys):
    clear, deep = tmp_path / "clear.png", tmp_path / "deep.png"
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (16, 16), np.uint8)
    Image.fromarray(np.stack([values, values * 0], axis=-1)).save(clear)
    Image.fromarray(values.astype(np.uint16)).save(deep)
    rows = {}
    for name, rules in (("usual", []), ("given", ["--background=white", "--value_range=255"])):
        table = tmp_path / f"{name}.json"
        assert score(results, clear, deep, f"--output={table}", *rules) == 0
        rows[name] = [row["logit"] for row in json.loads(table.read_text())["scores"]]
    D = make_networks(seed=0, channels=3).D
    black, white, gray = (tmp_path / f"{name}.png" for name in ("black", "white", "gray"))
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(black)
    Image.fromarray(np.full((16, 16, 3), 255, np.uint8)).save(white)
    Image.fromarray(np.repeat(values[..., None], 3, axis=-1)).save(gray)
    np.testing.assert_allclose(rows["usual"], [by_hand(D, black)] * 2, rtol=1e-4, atol=1e-5)
    expected = [by_hand(D, white), by_hand(D, gray)]
    np.testing.assert_allclose(rows["given"], expected, rtol=1e-4, atol=1e-5)
    capsys.readouterr()
    assert score(results, clear, "--max_pixels=255") == 1
    assert "it has 256 pixels. More than 255 are refused on purpose" in capsys.readouterr().err


def test_other_kinds_of_tables_are_refused(results, pictures, capsys):
    assert score(results, pictures, "--output=a.txt") == 1
    assert ".csv or .json" in capsys.readouterr().err


def test_a_generator_alone_cannot_score(pictures, tmp_path, golden, capsys):
    lone = tmp_path / "GAN_GEN_1.pth"
    lone.write_bytes((golden / "bmsg_32_GAN_GEN.pth").read_bytes())
    assert generate.main(["score", str(pictures), f"--network={lone}"]) == 1
    assert "no discriminator" in capsys.readouterr().err
