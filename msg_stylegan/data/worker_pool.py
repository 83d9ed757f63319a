"""Worker processes that do tasks ahead of the process that takes them in order."""

import collections
import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
from concurrent.futures.process import BrokenProcessPool

from msg_stylegan.faults import keep_user_message

_function = None


def num_cores():
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_num_workers(num_workers):
    """Refuses, with a `ValueError`, a number of processes below 1."""
    if num_workers < 1:
        raise ValueError(f"`--workers` must be 1 or more. Received: {num_workers}")


def done_in_order(function, tasks, num_workers):
    """Calls `function(task)` for all tasks and yields each task, in order, when it is done.

    The workers are at most two tasks per worker ahead of the caller. They end with the caller, when
    it leaves the iteration and even when it is killed: within a moment, also inside a task.

    Args:
        function: What to call in the workers; sent to each of them once.
        tasks: Sequence of tasks.
        num_workers: Processes; with 1, or a single task, the caller's own process does the work.

    Yields:
        The tasks.

    Raises:
        OSError: A worker was killed.
    """
    num_workers = min(num_workers, len(tasks))
    if num_workers <= 1:
        for task in tasks:
            function(task)
            yield task
        return
    # `spawn` is the same everywhere, and safe beside threads.
    context = multiprocessing.get_context("spawn")
    # The workers have the reading end. The writing end closes by itself when this process dies.
    lifeline, our_end = context.Pipe(duplex=False)
    with (
        lifeline,
        our_end,
        concurrent.futures.ProcessPoolExecutor(
            num_workers, context, _start_worker, (function, lifeline)
        ) as pool,
    ):
        try:
            yield from _window(pool, tasks, 2 * num_workers)
        except BrokenProcessPool:
            raise OSError(
                "A worker process was ended by the system, most likely for lack of memory. Try "
                "fewer `--workers`."
            ) from None
        except BaseException:
            # Nobody wants the rest, so running tasks end now, too.
            our_end.close()
            raise


def _window(pool, tasks, size):
    pending = collections.deque()
    for task in tasks:
        with _interrupts_held():
            pending.append((task, pool.submit(_call, task)))
        if len(pending) == size:
            first, future = pending.popleft()
            future.result()
            yield first
    for task, future in pending:
        future.result()
        yield task


@contextlib.contextmanager
def _interrupts_held():
    """Ctrl-C is held back, also in workers that start in this context and import modules."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows.
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(function, lifeline):
    global _function
    _function = function
    # Ctrl-C reaches all processes of a terminal. The caller decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_caller, args=(lifeline,), daemon=True).start()


def _end_with_caller(lifeline):
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)


def _call(task):
    try:
        _function(task)
    except Exception as error:
        keep_user_message(error)
        raise
