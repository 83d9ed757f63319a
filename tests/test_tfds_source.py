"""TensorFlow Datasets, with tiny data sets that are prepared on the spot."""

import importlib
import pickle

import numpy as np
import pytest
from PIL import Image

from msg_stylegan.data.image_preparation import ImagePreparation
from msg_stylegan.data.sources.tfds import TfdsSource

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("array_record")

# It and what it imports use what NumPy, protobuf and others call old.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

_BUILDER = """
import numpy as np
import tensorflow_datasets as tfds


class Tiny(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, CHANNELS)),
            "label": tfds.features.ClassLabel(names=["cat", "dog", "fish"]),
            "number": np.int64,
        }
        features = {name: features[name] for name in FEATURES}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, download_manager):
        return {"train": self._generate_examples(0, 9), "test": self._generate_examples(20, 24)}

    def _generate_examples(self, start, stop):
        for number in range(start, stop):
            random = np.random.default_rng(number)
            image = random.integers(0, 256, (12 + number % 3, 12, CHANNELS), np.uint8)
            image[:, :, :] = image[:1, :1]
            image[0, 0] = number
            example = {"image": image, "label": number % 3, "number": number}
            yield number, {name: example[name] for name in FEATURES}
"""


@pytest.fixture
def prepare(tmp_path, monkeypatch):
    """Function that prepares the data set, which is read without its code later."""

    def run(channels=3, features=("image", "label", "number"), file_format="array_record"):
        code = _BUILDER.replace("CHANNELS", str(channels)).replace("FEATURES", repr(features))
        # A name for each test: modules stay imported.
        package = tmp_path / f"code_{tmp_path.name}_{channels}"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "tiny_builder.py").write_text(code)
        monkeypatch.syspath_prepend(str(tmp_path))
        with tfds.core.registered.skip_registration():
            module = importlib.import_module(f"{package.name}.tiny_builder")
        builder = module.Tiny(data_dir=str(tmp_path / "data"), file_format=file_format)
        builder.download_and_prepare()
        return builder

    return run


def examples(builder, split, key):
    return [example[key] for example in builder.as_data_source(split=split)]


@pytest.mark.parametrize(("channels", "side"), [(3, 8), (1, 16)])
def test_images_and_labels(prepare, tmp_path, channels, side):
    builder = prepare(channels)
    preparation = ImagePreparation(resolution=side)
    source = TfdsSource("tiny", preparation, data_dir=str(tmp_path / "data"))
    assert source.num_images == 9 and source.class_names == ["cat", "dog", "fish"]
    classes = examples(builder, "train", "label")
    assert sorted(classes) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    np.testing.assert_array_equal(source.labels, np.eye(3, dtype=np.float32)[classes])
    source = pickle.loads(pickle.dumps(source))
    for index, pixels in enumerate(examples(builder, "train", "image")):
        top = (pixels.shape[0] - 12) // 2
        image = pixels[top : top + 12, :, 0] if channels == 1 else pixels[top : top + 12]
        expected = Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS)
        expected = np.asarray(expected).reshape(side, side, channels)
        np.testing.assert_array_equal(source.read(index), expected)
    assert source.description == {"kind": "tfds", "path": "tiny/1.0.0", "split": "train"}


def test_splits(prepare, tmp_path):
    prepare()
    preparation = ImagePreparation(resolution=8)
    data_dir = str(tmp_path / "data")
    assert TfdsSource("tiny", preparation, "train+test", data_dir).num_images == 13
    assert TfdsSource("tiny:1.0.0", preparation, "test[:2]", data_dir).num_images == 2
    with pytest.raises(ValueError, match=r"tiny has no split 'other', only .*train"):
        TfdsSource("tiny", preparation, "other", data_dir)


def test_channels_of_the_preparation(prepare, tmp_path):
    prepare(1)
    preparation = ImagePreparation(resolution=8, channels=3)
    source = TfdsSource("tiny", preparation, data_dir=str(tmp_path / "data"))
    assert source.read(0).shape == (8, 8, 3)


def test_without_labels(prepare, tmp_path):
    prepare(features=("image", "number"))
    source = TfdsSource("tiny", ImagePreparation(resolution=8), data_dir=str(tmp_path / "data"))
    assert source.labels is None and source.class_names is None


def test_without_images(prepare, tmp_path):
    prepare(features=("label", "number"))
    with pytest.raises(ValueError, match=r"tiny must have one image per example.*none"):
        TfdsSource("tiny", ImagePreparation(resolution=8), data_dir=str(tmp_path / "data"))


def test_data_prepared_in_another_format(prepare, tmp_path):
    prepare(file_format="tfrecord")
    with pytest.raises(ValueError, match=r"--data_dir"):
        TfdsSource("tiny", ImagePreparation(resolution=8), data_dir=str(tmp_path / "data"))


def test_unknown_name(tmp_path):
    with pytest.raises(ValueError, match=r"no data set 'nothing_of_the_kind'"):
        TfdsSource("nothing_of_the_kind", ImagePreparation(), data_dir=str(tmp_path))
