"""The log of a run: what reaches it, and what happens when it or the output cannot be written."""

import errno
import io
import os
import sys
from pathlib import Path

import pytest

from msg_stylegan.training.run_log import logging_to, say


class Failing(io.StringIO):
    """A stream whose reader went away, or whose disk is full."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def write(self, text):
        raise OSError(self.number, os.strerror(self.number))


def log_of(run_dir):
    return (run_dir / "log.txt").read_text(encoding="utf-8").splitlines()


def test_words_reach_terminal_and_log(tmp_path, capsys):
    with logging_to(tmp_path):
        say("one")
    with logging_to(tmp_path):
        say("two → three")
    assert log_of(tmp_path) == ["one", "two → three"]
    assert capsys.readouterr().out == "one\ntwo → three\n"


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO, errno.ENOSPC])
def test_an_output_that_fails_is_told_once_in_the_log(number, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Failing(number))
    with logging_to(tmp_path):
        for word in ("one", "two", "three"):
            say(word)
    lines = log_of(tmp_path)
    assert [line for line in lines if not line.startswith("The output")] == ["one", "two", "three"]
    (notice,) = [line for line in lines if line.startswith("The output")]
    assert os.strerror(number) in notice


@pytest.mark.parametrize("stream", [None, "closed"])
def test_an_output_that_is_closed_ends_nothing(stream, tmp_path, monkeypatch):
    if stream:
        stream = io.StringIO()
        stream.close()
    monkeypatch.setattr(sys, "stdout", stream)
    with logging_to(tmp_path):
        say("one")
        say("two")
    assert [line for line in log_of(tmp_path) if line in ("one", "two")] == ["one", "two"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_log_that_cannot_be_written_is_told_once(tmp_path, capsys):
    (tmp_path / "log.txt").symlink_to("/dev/full")
    with logging_to(tmp_path):
        say("one")
        say("two")
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines, key=len)[:2] == ["one", "two"]
    (notice,) = [line for line in lines if line not in ("one", "two")]
    assert notice.startswith("log.txt cannot be written")


@pytest.mark.parametrize(
    "error, words",
    [
        (ValueError("the reason"), "an error: the reason"),
        (MemoryError(), "an error: MemoryError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(3), "SystemExit"),
    ],
)
def test_the_reason_of_every_stop_reaches_the_log(error, words, tmp_path, capsys):
    with pytest.raises(type(error)), logging_to(tmp_path):
        say("one")
        raise error
    assert log_of(tmp_path)[0] == "one"
    assert log_of(tmp_path)[1].startswith(f"Stopped by {words}")
    # Whoever catches it says it on the terminal.
    assert capsys.readouterr().out == "one\n"


def test_a_log_that_is_held_begins_when_it_is_told_to(tmp_path):
    with logging_to(tmp_path, held=True) as begin:
        say("one")
        assert not (tmp_path / "log.txt").exists()
        begin()
        say("two")
        begin()
    assert log_of(tmp_path) == ["one", "two"]


def test_an_error_before_the_log_begins_leaves_no_trace(tmp_path):
    with pytest.raises(ValueError), logging_to(tmp_path, held=True):
        say("one")
        raise ValueError
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt), logging_to(tmp_path, held=True):
        raise KeyboardInterrupt
    assert log_of(tmp_path) == ["Stopped by KeyboardInterrupt."]
