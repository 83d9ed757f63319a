"""Which labels a network draws: those of its training, as the snapshot tells them."""

import dataclasses
import json
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.stored_data_sets import random_images, store

from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.sampling.label_table import label_facts, label_table, one_hot
from msg_stylegan.sampling.sampler import draw_latents


def network(label_size):
    return types.SimpleNamespace(label_size=label_size)


def data_set(path, labels):
    store(path, random_images(len(labels), 8, 1), np.asarray(labels, np.float32))
    return TFRecordDataset(path, max_label_size=-1)


def stored(dataset):
    """The table after a round trip through the text in a snapshot."""
    info = json.loads(json.dumps({"labels": label_facts(dataset)}))
    return label_table(network(dataset.label_size), info)


@pytest.fixture(scope="module")
def gaps(tmp_path_factory):
    """Labels of size 4: one image of class 1, three of class 3."""
    return stored(data_set(tmp_path_factory.mktemp("gaps") / "x", one_hot([3, 1, 3, 3], 4)))


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    rows = [[0.3, 12], [0.1, 10.5], [0.3, 12], [0.3, 12]]
    return stored(data_set(tmp_path_factory.mktemp("vectors") / "x", rows))


def test_classes_of_seeds_are_those_of_older_versions():
    table = label_table(network(3), {})
    classes = [int(np.random.default_rng((seed, 1)).integers(3)) for seed in range(50)]
    labels = table.of_seeds(range(50))
    assert labels.dtype == np.float32 and set(classes) == {0, 1, 2}
    np.testing.assert_array_equal(labels, np.eye(3)[classes])
    np.testing.assert_array_equal(table.of_seeds([40]), labels[40:41])
    assert table.of_seeds([]).shape == (0, 3)


def test_a_table_of_all_classes_draws_as_one_that_knows_nothing(tmp_path):
    known = stored(data_set(tmp_path / "x", one_hot([2, 0, 1, 1, 1], 3)))
    unknown = label_table(network(3), {})
    np.testing.assert_array_equal(known.of_seeds(range(30)), unknown.of_seeds(range(30)))
    np.testing.assert_array_equal(known.of_samples(range(7)), np.eye(3)[[0, 1, 2, 0, 1, 2, 0]])
    assert known.notice is None and "classes 0 to 2" in unknown.notice


