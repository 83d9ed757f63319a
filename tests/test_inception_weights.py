"""Names of Inception's weights in every kind of file: round trips and refusals."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from support import synthetic_inception

from metrics.feature_networks.inception_weights import (
    from_graph_def,
    from_keras,
    from_tflib,
    from_torch,
)

READERS = {
    "torch": (from_torch, synthetic_inception.torch_arrays),
    "graph_def": (from_graph_def, synthetic_inception.graph_def_arrays),
    "tflib": (from_tflib, synthetic_inception.tflib_arrays),
    "keras": (from_keras, synthetic_inception.keras_arrays),
}
every_reader = pytest.mark.parametrize(("read", "arrays"), READERS.values(), ids=READERS)


@pytest.fixture(scope="module")
def canonical():
    return from_torch(synthetic_inception.torch_arrays())


def assert_same(ours, expected, but=()):
    assert ours.keys() == expected.keys()
    for name in expected:
        if not name.endswith(but):
            np.testing.assert_array_equal(ours[name], expected[name], err_msg=name)


def test_number_of_parameters(canonical):
    assert sum(array.size for array in canonical.values()) == synthetic_inception.NUM_PARAMETERS
    assert {array.dtype for array in canonical.values()} == {np.dtype(np.float32)}


def test_torch_kernels_become_channels_last(canonical):
    theirs = synthetic_inception.torch_arrays()["Mixed_6b.branch7x7dbl_2.conv.weight"]
    ours = canonical["mixed_4/tower_1/conv_1/kernel"]
    assert ours.shape == (7, 1, 128, 128)
    assert ours[3, 0, 5, 9] == theirs[9, 5, 3, 0]


def test_graph_def_has_other_constants(canonical):
    others = {
        "ExpandDims/dim": np.int32(0),
        "Sub/y": np.float32(128.0),
        "ResizeBilinear/size": np.array([299, 299], np.int32),
        "pool_3/_reshape/shape": np.array([1, 2048], np.int32),
        "DecodeJpeg/contents": np.array(b"...", object),
    }
    assert_same(from_graph_def(others | synthetic_inception.graph_def_arrays()), canonical)


@pytest.mark.parametrize("prefix", ["inception_v3_features/", "a/b/"])
def test_tflib_scopes_may_have_a_prefix(canonical, prefix):
    arrays = {f"{prefix}{k}:0": v for k, v in synthetic_inception.tflib_arrays().items()}
    assert_same(from_tflib(arrays), canonical)


def test_tflib_scopes_may_name_the_normalisation(canonical):
    arrays = synthetic_inception.graph_def_arrays()
    assert_same(from_tflib({f"net/{name}": array for name, array in arrays.items()}), canonical)


def test_tflib_may_lack_gamma_and_classes(canonical):
    ours = from_tflib(synthetic_inception.tflib_arrays(gamma=False, logits=False))
    expected = {k: v for k, v in canonical.items() if not k.startswith("logits")}
    assert_same(ours, expected, but=("/gamma", "/moving_variance"))
    assert all((array == 1).all() for name, array in ours.items() if name.endswith("/gamma"))


@pytest.mark.parametrize("gamma", [True, False])
def test_tflib_order_decides_when_names_say_nothing(gamma):
    arrays = synthetic_inception.tflib_arrays(gamma)
    renamed = {}
    for i, (name, array) in enumerate(arrays.items()):
        renamed[f"Net/layer{i}/{name.rpartition('/')[2]}"] = array
    assert_same(from_tflib(renamed), from_tflib(arrays))
    shuffled = dict(sorted(renamed.items()))
    with pytest.raises(ValueError, match=r"Arrays missing: conv/kernel.*unknown: Net/layer"):
        from_tflib(shuffled)


@pytest.mark.parametrize("first", [0, 1, 94])
def test_keras_counts_from_any_number(canonical, first):
    ours = from_keras(synthetic_inception.keras_arrays(first))
    assert_same(
        {k: v for k, v in ours.items() if not k.startswith("logits")},
        {k: v for k, v in canonical.items() if not k.startswith("logits")},
        but="/gamma",
    )
    assert (ours["mixed_10/conv/gamma"] == 1).all()
    assert ours["logits/kernel"].shape == (2048, 1000)


def test_keras_without_classes_and_in_a_whole_model():
    arrays = synthetic_inception.keras_arrays()
    arrays = {f"model_weights/{k}": v for k, v in arrays.items() if "predictions" not in k}
    assert "logits/kernel" not in from_keras(arrays)


@every_reader
@hypothesis.given(data=st.data())
@hypothesis.settings(max_examples=6)
def test_any_missing_array_is_named(read, arrays, data):
    arrays = dict(arrays())
    names = sorted(name for name in arrays if not name.endswith("num_batches_tracked"))
    name = data.draw(st.sampled_from(names))
    del arrays[name]
    with pytest.raises(ValueError, match=r"^These are not .* Arrays missing: ") as e:
        read(arrays)
    if read in (from_torch, from_graph_def):
        assert name in str(e.value)


@every_reader
def test_another_shape_is_named(read, arrays):
    arrays = dict(arrays())
    name = next(name for name, array in arrays.items() if array.ndim == 4)
    arrays[name] = arrays[name][:, :, :, :1]
    with pytest.raises(ValueError, match=f"of another shape: {name}"):
        read(arrays)


@every_reader
def test_an_unknown_array_is_named(read, arrays):
    # The frozen graph holds other constants, but no other weights.
    stranger = "mixed_11/conv2d_params" if read is from_graph_def else "mixed_11/stranger"
    with pytest.raises(ValueError, match=f"unknown: {stranger}"):
        read({**arrays(), stranger: np.zeros(3, np.float32)})


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
@every_reader
def test_numbers_that_no_network_has_are_named(read, arrays, value):
    arrays = dict(arrays())
    name = next(name for name in arrays if "running_var" in name or "moving_variance" in name)
    arrays[name] = np.full_like(arrays[name], value)
    with pytest.raises(ValueError, match=f"without sensible numbers: {name}"):
        read(arrays)


def test_integers_are_not_weights():
    arrays = dict(synthetic_inception.torch_arrays())
    arrays["fc.bias"] = np.zeros(1008, np.int64)
    with pytest.raises(ValueError, match=r"without sensible numbers: fc\.bias"):
        from_torch(arrays)


def test_network_of_torchvision_is_refused():
    arrays = dict(synthetic_inception.torch_arrays())
    arrays |= {"fc.weight": np.zeros((1000, 2048), np.float32)}
    arrays |= {"AuxLogits.fc.weight": np.zeros((1000, 768), np.float32)}
    with pytest.raises(ValueError, match=r"unknown: AuxLogits.*another shape: fc\.weight"):
        from_torch(arrays)


def test_classes_are_needed_with_or_without_their_bias():
    arrays = dict(synthetic_inception.tflib_arrays())
    del arrays["softmax/bias"]
    with pytest.raises(ValueError, match="missing: logits/bias"):
        from_tflib(arrays)


@every_reader
def test_an_empty_file_is_refused(read, arrays):
    with pytest.raises(ValueError, match=r"missing: .* and [0-9]+ more"):
        read({})
