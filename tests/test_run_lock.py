"""Only one process at a time trains a run."""

import errno
import os
import signal
import subprocess
import sys

import pytest
from support.checkout import ROOT

from msg_stylegan.training import run_lock as module
from msg_stylegan.training.run_lock import LOCK_FILE, run_lock
from msg_stylegan.training.run_log import logging_to

fcntl = pytest.importorskip("fcntl")


def test_a_second_training_is_refused_and_told_who_is_there(tmp_path):
    with run_lock(tmp_path):
        for _ in range(2):
            refused = pytest.raises(BlockingIOError, match=rf"process {os.getpid()} on .*abort")
            with refused, run_lock(tmp_path):
                raise AssertionError
    assert list(tmp_path.iterdir()) == []
    with run_lock(tmp_path):
        assert (tmp_path / LOCK_FILE).exists()


def test_an_error_releases_the_run(tmp_path):
    with pytest.raises(ZeroDivisionError), run_lock(tmp_path):
        raise ZeroDivisionError
    with run_lock(tmp_path):
        pass


def test_a_killed_process_is_not_an_obstacle(tmp_path):
    code = (
        "import sys, time\n"
        "from msg_stylegan.training.run_lock import run_lock\n"
        "with run_lock(sys.argv[1]):\n"
        "    print('locked', flush=True)\n"
        "    time.sleep(600)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "locked\n"
            refused = pytest.raises(BlockingIOError, match=f"process {process.pid} on")
            with refused, run_lock(tmp_path):
                raise AssertionError
        finally:
            process.send_signal(signal.SIGKILL)
    assert (tmp_path / LOCK_FILE).exists()
    with run_lock(tmp_path):
        pass


def test_a_disk_without_locks_is_a_notice(tmp_path, monkeypatch):
    def no_locks(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(module.fcntl, "flock", no_locks)
    with logging_to(tmp_path), run_lock(tmp_path):
        pass
    log = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert "cannot be locked" in log and os.strerror(errno.ENOLCK) in log


def test_a_lock_file_that_was_removed_meanwhile_is_made_anew(tmp_path, monkeypatch):
    """Between opening and locking, the holder before may remove what was opened."""
    flock, path = fcntl.flock, tmp_path / LOCK_FILE
    calls = []

    def late(descriptor, operation):
        if not calls:
            path.unlink()
        calls.append(operation)
        flock(descriptor, operation)

    monkeypatch.setattr(module.fcntl, "flock", late)
    with run_lock(tmp_path):
        assert len(calls) == 2
        assert path.exists()
        with pytest.raises(BlockingIOError), run_lock(tmp_path):
            raise AssertionError
