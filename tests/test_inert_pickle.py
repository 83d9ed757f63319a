"""The reader of pickles: equal to Python's for data, and dead to everything else."""

import collections
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import hostile_pickles

from msg_stylegan.foreign_files.inert_pickle import parse_pickle, read_pickle
from msg_stylegan.foreign_files.numpy_pickle import NUMPY_TABLE
from msg_stylegan.foreign_files.pickle_machine import RefusedGlobalError
from msg_stylegan.foreign_files.tflib_pickle import read_tflib

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
VALUES = st.recursive(
    SCALARS,
    lambda values: (
        st.lists(values)
        | st.lists(values).map(tuple)
        | st.dictionaries(st.text() | st.integers(-(2**40), 2**40), values)
    ),
    max_leaves=20,
)
DTYPES = ("f2", "<f4", ">f4", "f8", "i1", "<i4", ">i8", "u1", "u4", "bool")


def read(data):
    return read_pickle(data, NUMPY_TABLE)


@given(VALUES, st.sampled_from(PROTOCOLS))
def test_plain_values_come_back(value, protocol):
    assert read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_come_back(dtype, protocol):
    array = np.random.default_rng(0).integers(0, 2, (3, 4, 5)).astype(dtype)
    for original in (array, np.asfortranarray(array), array[::2, 1], array[:0], array[0, 0, 0]):
        result = read(pickle.dumps({"x": [original]}, protocol))["x"][0]
        assert result.dtype == original.dtype.newbyteorder("=")
        assert result.dtype.isnative
        assert result.shape == original.shape
        np.testing.assert_array_equal(result, original)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_containers_may_be_shared_or_hold_themselves(protocol):
    array, shared = np.arange(3.0), [1]
    own = [shared, shared, array, (array,)]
    own.append(own)
    result = read(pickle.dumps(own, protocol))
    assert result[4] is result and result[0] is result[1]
    assert result[2] is result[3][0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_other_dictionaries_become_plain_ones(protocol):
    ordered = collections.OrderedDict(b=1, a=np.ones(2))
    result = read(pickle.dumps(ordered, protocol))
    assert type(result) is dict and list(result) == ["b", "a"]


def test_pickles_of_python_2():
    array = (
        b"(dp0\nS'x'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\n"
        b"S'b'\np5\ntp6\nRp7\n(I1\n(I2\ntp8\ncnumpy\ndtype\np9\n(S'f4'\np10\nI0\nI1\ntp11\nRp12\n"
        b"(I3\nS'<'\np13\nNNNI-1\nI-1\nI0\ntp14\nbI00\nS'\\x00\\x00\\x80?\\x00\\x00\\xc0\\x7f'\n"
        b"p15\ntp16\nbsS'it\\'s \\\\ \\n'\np17\nL12L\nsV\\u20ac\np18\nI01\ns."
    )
    result = read(array)
    np.testing.assert_array_equal(result.pop("x"), np.array([1.0, np.nan], np.float32))
    assert result == {"it's \\ \n": 12, "\N{EURO SIGN}": True}
    # Protocol 2: 8-bit text, which is latin-1 here.
    assert read(b"\x80\x02(U\x03a\xe9bq\x00T\x01\x00\x00\x00\xffl.") == ["a\xe9b", "\xff"]


def test_pickles_in_a_row():
    data = b"".join(pickle.dumps(i, 2) for i in range(3))
    position = 0
    for i in range(3):
        value, position = parse_pickle(data, {}, start=position)
        assert value == i
    assert position == len(data)
    with pytest.raises(ValueError, match="goes on for"):
        read(data)


def test_the_attacks_are_real(tmp_path):
    victim = tmp_path / "ran"
    attack = hostile_pickles.running(f"touch {victim}")["deep in a state dict"]
    pickle.loads(attack)
    assert victim.exists()


@pytest.mark.parametrize("name", hostile_pickles.running(""))
def test_nothing_is_run(name, tmp_path):
    victim = tmp_path / "ran"
    attack = hostile_pickles.running(f"touch {victim}")[name]
    for reader in (read, read_tflib):
        with pytest.raises(ValueError):
            reader(attack)
    assert not victim.exists()


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "numpy.ndarray.__class__"])
def test_a_refusal_says_the_name(name):
    module, _, attribute = name.partition(".") if "numpy" in name else name.rpartition(".")
    with pytest.raises(RefusedGlobalError, match=name):
        read(f"c{module}\n{attribute}\n.".encode())


@pytest.mark.parametrize("name", hostile_pickles.changing())
def test_nothing_of_ours_changes(name):
    encode = NUMPY_TABLE["_codecs.encode"]
    for reader in (read, read_tflib):
        with pytest.raises(ValueError):
            reader(hostile_pickles.changing()[name])
    assert not vars(encode) and encode.__defaults__ == ("latin1",)


@pytest.mark.parametrize("name", hostile_pickles.growing())
def test_memory_stays_small(name):
    attack = hostile_pickles.growing()[name]
    tracemalloc.start()
    try:
        # A list of lists of lists is legal, as long as nobody writes it out.
        if name == "a list of lists of lists":
            read(attack)
        else:
            with pytest.raises(ValueError):
                read(attack)
        assert tracemalloc.get_traced_memory()[1] < 150e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_part_is_refused(protocol):
    value = {"name": ["text", 1, 2.5, True, None, (b"bytes",)], "array": np.arange(3.0)}
    data = pickle.dumps(value, protocol)
    for length in range(len(data)):
        with pytest.raises(ValueError):
            read(data[:length])


@given(st.data(), st.sampled_from(PROTOCOLS))
def test_damage_is_an_error_of_the_value(data, protocol):
    pickled = bytearray(pickle.dumps({"a": [np.arange(3.0), "text", 5]}, protocol))
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(pickled) - 1))
        pickled[index] = data.draw(st.integers(0, 255))
    _read_or_refuse(bytes(pickled))


@given(st.binary(max_size=60))
@example(b"(lp0\nI1\ntb.")
def test_noise_is_an_error_of_the_value(noise):
    _read_or_refuse(noise)


def _read_or_refuse(data):
    for reader in (read, read_tflib):
        try:
            reader(data)
        except ValueError as error:
            assert str(error)
