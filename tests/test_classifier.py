"""The classifier: what it computes, what it learns, and the file that keeps it."""

import json
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from support.plain_operations import assert_close, convolve, normal, one_hot
from support.stored_data_sets import random_images, store
from tensorflow import keras

from msg_stylegan.classifier.alteration import ALTERATIONS
from msg_stylegan.classifier.fitted_images import fit_images
from msg_stylegan.classifier.labelled_images import divide, open_data_sets, shared_class_names
from msg_stylegan.classifier.network import KINDS, Classifier
from msg_stylegan.classifier.options import ClassifierOptions
from msg_stylegan.classifier.stored import open_classifier, save_classifier
from msg_stylegan.commands import dataset_tool, train_classifier
from msg_stylegan.data.dataset import TFRecordDataset


def make_classifier(resolution=8, num_channels=1, num_classes=3, kind="classes", seed=0):
    keras.utils.set_random_seed(seed)
    classifier = Classifier(resolution, num_channels, num_classes, kind)
    classifier.build()
    return classifier


@pytest.mark.parametrize(
    "arguments, count", [((32, 3, 10, "classes"), 1626442), ((128, 3, 13, "attributes"), 31511245)]
)
def test_parameters_of_the_original(arguments, count):
    assert make_classifier(*arguments).count_params() == count


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_is_what_the_original_says(kind):
    classifier = make_classifier(10, 3, 4, kind)
    weights = [normal(*weight.shape, seed=i) / 9 for i, weight in enumerate(classifier.weights)]
    classifier.set_weights(weights)

    def leaky(x):
        return np.where(x > 0, x, 0.3 * x)

    images = normal(2, 10, 10, 3)
    x = images
    for kernel, bias in (weights[0:2], weights[2:4]):
        x = leaky(convolve(x, kernel)[:, 1:-1, 1:-1] + bias)
    x = x.reshape(2, 3, 2, 3, 2, 64).max((2, 4)).reshape(2, -1)
    x = leaky(x @ weights[4] + weights[5]) @ weights[6] + weights[7]
    expected = 1 / (1 + np.exp(-x))
    if kind == "classes":
        expected = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    assert_close(classifier.probabilities(images), expected)
    assert_close(tf.function(classifier.probabilities)(images), expected)


def test_it_judges_images_of_another_size_and_other_channels():
    classifier = make_classifier(8, 3)
    images = normal(2, 8, 8, 3)
    expected = classifier.probabilities(images)
    assert_close(classifier.probabilities(images.repeat(2, 1).repeat(2, 2)), expected)
    gray = normal(2, 8, 8, 1)
    expected = classifier.probabilities(gray.repeat(3, axis=3))
    assert_close(classifier.probabilities(gray), expected)


def test_images_become_fit():
    images = normal(2, 8, 8, 3)
    assert fit_images(images, 8, 3) is images
    means = images.reshape(2, 2, 4, 2, 4, 3).mean((2, 4))
    assert_close(fit_images(images, 2, 3), means)
    assert_close(
        fit_images(np.full((1, 4, 4, 1), 0.25, np.float32), 16, 3), np.full((1, 16, 16, 3), 0.25)
    )
    assert fit_images(images, 6, 1).shape == (2, 6, 6, 1)
    white = np.ones((1, 4, 4, 3), np.float32)
    np.testing.assert_allclose(fit_images(white, 4, 1), np.ones((1, 4, 4, 1)), atol=1e-3)


@pytest.mark.parametrize("resolution, num_channels", [(4, 1), (16, 3), (8, 1), (16, 1)])
def test_its_judgement_reaches_every_pixel(resolution, num_channels):
    classifier = make_classifier(8, 3)
    images = tf.constant(normal(1, resolution, resolution, num_channels))
    with tf.GradientTape() as tape:
        tape.watch(images)
        first = classifier.probabilities(images)[:, 0]
    assert np.all(tape.gradient(first, images).numpy() != 0)


def test_dropout_is_for_training_only():
    classifier = make_classifier()
    images = normal(4, 8, 8, 1)
    assert np.array_equal(classifier.probabilities(images), classifier.probabilities(images))
    assert not np.array_equal(classifier(images, training=True), classifier.probabilities(images))


@pytest.mark.parametrize("arguments", [(4, 1, 3), (8, 2, 3), (8, 1, 3, "numbers")])
def test_impossible_classifiers(arguments):
    with pytest.raises(ValueError, match="Received: "):
        Classifier(*arguments)


