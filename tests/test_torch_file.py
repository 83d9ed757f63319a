"""Files of PyTorch read without it: both forms, views of storages, and all that is refused."""

import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import torch_writer
from support.torch_writer import Storage, Tensor, tensors, whole

from msg_stylegan.foreign_files.torch_file import read_torch_file

FORMS = {"zip": torch_writer.write_zip, "legacy": torch_writer.write_legacy}


@pytest.fixture(params=FORMS)
def write(request):
    return FORMS[request.param]


def arrays():
    rng = np.random.default_rng(0)
    return {
        "double": rng.normal(size=(2, 3)),
        "float": rng.normal(size=(4, 1, 2)).astype(np.float32),
        "half": rng.normal(size=5).astype(np.float16),
        "long": np.array(-(2**40)),
        "byte": np.arange(5, dtype=np.uint8),
        "bool": np.array([True, False, True]),
        "empty": np.zeros((0, 3), np.float32),
    }


@pytest.mark.parametrize("order", ["<", ">"])
def test_all_types_of_numbers(tmp_path, write, order):
    path = tmp_path / "file.pth"
    write(path, tensors(arrays()), order=order)
    result = read_torch_file(path)
    assert list(result) == list(arrays())
    for name, expected in arrays().items():
        assert result[name].dtype == expected.dtype and result[name].dtype.isnative
        np.testing.assert_array_equal(result[name], expected, strict=True)


@pytest.mark.parametrize("order", ["<", ">"])
def test_bfloat16_becomes_float32(tmp_path, write, order):
    values = np.array([1.0, -2.5, 0.15625, np.inf], np.float32)
    halves = (values.view(np.uint32) >> 16).astype(np.uint16)
    write(tmp_path / "f", {"x": Tensor(Storage("0", halves, "bf16"), 0, (4,), (1,))}, order=order)
    np.testing.assert_array_equal(read_torch_file(tmp_path / "f")["x"], values, strict=True)


def test_views_share_storages(tmp_path, write):
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    storage = Storage("7", base)
    state = {
        "all": Tensor(storage, 0, (4, 6), (6, 1)),
        "transposed": Tensor(storage, 0, (6, 4), (1, 6)),
        "part": Tensor(storage, 7, (2, 3), (6, 2)),
        "last": Tensor(storage, 23, (1,), (1,)),
        "scalar": Tensor(storage, 5, (), ()),
        "nothing": Tensor(storage, 24, (0,), (1,)),
    }
    write(tmp_path / "f", state)
    result = read_torch_file(tmp_path / "f")
    expected = {
        "all": base,
        "transposed": base.T,
        "part": base[1:3, 1:6:2],
        "last": base[3, 5:],
        "scalar": base[0, 5],
        "nothing": base[0, :0],
    }
    for name, array in expected.items():
        np.testing.assert_array_equal(result[name], array)
    assert np.shares_memory(result["all"], result["part"])
    with pytest.raises(ValueError, match="read-only"):
        result["part"][0, 0] = 1.0


def test_nested_dictionaries(tmp_path, write):
    state = {
        "step": 3,
        "nets": {"G": {"w": whole("0", np.ones(2))}},
        "list": [1.5, None, (True, "x"), whole("1", np.zeros(1))],
    }
    write(tmp_path / "f", state)
    result = read_torch_file(tmp_path / "f")
    np.testing.assert_array_equal(result["nets"]["G"]["w"], np.ones(2))
    assert result["step"] == 3 and result["list"][:3] == [1.5, None, (True, "x")]


@pytest.mark.parametrize("network", ["GEN", "DIS"])
def test_recorded_files_of_pytorch(golden, network):
    result = read_torch_file(golden / f"bmsg_32_GAN_{network}.pth")
    with np.load(golden / "bmsg_32.npz") as recording:
        prefix = f"{network[0]}/"
        expected = {k.removeprefix(prefix): recording[k] for k in recording if k.startswith(prefix)}
    assert result.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(result[name], array, strict=True)


@pytest.mark.parametrize(
    "offset, shape, strides",
    [
        (0, (7,), (1,)),
        (1, (6,), (1,)),
        (0, (2, 2), (5, 1)),
        (0, (2**30, 2**30), (0, 0)),
        (0, (7,), (0,)),
        (0, (2,), (-1,)),
        (-1, (2,), (1,)),
        (0, (-2,), (1,)),
        (0, (2, 3), (1,)),
        (0, (2,), (2**39,)),
        (7, (0,), (1,)),
        (0, (1,) * 40, (1,) * 40),
    ],
)
def test_a_tensor_stays_inside_of_its_storage(tmp_path, write, offset, shape, strides):
    storage = Storage("0", np.arange(6.0))
    write(tmp_path / "f", {"x": Tensor(storage, offset, shape, strides)})
    with pytest.raises(ValueError, match="cannot be read"):
        read_torch_file(tmp_path / "f")


