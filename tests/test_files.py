"""Files and folders appear whole or not at all."""

import codecs
import hashlib
import math
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.folder_contents import names

from msg_stylegan import files

INTERRUPTIONS = [ValueError, OSError, KeyboardInterrupt, SystemExit]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "made" / "on demand" / "file.txt"
    with files.atomic_path(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
        assert temporary.parent == target.parent
    assert target.read_text() == "new"
    assert names(target.parent) == ["file.txt"]


def test_old_file_stays_readable_until_the_block_ends(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with files.atomic_path(target) as temporary:
        temporary.write_text("half of the n")
        assert target.read_text() == "old"
        temporary.write_text("new")
    assert target.read_text() == "new"


@pytest.mark.parametrize("target", ["a.keras", "b.tar.gz", "network-snapshot-000001.keras"])
def test_temporary_file_has_the_suffix_but_not_the_beginning_of_the_target(tmp_path, target):
    with files.atomic_path(str(tmp_path / target)) as temporary:
        assert not temporary.exists()
        assert temporary.suffix == (tmp_path / target).suffix
        assert temporary.name.startswith(".")
        assert ":" not in temporary.name
        temporary.touch()
    assert names(tmp_path) == [target]


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
@pytest.mark.parametrize("old", [None, "old"])
def test_file_stays_as_it_was_after_an_error(tmp_path, interruption, old):
    target = tmp_path / "file.txt"
    if old:
        target.write_text(old)
    with pytest.raises(interruption), files.atomic_path(target) as temporary:
        temporary.write_text("half of the n")
        raise interruption
    assert names(tmp_path) == (["file.txt"] if old else [])
    assert not old or target.read_text() == old


def test_file_stays_as_it_was_when_nothing_was_written(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), files.atomic_path(target):
        pass
    assert target.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_folder_is_not_replaced_by_a_file(tmp_path):
    target = tmp_path / "folder"
    (target / "inside").mkdir(parents=True)
    with pytest.raises(OSError), files.atomic_path(target) as temporary:
        temporary.touch()
    assert names(tmp_path) == ["folder"]
    assert names(target) == ["inside"]


def test_reader_sees_the_old_or_the_new_text_only(tmp_path):
    target = tmp_path / "file.txt"
    texts = ["a" * 100_000, "b" * 100_000]
    files.write_text(target, texts[0])
    seen, done = set(), threading.Event()

    def read():
        while not done.is_set():
            seen.add(target.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for index in range(40):
        files.write_text(target, texts[index % 2])
    done.set()
    reader.join()
    assert seen
    assert seen <= set(texts)


@pytest.mark.parametrize("exists", [False, True])
def test_directory_appears_when_the_block_ends(tmp_path, exists):
    target = tmp_path / "some" / "directory"
    if exists:
        target.mkdir(parents=True)
    with files.atomic_directory(target) as temporary:
        assert list(temporary.iterdir()) == []
        (temporary / "inside").mkdir()
        (temporary / "inside" / "file.txt").write_text("new")
        assert target.exists() == exists
        assert temporary.parent == target.parent
    assert (target / "inside" / "file.txt").read_text() == "new"
    assert names(target.parent) == ["directory"]


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
def test_directory_does_not_appear_after_an_error(tmp_path, interruption):
    target = tmp_path / "directory"
    with pytest.raises(interruption), files.atomic_directory(target) as temporary:
        (temporary / "inside").mkdir()
        (temporary / "inside" / "file.txt").write_text("half")
        raise interruption
    assert names(tmp_path) == []


def test_directory_with_content_is_refused_and_left_alone(tmp_path):
    target = tmp_path / "directory"
    target.mkdir()
    (target / "precious.txt").write_text("old")
    with pytest.raises(FileExistsError, match="directory exists already"):  # noqa: SIM117
        with files.atomic_directory(target):
            raise AssertionError("the block must not run")
    assert names(tmp_path) == ["directory"]
    assert (target / "precious.txt").read_text() == "old"


def test_directory_in_place_of_a_file_is_refused(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(FileExistsError, match=r"file\.txt"):  # noqa: SIM117
        with files.atomic_directory(target):
            raise AssertionError("the block must not run")
    assert target.read_text() == "old"


def test_content_that_came_meanwhile_is_not_overwritten(tmp_path):
    target = tmp_path / "directory"
    with pytest.raises(OSError), files.atomic_directory(target) as temporary:
        (temporary / "ours.txt").touch()
        target.mkdir()
        (target / "theirs.txt").touch()
    assert names(tmp_path) == ["directory"]
    assert names(target) == ["theirs.txt"]


def test_directory_is_as_readable_as_any_other(tmp_path):
    with files.atomic_directory(tmp_path / "ours"):
        pass
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_directory_with_content_is_replaced_at_the_end_if_asked_for(tmp_path):
    target = tmp_path / "directory"
    target.mkdir()
    (target / "old.txt").touch()
    with files.atomic_directory(target, replace=True) as temporary:
        (temporary / "new.txt").touch()
        assert names(target) == ["old.txt"]
    assert names(tmp_path) == ["directory"]
    assert names(target) == ["new.txt"]


@pytest.mark.parametrize("letter", ["x", "ü", "[", "?", "\udcff"], ids=ascii)
def test_names_may_be_as_long_as_names_can_be(tmp_path, letter):
    length = (255 - len(".json")) // len(os.fsencode(letter))
    file, folder = letter * length + ".json", "d" * 5 + letter * length
    files.write_json(tmp_path / file, {})
    files.append_json_line(tmp_path / file, {})
    for replace in (False, True):
        with files.atomic_directory(tmp_path / folder, replace=replace):
            pass
    assert names(tmp_path) == sorted([file, folder])


def test_threads_can_write_the_same_file(tmp_path):
    target = tmp_path / "file.json"
    texts = [str(i) * 100_000 for i in range(4)]
    threads = [threading.Thread(target=files.write_text, args=(target, text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_text() in texts
    assert names(tmp_path) == ["file.json"]


def test_what_a_kill_has_left_is_removed(tmp_path):
    file = files.atomic_path(tmp_path / "file.txt")
    file.__enter__().touch()
    folder = files.atomic_directory(tmp_path / "folder")
    (folder.__enter__() / "inside").touch()
    (tmp_path / ".hidden").touch()
    files.remove_leftovers(tmp_path)
    assert names(tmp_path) == [".hidden"]


def test_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files.write_text("file.txt", "text")
    with files.atomic_directory("directory") as temporary:
        (temporary / "inside.txt").touch()
    assert names(tmp_path) == ["directory", "file.txt"]


def test_text_is_utf_8_and_complete(tmp_path):
    text = "Größe 4² → 8²\n"
    files.write_text(tmp_path / "text.txt", text)
    assert (tmp_path / "text.txt").read_bytes().decode("utf-8").replace(os.linesep, "\n") == text


@given(value=json_values)
def test_json_round_trip(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "value.json"
    files.write_json(path, value)
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert files.json.loads(text) == value


@given(values=st.lists(json_values, max_size=4), more=json_values)
def test_json_lines_round_trip(tmp_path_factory, values, more):
    path = tmp_path_factory.getbasetemp() / "values.jsonl"
    files.write_json_lines(path, values)
    assert files.read_json_lines(path) == values
    files.append_json_line(path, more)
    assert files.read_json_lines(path) == [*values, more]
    assert path.read_text(encoding="utf-8").count("\n") == len(values) + 1


def test_value_that_is_not_json_leaves_the_old_lines(tmp_path):
    path = tmp_path / "values.jsonl"
    files.write_json_lines(path, [{"kimg": 1.0}])
    with pytest.raises(TypeError):
        files.write_json_lines(path, [{"kimg": 2.0}, {"kimg": object()}])
    with pytest.raises(TypeError):
        files.append_json_line(path, object())
    with pytest.raises(TypeError):
        files.write_json(path, object())
    assert files.read_json_lines(path) == [{"kimg": 1.0}]
    assert names(tmp_path) == ["values.jsonl"]


def test_numbers_keep_all_their_digits(tmp_path):
    files.append_json_line(tmp_path / "values.jsonl", {"value": math.pi})
    assert files.read_json_lines(tmp_path / "values.jsonl") == [{"value": math.pi}]


def test_no_file_has_no_lines(tmp_path):
    assert files.read_json_lines(tmp_path / "absent.jsonl") == []


LINES = b'{"a": 0}\n{"a": 1, "b": "x"}\n'


@pytest.mark.parametrize("length", range(10, len(LINES) - 1))
def test_a_last_line_that_was_cut_short_is_left_out_and_mended(tmp_path, length, capsys):
    path = tmp_path / "values.jsonl"
    path.write_bytes(LINES[:length])
    assert files.read_json_lines(path) == [{"a": 0}]
    assert f"line 2 of {path}" in capsys.readouterr().err
    files.append_json_line(path, {"a": 2})
    assert f"line 2 of {path}" in capsys.readouterr().err
    assert path.read_bytes() == b'{"a": 0}\n{"a": 2}\n'


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", []),
        (b'{"a"', []),
        (LINES[:9], [{"a": 0}]),
        # Only the end of the line is missing.
        (LINES[:-1], [{"a": 0}, {"a": 1, "b": "x"}]),
        # What some file systems leave after a power failure.
        (LINES[:9] + bytes(100), [{"a": 0}]),
        (LINES[:15] + bytes(100), [{"a": 0}]),
        (LINES[:9] + b'{"a": "\xc3', [{"a": 0}]),
        (LINES[:9] + b'{"a": \n', [{"a": 0}]),
        (LINES.replace(b"\n", b"\r\n")[:10], [{"a": 0}]),
        # A mark that editors on Windows put before the text.
        (codecs.BOM_UTF8 + LINES[:9], [{"a": 0}]),
        (codecs.BOM_UTF8 + LINES[:5], []),
    ],
)
def test_lines_that_can_be_read_stay(tmp_path, content, kept):
    path = tmp_path / "values.jsonl"
    path.write_bytes(content)
    assert files.read_json_lines(path) == kept
    files.append_json_line(path, {"a": 2})
    assert files.read_json_lines(path) == [*kept, {"a": 2}]


@pytest.mark.parametrize(
    "line", [b'{"a": 0, "b', b"nonsense", b'{"a": 0}{"a": 1}', b"\xff", b"[" * 100_000]
)
def test_a_broken_line_elsewhere_is_named(tmp_path, line):
    path = tmp_path / "values.jsonl"
    path.write_bytes(LINES + line + b"\n" + LINES)
    with pytest.raises(ValueError, match=r"^Line 3 of .*values\.jsonl is damaged: "):
        files.read_json_lines(path)


@pytest.mark.parametrize("value", ["{}", '{"b": 0}', "[]", "null", "3", '"a"'])
def test_values_without_what_is_needed_are_named(tmp_path, value):
    path = tmp_path / "file"
    path.write_text(f"{value}\n")
    with pytest.raises(ValueError, match=r"^Line 1 of .*file is damaged: expected .* a"):
        files.read_json_lines(path, ["a"])
    with pytest.raises(ValueError, match=r"file is damaged: expected an object with a"):
        files.read_json(path, ["a"])


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", bytes(9), b"[" * 100_000])
def test_a_damaged_json_file_is_named(tmp_path, content):
    (tmp_path / "file.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"file\.json is damaged: "):
        files.read_json(tmp_path / "file.json")


def test_a_mark_before_the_text_is_not_damage(tmp_path):
    (tmp_path / "file.json").write_bytes(codecs.BOM_UTF8 + b'{"a": 0}')
    assert files.read_json(tmp_path / "file.json") == {"a": 0}


def test_what_is_not_a_list_of_json_lines_is_not_cut(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("my notes")
    files.append_json_line(path, {"a": 0})
    assert path.read_text() == 'my notes\n{"a": 0}\n'


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 2**20 + 1, 5 * 2**19])
def test_the_hash_is_that_of_all_bytes(tmp_path, size):
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    (tmp_path / "file").write_bytes(content)
    for path in (tmp_path / "file", str(tmp_path / "file")):
        assert files.sha256_of_file(path) == hashlib.sha256(content).hexdigest()