def test_only_classes_that_occurred_are_drawn(gaps):
    for labels in (gaps.of_seeds(range(60)), gaps.of_samples(range(60))):
        assert set(labels.argmax(axis=1)) == {1, 3} and (labels.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(gaps.counts, [1, 3])
    np.testing.assert_array_equal(gaps.read_labels(range(4)), one_hot([1, 3, 3, 3], 4))
    assert gaps.describe() == "one-hot, 2 classes: 1, 3"


def test_vectors_are_drawn_as_often_as_they_occurred(vectors):
    labels = vectors.of_seeds(range(400))
    often = (labels == np.array([0.3, 12], np.float32)).all(axis=1)
    rare = (labels == np.array([0.1, 10.5], np.float32)).all(axis=1)
    assert (often | rare).all() and 0.65 < often.mean() < 0.85
    np.testing.assert_array_equal(vectors.of_samples(range(400)), labels)
    assert vectors.describe() == "vectors of 2 numbers, such as 0.1,10.5"


def test_metrics_draw_from_a_table_as_from_a_data_set(gaps):
    G = types.SimpleNamespace(label_size=4, z_dim=2, place_z=lambda z: z)
    _, labels = draw_latents(G, 0, 0, 200, gaps)
    assert 0.65 < labels[:, 3].mean() < 0.85 and labels.shape == (200, 4)


@given(
    labels=st.integers(1, 3).flatmap(
        lambda size: st.lists(
            st.lists(st.sampled_from([0, 1, 0.1, -2.5, 1e30]), min_size=size, max_size=size),
            min_size=1,
            max_size=8,
        )
    )
)
def test_tables_know_rows_and_frequencies_exactly(labels):
    rows = np.array(labels, np.float32)
    dataset = types.SimpleNamespace(
        path="nowhere",
        num_images=len(rows),
        label_size=rows.shape[1],
        read_labels=lambda indices: rows[indices],
    )
    table = stored(dataset)
    found = table.read_labels(np.arange(table.num_images))
    np.testing.assert_array_equal(sorted(found.tolist()), sorted(rows.tolist()))
    is_one_hot = ((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all()
    assert (table.classes is not None) == is_one_hot


def test_many_vectors_are_a_bounded_sample_of_them():
    rows = np.random.default_rng(0).random((3000, 40), np.float32)
    dataset = types.SimpleNamespace(
        path="nowhere", num_images=3000, label_size=40, read_labels=lambda indices: rows[indices]
    )
    facts = label_facts(dataset)
    assert len(json.dumps(facts)) < 2**19
    assert facts == label_facts(dataset)
    table = stored(dataset)
    assert 500 < table.num_images <= 1024
    assert set(map(bytes, table.vectors)) <= set(map(bytes, rows))


def test_names_come_from_the_manifest_and_choose_classes(gaps):
    cats = dataclasses.replace(gaps, names=["ant", "cat", "cow", "dog"])
    for text, number in (("cat", 1), ("1", 1), ("dog", 3)):
        chosen = cats.chosen(text)
        np.testing.assert_array_equal(chosen.of_seeds([5, 6]), one_hot([number] * 2, 4))
        assert chosen.choice == {"class": number, "class_name": cats.names[number]}
        names = f"{cats.names[number]},{cats.names[number]}"
        assert chosen.metadata([5, 6]) == {"class": f"{number},{number}", "class_name": names}
    for text in ("0", "cow", "4", "x", "Cat"):
        with pytest.raises(ValueError, match=f"--class {text} is not possible: .*1 .cat., 3 .dog."):
            cats.chosen(text)


def test_names_that_are_numbers_are_not_mixed_up_with_positions(gaps):
    years = dataclasses.replace(gaps, names=["1", "1990", "2", "2000"])
    np.testing.assert_array_equal(years.chosen("1990").of_seeds([0]), one_hot([1], 4))
    for text in ("0", "3", "2", "1"):
        # Nothing is named that would be refused.
        with pytest.raises(ValueError, match=r"is not possible: .* classes 1990, 2000\.$"):
            years.chosen(text)
    assert years.describe() == "one-hot, 2 classes: 1 (1990), 3 (2000)"


def test_vectors_have_no_classes_but_any_label_can_be_given(vectors):
    # True for every command: some need a label, others draw one of the training.
    advice = r"but vectors of 2 numbers. Give one by --label=\S+\.$"
    with pytest.raises(ValueError, match=advice):
        vectors.chosen("1")
    chosen = vectors.chosen(label=[0.25, -3.0])
    np.testing.assert_array_equal(chosen.of_seeds([1, 2]), [[0.25, -3]] * 2)
    assert chosen.choice == {"label": [0.25, -3.0]}
    assert chosen.metadata([1, 2]) == {"label": "0.25,-3; 0.25,-3"}
    with pytest.raises(ValueError, match="--label has 3 numbers"):
        vectors.chosen(label=[1, 2, 3])


def test_networks_without_labels_have_none():
    table = label_table(network(0), {})
    assert table.of_seeds([1]) is None and table.of_samples([1]) is None
    assert table.metadata([1]) == {} and table.describe() == "none"
    for choice in ({"label_class": "0"}, {"label": [1.0]}):
        with pytest.raises(ValueError, match="trained without labels"):
            table.chosen(**choice)


def test_older_snapshots_tell_where_their_data_set_is(tmp_path):
    data_set(tmp_path / "x", [[0.5, 2], [0.25, 1]])
    info = {"options": {"data_dir": str(tmp_path), "dataset": {"path": "x"}}}
    table = label_table(network(2), info)
    assert table.classes is None and table.notice is None
    # Another data set has come to this place.
    assert label_table(network(3), info).notice


@pytest.mark.parametrize(
    "facts",
    [
        {"kind": "classes", "counts": [1, 2]},
        {"kind": "classes", "counts": [0, 0, 0]},
        {"kind": "classes", "counts": [1, -1, 1]},
        {"kind": "classes", "counts": [1, 1, 1], "names": ["a"]},
        {"kind": "vectors", "counts": [1], "vectors": [[1, 2]]},
        {"kind": "vectors", "counts": [1], "vectors": [[1, 2, None]]},
        {"kind": "vectors", "counts": [1, 1], "vectors": [[1, 2, 3], [1]]},
        {"counts": [1, 1, 1]},
        [1],
        "x",
    ],
)
def test_facts_that_do_not_fit_are_refused(facts):
    with pytest.raises(ValueError, match="does not fit its network"):
        label_table(network(3), {"labels": facts})
