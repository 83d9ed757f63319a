import itertools

import numpy as np
import pytest
from support.stored_data_sets import random_images, write_records

from msg_stylegan import options
from msg_stylegan.data.batches import training_batches
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.options import Config


@pytest.fixture
def dataset(tmp_path):
    labels = np.eye(6, dtype=np.float32)
    return TFRecordDataset(write_records(tmp_path / "a", random_images(), labels), 0, -1)


def found_in(images, dataset):
    """Number in the data set of each image."""
    everything = dataset.read_images(range(dataset.num_images))
    return [int(np.flatnonzero((everything == image).all(axis=(1, 2, 3)))[0]) for image in images]


def test_images_and_labels_stay_together(dataset):
    subset = dataset.subset(4, seed=1)
    numbers = found_in(subset.read_images(range(4)), dataset)
    assert len(set(numbers)) == 4
    np.testing.assert_array_equal(subset.read_labels(range(4)), np.eye(6)[numbers])
    with pytest.raises(IndexError, match="of 4"):
        subset.read_images([4])


def test_small_subsets_are_parts_of_large_ones(dataset):
    chosen = [
        set(found_in(dataset.subset(n, seed=2).read_images(range(n)), dataset)) for n in range(1, 7)
    ]
    assert all(small < large for small, large in itertools.pairwise(chosen))
    assert chosen[-1] == set(range(6))


def test_seed_decides_which_ones(dataset):
    images = [dataset.subset(3, seed=seed).read_images(range(3)).tobytes() for seed in range(8)]
    again = [dataset.subset(3, seed=seed).read_images(range(3)).tobytes() for seed in range(8)]
    assert images == again
    assert len(set(images)) > 1


def test_other_resolutions_have_the_same_images(dataset):
    subset = dataset.subset(3, seed=1)
    small = TFRecordDataset(dataset.path, 8)
    numbers = found_in(subset.read_images(range(3)), dataset)
    np.testing.assert_array_equal(
        subset.at_resolution(8).read_images(range(3)), small.read_images(numbers)
    )
    np.testing.assert_array_equal(
        subset.at_resolution(8).read_labels(range(3)), subset.read_labels(range(3))
    )


def test_content_is_another_one(dataset):
    fingerprints = {dataset.subset(n, seed=0).fingerprint() for n in (3, 4)}
    assert len(fingerprints | {dataset.fingerprint()}) == 3


def test_epochs_show_each_of_them_once(dataset):
    subset = dataset.subset(4, seed=3)
    batches = iter(training_batches(subset, batch_size=2, seed=0))
    shown = [image for _ in range(4) for image in next(batches)["images"].numpy()]
    numbers = found_in(shown, dataset)
    assert sorted(numbers[:4]) == sorted(numbers[4:]) == sorted(set(numbers))


@pytest.mark.parametrize("count", [0, 7])
def test_impossible_numbers(dataset, count):
    with pytest.raises(ValueError, match="from 1 to 6"):
        dataset.subset(count, seed=0)


def test_options_ask_for_no_more_than_there_is(dataset):
    config = options.changed(Config(), {"dataset.path": "a", "dataset.num_images": 7})
    with pytest.raises(ValueError, match=r"dataset\.num_images=7: .* has 6"):
        options.validate(config, 1, dataset)
    options.validate(options.changed(config, {"dataset.num_images": 6}), 1, dataset)
