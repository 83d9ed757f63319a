import os
import signal
import time

import pytest

from msg_stylegan.data.worker_pool import done_in_order


class Work:
    """Leaves a file per task, later tasks sooner; one task may fail."""

    def __init__(self, folder, bad_task=None):
        self.folder = folder
        self.bad_task = bad_task

    def __call__(self, task):
        if task == self.bad_task:
            raise ValueError(f"task {task}")
        time.sleep(0.02 * (task % 3))
        (self.folder / f"{task}").write_text(str(os.getpid()))


@pytest.mark.parametrize("num_workers", [1, 3])
def test_order_and_window(tmp_path, num_workers):
    for number, task in enumerate(done_in_order(Work(tmp_path), range(20), num_workers)):
        assert task == number
        done = {int(path.name) for path in tmp_path.iterdir()}
        assert set(range(task + 1)) <= done
        assert max(done) < task + 2 * num_workers
    processes = {path.read_text() for path in tmp_path.iterdir()}
    assert (processes == {str(os.getpid())}) == (num_workers == 1)


@pytest.mark.parametrize("num_workers", [1, 2])
def test_error_of_a_task(tmp_path, num_workers):
    done = []
    with pytest.raises(ValueError, match="task 5"):
        done.extend(done_in_order(Work(tmp_path, bad_task=5), range(20), num_workers))
    assert not (tmp_path / "19").exists()


def test_workers_end_when_the_caller_leaves(tmp_path):
    tasks = done_in_order(Work(tmp_path), range(1000), 2)
    assert next(tasks) == 0
    before = time.monotonic()
    tasks.close()
    assert time.monotonic() - before < 5
    number = len(list(tmp_path.iterdir()))
    time.sleep(0.2)
    assert len(list(tmp_path.iterdir())) == number


def test_no_task_and_one_task(tmp_path):
    assert list(done_in_order(Work(tmp_path), [], 4)) == []
    assert list(done_in_order(Work(tmp_path), [7], 4)) == [7]
    assert (tmp_path / "7").read_text() == str(os.getpid())


class HeldSignals:
    """Leaves a file per task: the signals that its process has held back from the start."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, task):
        held = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        (self.folder / f"{task}").write_text(str(sorted(map(int, held))))


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows has no masks")
def test_workers_are_deaf_to_ctrl_c_from_the_start(tmp_path):
    # Else one that is still importing modules prints a traceback of its own.
    held = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.SIGINT not in held
    list(done_in_order(HeldSignals(tmp_path), range(4), 2))
    wanted = str(sorted({*map(int, held), int(signal.SIGINT)}))
    assert {path.read_text() for path in tmp_path.iterdir()} == {wanted}
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == held
