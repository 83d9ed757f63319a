"""The workers of a training, which agree on everything that is not computed by TensorFlow.

TensorFlow adds up gradients. What a program decides (whether to stop, which run to continue) and
what became of the others goes through connections of our own, from every worker to the chief: they
exist before TensorFlow starts, which is the time to find mistakes, and they tell within moments who
has ended and why.
"""

import contextlib
import json
import queue
import threading

from msg_stylegan.workers.link import SILENCE, Link

# Seconds in which a worker can end by itself when another one is lost. It may wait for it inside
# of TensorFlow, where nothing reaches it.
_GRACE = 20.0
# What TensorFlow may make of a lost worker.
_ERRORS_OF_A_LOSS = (
    "AbortedError",
    "CancelledError",
    "DeadlineExceededError",
    "InternalError",
    "UnavailableError",
)


class WorkerLostError(ConnectionError):
    """Another worker has ended."""


class Workers:
    """A process that trains by itself; it is the chief.

    All workers must call the methods in the same order, except for `on_chief` and `announce_stop`.
    Values are anything that JSON holds.

    Attributes:
        index: Which one this process is.
        count: How many there are.
    """

    index, count = 0, 1

    @property
    def is_chief(self):
        """Whether this process writes the run."""
        return self.index == 0

    def exchange(self, value):
        """List of the values of all workers."""
        return [value]

    def barrier(self):
        """Waits for all workers."""
        self.exchange(None)

    def from_chief(self, value):
        """The value of the chief; that of other workers does not matter."""
        return self.exchange(value if self.is_chief else None)[0]

    def first(self, value):
        """The value of the first worker that has one, or None."""
        return next((found for found in self.exchange(value) if found is not None), None)

    def on_chief(self, function, *arguments):
        """What the function returns on the chief; None elsewhere, where it is not called."""
        return function(*arguments) if self.is_chief else None

    def check_same(self, facts):
        """Makes sure that all workers know the same.

        Args:
            facts: Dictionary of names to values.

        Raises:
            ValueError: They do not. All workers raise it.
        """
        of_chief, *others = self.exchange(facts)
        lines = [
            f"{name}: {other.get(name)!r} for {self.name_of(index)}, "
            f"{of_chief.get(name)!r} for the chief"
            for index, other in enumerate(others, 1)
            for name in [*of_chief, *(other.keys() - of_chief.keys())]
            if other.get(name) != of_chief.get(name)
        ]
        if lines:
            raise ValueError("\n  ".join(["The workers must train the same:", *lines]))

    def name_of(self, index):
        """What messages call a worker."""
        return f"worker {index}"

    def announce_stop(self, reason):
        """Tells the chief at once why to stop, in case that it is busy for long."""

    def on_stop(self, function):
        """Lets the chief call a function of the reason that a worker announces."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        pass


ALONE = Workers()


class ConnectedWorkers(Workers):
    """Several processes that are connected; see `join`.

    As a context manager, it waits for all at the end of the block. An error ends them all.

    Args:
        cluster: `Cluster`.
        connections: Dictionary of the numbers of other workers to sockets: on the chief all of
            them, elsewhere that to the chief.
        end: Function that ends this process when it does not end by itself although another worker
            is lost. It is given what to tell the user, or None if that has been raised.
    """

    def __init__(self, cluster, connections, end):
        self.index, self.count = cluster.index, len(cluster.addresses)
        self._addresses = cluster.addresses
        self._end = end
        self._fault, self._has_fault = None, threading.Event()
        self._lock = threading.Lock()
        self._is_told = self._is_closing = False
        self._departed = set()
        self._on_stop = lambda reason: None
        self._inbox = {index: queue.SimpleQueue() for index in connections}
        self._links = {index: self._link(index, found) for index, found in connections.items()}
        # All at once: what one worker says goes to all others.
        for link in self._links.values():
            link.start()

    def exchange(self, value):
        if not self.is_chief:
            self._send({"value": value})
            return self._take(0)
        # As the others get it: lists for tuples.
        values = [json.loads(json.dumps(value))]
        values += [self._take(index) for index in range(1, self.count)]
        self._send({"value": values})
        for link in self._links.values():
            link.flush()
        return values

    def name_of(self, index):
        return f"worker {index} ({self._addresses[index]})"

    def announce_stop(self, reason):
        if not self.is_chief:
            self._send({"stop": reason})

    def on_stop(self, function):
        self._on_stop = function

    def __exit__(self, kind, error, traceback):
        if error is None:
            try:
                self.barrier()
            except WorkerLostError:
                self._close()
                raise
            self._send({"bye": True})
        elif not isinstance(error, WorkerLostError):
            # TensorFlow may notice first, but does not know what has happened.
            if _may_be_of_a_loss(error) and self._has_fault.wait(SILENCE + 1.0):
                self._close()
                raise WorkerLostError(self._fault) from error
            message = f"{self.name_of(self.index)} stopped: {error or type(error).__name__}"
            self._send({"failed": message})
        self._close()

    def _link(self, index, connection):
        return Link(
            connection,
            lambda message: self._on_message(index, message),
            lambda what: self._on_end(index, what),
        )

    def _send(self, message):
        for link in self._links.values():
            link.send(message)

    def _take(self, index):
        """The next value of a worker."""
        while not self._fault:
            with contextlib.suppress(queue.Empty):
                return self._inbox[index].get(timeout=0.2)
        raise WorkerLostError(self._fault)

    def _on_message(self, index, message):
        if "value" in message:
            self._inbox[index].put(message["value"])
        if "stop" in message:
            self._on_stop(f"{message['stop']} of {self.name_of(index)}")
        if "failed" in message:
            self._lose(message["failed"])
        if "bye" in message:
            self._departed.add(index)

    def _on_end(self, index, what):
        if index not in self._departed and not self._is_closing:
            self._lose(f"{self.name_of(index)} {what}")

    def _lose(self, what):
        with self._lock:
            if self._fault or self._is_closing:
                return
            if self.is_chief:
                # First, because the main thread may end once it sees the fault.
                self._send({"failed": what})
            self._fault = (
                f"{what}. No worker can go on without the others: start all of them again. With "
                "--resume=auto in the command, or --resume=RUN, they continue from the last "
                "checkpoint."
            )
        self._has_fault.set()
        timer = threading.Timer(_GRACE, lambda: self._end(None if self._is_told else self._fault))
        timer.daemon = True
        timer.start()

    def _close(self):
        self._is_told = self._is_closing = True
        for link in self._links.values():
            link.close()


def _may_be_of_a_loss(error):
    return type(error).__module__.startswith("tensorflow") and (
        type(error).__name__ in _ERRORS_OF_A_LOSS
    )