# The file.


def test_a_file_keeps_everything(tmp_path):
    classifier = make_classifier(16, 1, 2, "attributes")
    info = {"accuracy": 0.75, "classes": ["Smiling", "Young"]}
    save_classifier(classifier, tmp_path / "a [1].keras", info)
    found = open_classifier(tmp_path / "a [1].keras", num_classes=2, resolution=16)
    images = normal(3, 16, 16, 1)
    assert np.array_equal(found.probabilities(images), classifier.probabilities(images))
    assert (found.resolution, found.num_channels, found.num_classes) == (16, 1, 2)
    assert (found.kind, found.info) == ("attributes", info)
    assert (found.accuracy, found.classes) == (0.75, ["Smiling", "Young"])
    assert not found.trainable_weights


def test_classes_without_names_are_numbers():
    assert make_classifier().classes == ["0", "1", "2"]


@pytest.fixture
def stored(tmp_path):
    save_classifier(make_classifier(16), tmp_path / "c.keras", {})
    return tmp_path / "c.keras"


def test_a_classifier_that_does_not_fit_the_images(stored):
    with pytest.raises(ValueError, match=r"c\.keras knows 3 classes.* of 10\."):
        open_classifier(stored, num_classes=10)
    with pytest.raises(ValueError, match=r"16 pixels or more\. Received images of 8"):
        open_classifier(stored, resolution=8)
    assert open_classifier(stored, num_classes=3, resolution=64).num_classes == 3


def test_other_files_are_not_classifiers(stored, tmp_path, drawn_runs):
    with pytest.raises(FileNotFoundError, match=r"There is no classifier .*missing"):
        open_classifier(tmp_path / "missing.keras")
    cut = stored.read_bytes()[:5000]
    for content in (b"", b"<!doctype html>", b"text of any kind", cut, b"PK\x05\x06" + bytes(18)):
        (tmp_path / "other.keras").write_bytes(content)
        with pytest.raises(
            ValueError, match=r"other\.keras is not a classifier: .*Expected a file"
        ):
            open_classifier(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="it holds a msg_stylegan>Networks"):
        open_classifier(drawn_runs / "silent.keras")


@pytest.mark.parametrize(
    "change",
    [
        {"registered_name": "Sequential", "class_name": "Sequential", "module": "keras"},
        {"registered_name": "os>system", "class_name": "system", "module": "os"},
        {"config": {"resolution": 16}},
        {"config": []},
        {"registered_name": None},
    ],
)
def test_a_file_with_anything_else_inside_is_refused(stored, tmp_path, change):
    """Before Keras looks for what it names."""
    other = tmp_path / "other.keras"
    with zipfile.ZipFile(stored) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                content = json.dumps(json.loads(content) | change)
            new.writestr(name, content)
    with pytest.raises(ValueError, match=r"other\.keras is not a classifier"):
        open_classifier(other)


# Images to learn from.


def labelled(folder, num_images=10, resolution=8, channels=1, labels=None, seed=0):
    images = random_images(num_images, resolution, channels, seed)
    labels = one_hot(np.arange(num_images) % 3, 3) if labels is None else labels
    return store(folder, images, labels)


