"""The accuracy of generated digits is measured as it is said."""

import numpy as np
import pytest
from support.tiny_run import make_dataset, make_run

from experiments import conditional_digits
from msg_stylegan.data.sources.digits import DigitsSource
from msg_stylegan.files import read_json_lines


@pytest.fixture(scope="module")
def digits():
    source = DigitsSource()
    images = np.stack([source.read(index) for index in range(source.num_images)])
    return images, source.labels.argmax(axis=1)


def test_the_classifier_knows_digits_that_it_has_not_seen(digits):
    images, classes = digits
    classifier, accuracy = conditional_digits.train_classifier(images, classes, seed=1)
    assert accuracy > 0.97
    # It has learned what digits look like, not how bright they are.
    dimmed = conditional_digits.pixels((images * 0.8).astype(np.uint8))
    assert np.mean(classifier.predict(dimmed) == classes) > 0.9


def test_the_classifier_sees_means_of_pixels():
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 1), np.uint8)
    seen = conditional_digits.pixels(images)
    assert seen.shape == (3, 256)
    assert seen[1, 16 * 2 + 5] == pytest.approx(images[1, 4:6, 10:12].mean() / 255)


def test_variety_is_that_of_images_and_not_of_brightness():
    images = np.random.default_rng(0).integers(0, 100, (50, 8, 8, 1), np.uint8)
    varied = conditional_digits.deviation(images)
    assert varied == pytest.approx(images.std(), rel=0.05)
    assert conditional_digits.deviation(images[:1].repeat(9, axis=0)) == 0.0
    assert conditional_digits.deviation(images + np.uint8(100)) == pytest.approx(varied)


def test_accuracy_is_recorded_beside_the_snapshot(tmp_path, capsys):
    make_dataset(tmp_path / "tiny", label_size=3)
    run_dir = make_run(tmp_path, tmp_path, snapshots=[1], label_size=3)
    arguments = ["--run=1", f"--result_dir={tmp_path}", "--images_per_class=7"]
    assert conditional_digits.main(arguments) == 0
    assert conditional_digits.main(arguments) == 0
    first, second = read_json_lines(run_dir / conditional_digits.RESULTS_FILE)
    assert first == second
    assert first["accuracy"] == pytest.approx(np.mean(first["accuracy_of_classes"]))
    assert len(first["variety_of_classes"]) == 3
    assert len(first["accuracy_of_classes"]) == 3 and first["kimg"] == 1.0
    out = capsys.readouterr().out
    assert f"Generated digits:      {first['accuracy']:.1%} right, 7 of each class" in out


def test_networks_without_labels_are_refused(tmp_path, capsys):
    make_run(tmp_path, tmp_path, snapshots=[1])
    assert conditional_digits.main(["--run=1", f"--result_dir={tmp_path}"]) == 1
    assert "does not hold a generator with labels" in capsys.readouterr().err