@pytest.mark.parametrize("count", [5, 7, 2**40, -1])
def test_the_size_of_a_storage_is_checked(tmp_path, write, count):
    storage = Storage("0", np.arange(6.0))
    storage.count = count
    write(tmp_path / "f", {"x": Tensor(storage, 0, (3,), (1,))})
    with pytest.raises(ValueError, match="cannot be read"):
        read_torch_file(tmp_path / "f")


def test_many_views_do_not_make_much_of_little(tmp_path, write):
    storage = Storage("0", np.zeros(10_000))
    state = {str(i): Tensor(storage, 0, (10_000,), (1,)) for i in range(100)}
    write(tmp_path / "f", state)
    with pytest.raises(ValueError, match="much larger in memory"):
        read_torch_file(tmp_path / "f")


def test_a_module_is_refused_by_name(tmp_path):
    pickle = b"\x80\x02ctorch.nn.modules.container\nSequential\nq\x00)\x81."
    with zipfile.ZipFile(tmp_path / "f", "w") as archive:
        archive.writestr("archive/data.pkl", pickle)
    with pytest.raises(ValueError, match=r"Sequential.*state_dict") as error:
        read_torch_file(tmp_path / "f")
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("name", ["code/__torch__.py", "constants.pkl"])
def test_torchscript_is_refused(tmp_path, name):
    torch_writer.write_zip(tmp_path / "f", tensors(arrays()), members={name: b""})
    with pytest.raises(ValueError, match="TorchScript"):
        read_torch_file(tmp_path / "f")


@pytest.mark.parametrize(
    "members, options, message",
    [
        ({"data/0": None}, {}, "data/0 is missing"),
        ({"data/0": b"123"}, {}, "3 bytes"),
        ({"data.pkl": None}, {}, "no single data.pkl"),
        ({"more/data.pkl": b"N."}, {}, "no single data.pkl"),
        ({"data.pkl": b"N."}, {}, "NoneType"),
        ({"byteorder": b"middle"}, {}, "byte order"),
        ({}, {"compression": zipfile.ZIP_DEFLATED}, "compressed"),
    ],
)
def test_an_archive_of_another_kind_is_refused(tmp_path, members, options, message):
    torch_writer.write_zip(tmp_path / "f", tensors(arrays()), members=members, **options)
    with pytest.raises(ValueError, match=message):
        read_torch_file(tmp_path / "f")


def test_overlapping_members_do_not_multiply(tmp_path):
    # All storages of the directory point at the same bytes of the file.
    state = tensors({str(i): np.zeros(1000) for i in range(50)})
    torch_writer.write_zip(tmp_path / "f", state, members={"data/0": bytes(8000)})
    with zipfile.ZipFile(tmp_path / "f") as archive:
        first = archive.getinfo("archive/data/0")
        archive.filelist = [
            info for info in archive.filelist if "/data/" not in info.filename or info is first
        ]
    data = (tmp_path / "f").read_bytes()
    small = tmp_path / "small"
    with zipfile.ZipFile(small, "w") as archive:
        with zipfile.ZipFile(tmp_path / "f") as source:
            for name in ("archive/data.pkl", "archive/byteorder", "archive/data/0"):
                archive.writestr(name, source.read(name))
        target = archive.getinfo("archive/data/0")
        for i in range(1, 50):
            copy = zipfile.ZipInfo(f"archive/data/{i}")
            for field in ("header_offset", "CRC", "compress_size", "file_size", "external_attr"):
                setattr(copy, field, getattr(target, field))
            archive.filelist.append(copy)
    assert small.stat().st_size < len(data) / 5
    with pytest.raises(ValueError):
        read_torch_file(small)


def test_a_part_of_a_file_is_refused(tmp_path, write):
    path = tmp_path / "f"
    write(path, tensors({"a": np.arange(3.0), "b": np.ones((2, 2), np.float32)}))
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError):
            read_torch_file(path)


@given(data=st.data(), form=st.sampled_from(sorted(FORMS)))
def test_damage_is_an_error_of_the_value(tmp_path_factory, data, form):
    path = tmp_path_factory.getbasetemp() / f"damaged_{form}"
    FORMS[form](path, tensors({"a": np.arange(3.0), "b": np.ones((2, 2), np.float32)}))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        read_torch_file(path)
    except ValueError as error:
        assert str(path) in str(error)


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_torch_file(tmp_path / "f")