def test_every_image_is_learned_or_held_out(tmp_path):
    a = labelled(tmp_path / "a")
    b = labelled(tmp_path / "b", 20, channels=3, seed=1)
    datasets, kind = open_data_sets([a, b])
    held_out, rest = divide(datasets, 0.2, seed=5)
    assert kind == "classes"
    assert [images.num_images for images in held_out] == [2, 4] and rest.num_images == 24
    found = [images.read_images(np.arange(images.num_images)) for images in (*held_out, rest)]
    expected = [np.repeat(random_images(10, 8, 1), 3, axis=3), random_images(20, 8, 3, 1)]
    sort = [image.tobytes() for image in np.concatenate(found)]
    assert sorted(sort) == sorted(image.tobytes() for image in np.concatenate(expected))
    labels_of = {}
    for dataset, images in zip(datasets, expected, strict=True):
        labels = dataset.read_labels(np.arange(len(images)))
        labels_of |= {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    labels = rest.read_labels(np.arange(24))
    for image, label in zip(found[-1], labels, strict=True):
        assert np.array_equal(labels_of[image.tobytes()], label)
    again, _ = divide(datasets, 0.2, seed=5)
    assert np.array_equal(again[1].read_images(np.arange(4)), found[1])


def test_kinds_of_labels(tmp_path):
    some = np.array([[0, 1], [1, 1]] * 5, np.float32)
    assert open_data_sets([labelled(tmp_path / "a", labels=some)])[1] == "attributes"
    classes = labelled(tmp_path / "b", labels=one_hot(np.arange(10) % 2, 2))
    assert open_data_sets([classes])[1] == "classes"
    assert open_data_sets([classes, tmp_path / "a"])[1] == "attributes"


def test_the_smallest_data_set_decides_the_side(tmp_path):
    folders = [labelled(tmp_path / str(side), resolution=side) for side in (16, 8)]
    assert [dataset.resolution for dataset in open_data_sets(folders)[0]] == [8, 8]
    with pytest.raises(ValueError, match="holds images of 8x8"):
        open_data_sets(folders, 16)


@pytest.mark.parametrize(
    "labels, message",
    [
        ([np.ones((10, 3)) / 2], "neither classes .* nor attributes"),
        ([np.ones((10, 1))], "a single class"),
        ([one_hot(np.arange(10) % 3, 3), one_hot(np.arange(10) % 4, 4)], "have 4 numbers, .* 3"),
    ],
)
def test_labels_from_which_nothing_can_be_learned(tmp_path, labels, message):
    folders = [
        labelled(tmp_path / str(i), labels=one.astype(np.float32)) for i, one in enumerate(labels)
    ]
    with pytest.raises(ValueError, match=message):
        open_data_sets(folders)


def test_data_sets_without_labels_or_of_a_single_image(tmp_path):
    bare = store(tmp_path / "bare", random_images(4, 8, 1))
    with pytest.raises(ValueError, match="bare has no labels"):
        open_data_sets([bare])
    datasets, _ = open_data_sets([labelled(tmp_path / "few", 3)])
    with pytest.raises(ValueError, match="few has 3 images"):
        divide(datasets, 0.1, 0)


def test_names_are_those_that_all_agree_on(tmp_path):
    folders = [labelled(tmp_path / name) for name in "ab"]
    datasets = [TFRecordDataset(folder, max_label_size=-1) for folder in folders]
    assert shared_class_names(datasets) is None
    for folder in folders:
        path = folder / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"class_names": list("xyz")}))
    assert shared_class_names(datasets) == ["x", "y", "z"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"class_names": list("xyw")}))
    assert shared_class_names(datasets) is None


def test_alterations_change_an_image_as_their_name_says():
    images = normal(40, 8, 8, 2)
    for name, other in (("invert", -images), ("mirror", images[:, :, ::-1])):
        altered = ALTERATIONS[name](tf.constant(images)).numpy()
        same = [np.array_equal(*pair) for pair in zip(altered, images, strict=True)]
        changed = [np.array_equal(*pair) for pair in zip(altered, other, strict=True)]
        assert any(same) and any(changed) and np.all(np.add(same, changed) == 1)
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")
    windows = [padded[:, y : y + 8, x : x + 8] for y in range(3) for x in range(3)]
    altered = ALTERATIONS["shift"](tf.constant(images)).numpy()
    found = {
        [np.array_equal(image, w[i]) for w in windows].index(True)
        for i, image in enumerate(altered)
    }
    assert found == set(range(9))


