"""Copies of pictures of a training are told from pictures that are like them."""

import dataclasses

import numpy as np
import pytest
from PIL import Image
from support.tiny_feature_network import write_feature_network
from support.tiny_run import RESOLUTION, make_dataset, make_networks, make_run
from support.tiny_training import make_tiny_dataset, tiny_config, train_tiny

from experiments import copies
from experiments.frame.training_data import TrainingData
from msg_stylegan import load_networks, options
from msg_stylegan.files import read_json_lines
from msg_stylegan.networks import newest_snapshot, save_networks
from msg_stylegan.options import Config


@pytest.fixture
def run_of_some(tmp_path):
    """A run whose training saw 10 of 40 pictures, and its data set."""
    run_dir = make_run(tmp_path, tmp_path, snapshots=())
    config = options.changed(
        Config(data_dir=str(tmp_path)), {"dataset.path": "tiny", "dataset.num_images": 10}
    )
    info = {"options": options.to_dict(config), "cur_nimg": 2000}
    save_networks(make_networks(), run_dir / "network-snapshot-000002.keras", info)
    return run_dir, make_dataset(tmp_path / "tiny")


def test_nearest_are_those_of_a_full_table(monkeypatch):
    monkeypatch.setattr("metrics.nearest_neighbors._BLOCK", 7)
    rng = np.random.default_rng(0)
    points, others = rng.normal(size=(20, 3)), rng.normal(size=(30, 3))
    table = ((points[:, None] - others) ** 2).sum(axis=2)
    nearest, distances = copies.nearest_of(points, others)
    np.testing.assert_array_equal(nearest, table.argmin(axis=1))
    np.testing.assert_allclose(distances, table.min(axis=1), atol=1e-12)


def test_pictures_of_the_training_are_those_of_the_subset(run_of_some):
    _, dataset = run_of_some
    config = options.changed(Config(seed=5), {"dataset.num_images": 10})
    data = TrainingData(dataset, {"options": options.to_dict(config)})
    trained_on = dataset.subset(10, seed=5).read_images(range(10))
    np.testing.assert_array_equal(dataset.read_images(np.flatnonzero(data.seen())), trained_on)
    everything = dataclasses.replace(config.dataset, num_images=0)
    values = options.to_dict(dataclasses.replace(config, dataset=everything))
    assert TrainingData(dataset, {"options": values}).seen().all()
    with pytest.raises(ValueError, match="do not say"):
        TrainingData(dataset, {}).seen()


def test_another_data_set_is_not_taken_for_that_of_the_training(tmp_path):
    config = options.changed(tiny_config(tmp_path), {"dataset.num_images": 20})
    dataset = make_tiny_dataset(tmp_path)
    run_dir = train_tiny(config, dataset)
    stored = load_networks(newest_snapshot(run_dir)).info
    info = {**stored, "options": options.to_dict(config)}
    assert TrainingData(dataset, info).seen().sum() == 20
    # As a network opens it that has not grown to the end yet.
    small = dataset.at_resolution(RESOLUTION // 2)
    assert TrainingData(small, info).seen().sum() == 20
    other = make_dataset(tmp_path / "other", seed=1)
    with pytest.raises(ValueError, match=r"other pictures than the data set .*--data"):
        TrainingData(other, info).seen()


def test_copies_are_nearest_to_pictures_of_the_training_only(run_of_some):
    _, dataset = run_of_some
    config = options.changed(Config(), {"dataset.num_images": 10})
    seen = TrainingData(dataset, {"options": options.to_dict(config)}).seen()
    pixels = dataset.read_images(range(40)).reshape(40, -1).astype(np.float64)
    noise = np.random.default_rng(0).normal(size=pixels.shape)
    for of_training in (True, False):
        nearest, _ = copies.nearest_of((pixels + noise)[seen == of_training], pixels)
        assert (seen[nearest] == of_training).all()


def test_share_and_picture_are_beside_the_snapshot(run_of_some, tmp_path, capsys):
    run_dir, dataset = run_of_some
    network = write_feature_network(tmp_path)
    arguments = ["--run=1", f"--result_dir={tmp_path}", f"--feature_network={network}"]
    assert copies.main([*arguments, "--num_images=50", "--pairs=6"]) == 0
    (line,) = read_json_lines(run_dir / copies.RESULTS_FILE)
    assert line["share_of_training"] == 0.25 and 0 <= line["nearest_is_of_training"] <= 1
    assert line["features"] == "tiny" and line["kimg"] == 2
    out = capsys.readouterr().out
    assert f"of the training: {line['nearest_is_of_training']:.1%}" in out and "25.0%" in out

    # Six pairs, four in a row: the second of each is a real picture.
    with Image.open(run_dir / "network-snapshot-000002-copies.png") as picture:
        sheet = np.asarray(picture)
    assert sheet.shape == (2 * RESOLUTION + 2, 8 * RESOLUTION + 7 * 2)
    reals = dataset.read_images(range(40))[..., 0]
    step = RESOLUTION + 2
    tiles = [
        sheet[row : row + RESOLUTION, column : column + RESOLUTION]
        for row in (0, step)
        for column in range(0, 8 * step, step)
    ][:12]
    is_real = [(reals == tile).all(axis=(1, 2)).any() for tile in tiles]
    assert is_real == [False, True] * 6


def test_without_pictures_that_were_left_out_there_is_no_share(tmp_path, capsys):
    make_run(tmp_path, tmp_path, snapshots=(1,))
    make_dataset(tmp_path / "tiny")
    network = write_feature_network(tmp_path)
    arguments = [f"--result_dir={tmp_path}", f"--feature_network={network}", "--num_images=5"]
    assert copies.main(arguments) == 0
    out = capsys.readouterr().out
    assert "has seen all pictures" in out and "%" not in out


def test_missing_data_are_named(tmp_path, capsys):
    make_run(tmp_path, tmp_path, snapshots=(1,))
    assert copies.main([f"--result_dir={tmp_path}"]) == 1
    assert f"There is no folder {tmp_path / 'tiny'}" in capsys.readouterr().err
