"""A connection between two workers: messages both ways, and signs of life."""

import json
import queue
import socket
import threading

# Seconds after which a worker that has nothing to say shows that it lives.
HEARTBEAT = 2.0
# Seconds after which a worker that is silent counts as lost.
SILENCE = 30.0


class Link:
    """Sends and receives JSON, in threads of its own.

    Args:
        connection: Connected socket, which belongs to the link from now on.
        on_message: Called with every message.
        on_end: Called once, with what happened, when no more messages come.
    """

    def __init__(self, connection, on_message, on_end):
        connection.settimeout(SILENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._on_message = on_message
        self._on_end = on_end
        self._outbox = queue.SimpleQueue()
        self._sender = threading.Thread(target=self._send_all, daemon=True)

    def start(self):
        """Begins to send and to receive."""
        self._sender.start()
        threading.Thread(target=self._read_all, daemon=True).start()

    def send(self, message):
        """Sends a message, soon. It may be called from a handler of a signal."""
        self._outbox.put(message)

    def flush(self):
        """Waits until everything is sent.

        A call of TensorFlow that follows may keep all threads of Python from running.
        """
        is_sent = threading.Event()
        self._outbox.put(is_sent)
        while not is_sent.wait(timeout=0.2) and self._sender.is_alive():
            pass

    def close(self):
        """Sends what is still to be sent."""
        self._outbox.put(None)
        self._sender.join(timeout=5.0)

    def _send_all(self):
        try:
            while (message := self._next()) is not None:
                if isinstance(message, threading.Event):
                    message.set()
                else:
                    send_message(self._connection, message)
            self._connection.shutdown(socket.SHUT_WR)
        except OSError:
            # Whoever reads will notice.
            pass

    def _next(self):
        try:
            return self._outbox.get(timeout=HEARTBEAT)
        except queue.Empty:
            return {}

    def _read_all(self):
        what = "has ended"
        try:
            with self._connection.makefile("rb") as lines:
                for line in lines:
                    if message := json.loads(line):
                        self._on_message(message)
        except TimeoutError:
            what = f"has been silent for {SILENCE:g} s"
        except (OSError, ValueError):
            pass
        self._on_end(what)
        # Whoever sends may not be done.
        self._sender.join(timeout=SILENCE)
        self._connection.close()


def send_message(connection, message):
    connection.sendall(json.dumps(message).encode() + b"\n")


def receive_message(connection):
    """Receives the first message of a connection, to which nothing else may have been sent.

    Raises:
        OSError: Nothing came.
        ValueError: It is no message of ours.
    """
    data = b""
    while not data.endswith(b"\n"):
        # One byte at a time leaves to others what follows.
        byte = connection.recv(1)
        if not byte or len(data) > 1 << 20:
            raise ValueError("no message")
        data += byte
    message = json.loads(data)
    if not isinstance(message, dict):
        raise ValueError("no message")
    return message