# The command.


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The first 600 digits, and as many negatives of others."""
    folder = tmp_path_factory.mktemp("digits")
    assert dataset_tool.main(["create_digits", str(folder / "all")]) == 0
    dataset = TFRecordDataset(folder / "all", 8, max_label_size=-1)
    for name, first, sign in (("black", 0, 1), ("white", 600, -1)):
        numbers = np.arange(first, first + 600)
        images = dataset.read_images(numbers)
        images = images if sign > 0 else 255 - images
        store(folder / name, images, dataset.read_labels(numbers))
    return folder


def train(*arguments):
    return train_classifier.main([str(argument) for argument in arguments])


def test_it_learns_the_digits_of_two_domains(digits, tmp_path, capsys):
    data = ["--data", digits / "black", "--data", digits / "white"]
    output = tmp_path / "c.keras"
    assert train(*data, "--output", output, "--kimg", "20", "--alterations", "shift") == 0
    printed = capsys.readouterr().out
    classifier = open_classifier(output, num_classes=10, resolution=8)
    info = classifier.info
    assert info["frequent"] < 0.25
    # Chance would be a tenth.
    assert classifier.accuracy > 0.7 and min(info["accuracies"]) > 0.6
    assert f"accuracy {classifier.accuracy:.2%}" in printed
    assert [data["name"] for data in info["data_sets"]] == ["black", "white"]
    assert info["options"]["alterations"] == ["shift"]
    # What it says of files is what a user of the file finds.
    images, labels = (
        np.concatenate(parts)
        for parts in zip(
            *(
                (dataset.read_images(np.arange(600)), dataset.read_labels(np.arange(600)))
                for dataset in open_data_sets([digits / "black", digits / "white"])[0]
            ),
            strict=True,
        )
    )
    found = classifier.probabilities(images.astype(np.float32) / 127.5 - 1.0).numpy()
    assert (found.argmax(axis=1) == labels.argmax(axis=1)).mean() > 0.7


def test_it_learns_attributes(tmp_path):
    """Whether the left half is bright, and whether the right one is."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (200, 2)).astype(np.float32)
    halves = labels.repeat(4, axis=1)[:, None, :, None] * 200 + rng.integers(0, 50, (200, 8, 8, 1))
    data = store(tmp_path / "halves", halves.astype(np.uint8), labels)
    assert train("--data", data, "--output", tmp_path / "c.keras", "--kimg", "4") == 0
    classifier = open_classifier(tmp_path / "c.keras")
    assert classifier.kind == "attributes" and classifier.accuracy > 0.95
    assert classifier.info["frequent"] < 0.8


def test_the_seed_decides_what_is_learned(digits, tmp_path):
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        output = tmp_path / f"{name}.keras"
        short = ["--kimg", "0.2", "--seed", seed, "--alterations", "invert", "mirror", "shift"]
        assert train("--data", digits / "black", "--output", output, *short) == 0
        weights.append(np.concatenate([w.ravel() for w in open_classifier(output).get_weights()]))
    np.testing.assert_allclose(weights[0], weights[1], atol=1e-5)
    assert np.abs(weights[0] - weights[2]).max() > 0.01


@pytest.mark.parametrize("moment", ["fit", "save"])
def test_ctrl_c_leaves_nothing(digits, tmp_path, monkeypatch, capsys, moment):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Classifier, moment, stop)
    arguments = ["--data", digits / "black", "--kimg", "0.1", "--output"]
    assert train(*arguments, tmp_path / "c.keras") == 130
    assert "Nothing was written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_exists_is_replaced_only_if_wanted(digits, tmp_path, capsys):
    (tmp_path / "c.keras").write_text("mine")
    arguments = ["--data", digits / "black", "--output", tmp_path / "c.keras", "--kimg", "0.1"]
    assert train(*arguments) == 1
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "c.keras").read_text() == "mine"
    assert train(*arguments, "--force") == 0
    assert open_classifier(tmp_path / "c.keras").accuracy >= 0


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--output", "c.h5"], r"ends in \.keras"),
        (["--held_out", "1"], "`held_out` between 0 and 1"),
        (["--kimg", "0"], "`kimg` above 0"),
        (["--batch_size", "-1"], "`batch_size` above 0"),
        (["--seed", "-1"], "`seed` from 0"),
        (["--learning_rate", "nan"], "`learning_rate` above 0"),
        (["--resolution", "4"], "at least 8"),
        (["--resolution", "12"], "Expected `resolution` to be a power of two of at most 8"),
        (["--resolution", "64"], "Expected `resolution` to be a power of two of at most 8"),
        (["--data", "nowhere"], "no folder nowhere"),
    ],
)
def test_mistakes_are_one_line(digits, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert train("--data", digits / "black", "--output", "c.keras", *arguments) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("error: ")
    with pytest.raises(ValueError, match=message):
        raise ValueError(error)
    assert not list(tmp_path.iterdir())


def test_unknown_alterations():
    with pytest.raises(ValueError, match="blur"):
        ClassifierOptions(alterations=("blur",))


def test_a_training_that_diverges_is_no_classifier(digits, tmp_path, capsys):
    arguments = ["--data", digits / "black", "--output", tmp_path / "c.keras"]
    assert train(*arguments, "--kimg", "1", "--learning_rate", "1e30") == 1
    assert "diverged" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_snapshot_is_still_told_from_a_classifier(stored):
    from msg_stylegan.pretrained import load_networks

    with pytest.raises(ValueError, match=r"holds a msg_stylegan>Classifier, not the networks"):
        load_networks(stored)
