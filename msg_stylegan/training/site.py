"""Where a training runs: the workers, and the devices of this one."""

import contextlib
import faulthandler
import os
import sys

from msg_stylegan.training.run_log import say
from msg_stylegan.workers.cluster import find_cluster
from msg_stylegan.workers.group import ALONE
from msg_stylegan.workers.meeting import join

# Seconds in which the workers must have connected to each other, once all of them are there.
_LIMIT = 300.0


class Site:
    """Opened once, before TensorFlow is used otherwise; a context manager that closes it.

    Attributes:
        workers: `Workers`.
        strategy: The `tf.distribute.Strategy`; None until it is open.
        num_replicas: Devices that share a batch, on all workers.
    """

    def __init__(self):
        self.workers, self.strategy, self.num_replicas = ALONE, None, 0
        self._stack = contextlib.ExitStack()

    def open(self, hardware, worker=None, is_dry_run=False):
        """Waits for the other workers and makes the strategy, unless that is done.

        Args:
            hardware: `HardwareOptions`.
            worker: Which of `hardware.workers` this process is, or None.
            is_dry_run: Whether the others are only counted.

        Raises:
            ConnectionError: Not all workers came.
            ValueError: The workers or devices are not possible, or not the same everywhere.
        """
        if self.strategy is not None:
            return
        # It takes seconds; mistakes in the command line need not wait for it.
        from msg_stylegan.training import devices

        cluster = find_cluster(hardware.workers, worker, os.environ)
        joined = None if is_dry_run else cluster
        self.workers = self._stack.enter_context(join(joined, _tell, _end_process))
        num_gpus = devices.num_visible_gpus()
        self.workers.check_same(
            {
                "GPUs": min(hardware.num_gpus or num_gpus, num_gpus),
                "hardware.logical_cpus": hardware.logical_cpus,
            }
        )
        with _limit_of_time() if joined else contextlib.nullcontext():
            self.strategy = devices.make_strategy(hardware.num_gpus, hardware.logical_cpus, joined)
        self.num_replicas = self.strategy.num_replicas_in_sync
        if cluster and is_dry_run:
            self.num_replicas *= len(cluster.addresses)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)


@contextlib.contextmanager
def _limit_of_time():
    """Ends the process if TensorFlow waits in vain for a worker that has ended at this moment.

    While it waits here, it keeps all threads of Python from running, and signals from being heard.
    """
    faulthandler.dump_traceback_later(_LIMIT, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _tell(message):
    print(message, file=sys.stderr, flush=True)


def _end_process(message):
    if message:
        say(f"Stopped by an error: {message}")
        _tell(f"error: {message}")
    # It may hang inside of TensorFlow, even at its end.
    os._exit(1)
