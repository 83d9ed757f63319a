"""Errors of users become a line, faults of the program keep their traceback."""

import concurrent.futures
import errno
import json

import numpy as np
import pytest

from msg_stylegan import faults, files
from msg_stylegan.command_line import UsageError, exit_status
from msg_stylegan.data.dataset_folder import content_fingerprint, read_manifest
from msg_stylegan.data.worker_pool import done_in_order
from msg_stylegan.generation import arguments

ENDLESS = []
ENDLESS.append(ENDLESS)


def caught(function, *values):
    with pytest.raises(Exception) as info:
        function(*values)
    return info.value


def test_errors_that_the_program_raises_are_the_users(tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    for error, words in (
        (caught(arguments.parse_seeds, "x"), "expected seeds"),
        (caught(read_manifest, tmp_path), "is damaged"),
        (caught(files.atomic_directory(tmp_path).__enter__), "exists already"),
    ):
        assert words in faults.user_message(error)


def test_errors_of_the_system_are_the_users(tmp_path):
    missing = caught((tmp_path / "nowhere").read_bytes)
    assert "nowhere" in faults.user_message(missing)
    assert faults.user_message(OSError(errno.ENOSPC, "No space left on device")) is not None
    assert faults.user_message(MemoryError()) == "out of memory."


@pytest.mark.parametrize(
    "function, values",
    [
        # Of other packages, some of which have no Python code that would stand in a traceback.
        (json.loads, ["{"]),
        (np.zeros(3).reshape, [2]),
        (b"\xff".decode, ["utf-8"]),
        (int, ["x"]),
        # The same, but called by code of ours.
        (files.write_json, ["unused", ENDLESS]),
        (content_fingerprint, ["x", 0, []]),
        (arguments.positive, [np.zeros(2)]),
        # Raised by neither: this file is no part of the program.
        (lambda: exec("raise ValueError"), []),
    ],
)
def test_everything_else_is_a_fault(function, values):
    assert faults.user_message(caught(function, *values)) is None


def test_the_origin_of_an_error_counts_and_not_who_passes_it_on(tmp_path):
    def passing_on(function, *values):
        try:
            function(*values)
        except Exception as error:
            raise error

    assert faults.user_message(caught(passing_on, arguments.parse_seeds, "x")) is not None
    assert faults.user_message(caught(passing_on, int, "x")) is None


def task(text):
    (arguments.parse_seeds if text == "x" else json.loads)(text)


@pytest.mark.parametrize("text, is_known", [("x", True), ("{", False)])
def test_worker_processes_tell_whose_error_it_is(text, is_known):
    error = caught(list, done_in_order(task, [text, text], 2))
    assert isinstance(error.__cause__, concurrent.futures.process._RemoteTraceback)
    assert (faults.user_message(error) is not None) == is_known


def test_exit_status_of_a_fault(capsys):
    with pytest.raises(json.JSONDecodeError):
        exit_status(lambda: json.loads("{"), "Interrupted.")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "This is a fault of the program. Please report it with the following text:\n"
    )


def interrupt():
    raise KeyboardInterrupt


def wrong_usage():
    raise UsageError("no such option")


@pytest.mark.parametrize(
    "job, status, message",
    [
        (lambda: None, 0, ""),
        (lambda: [], 0, ""),
        (lambda: True, 1, ""),
        (lambda: ["one", "two"], 1, "error: one\nerror: two\n"),
        (lambda: arguments.parse_layers("x"), 1, "error: expected layers"),
        (wrong_usage, 2, "error: no such option\n"),
        (interrupt, 130, "Interrupted.\n"),
    ],
)
def test_exit_status(job, status, message, capsys):
    assert exit_status(job, "Interrupted.") == status
    printed = capsys.readouterr().err
    assert printed.startswith(message)
    assert bool(printed) == bool(message)
