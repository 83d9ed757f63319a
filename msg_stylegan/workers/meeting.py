"""How workers find each other, before TensorFlow starts."""

import contextlib
import socket
import time

from msg_stylegan.workers.group import ALONE, ConnectedWorkers
from msg_stylegan.workers.link import receive_message, send_message

# Seconds to wait for all workers. A cluster may start them one after the other.
_PATIENCE = 3600.0
# Seconds between two messages about missing workers, and between two attempts to reach the chief.
_REMINDER, _PAUSE = 60.0, 0.5
_ANSWER = 10.0


def join(cluster, say, end, patience=_PATIENCE):
    """Connects the workers of a training.

    They meet at the address of the chief, which is free until TensorFlow takes it over: no further
    port is needed.

    Args:
        cluster: `Cluster`, or None for a process by itself.
        say: Function that tells the user a line.
        end: See `ConnectedWorkers`.
        patience: Seconds to wait for the others.

    Returns:
        `Workers`.

    Raises:
        ConnectionError: Not all workers came.
        OSError: The port of the chief is in use.
        ValueError: They were not started with the same addresses.
    """
    if cluster is None:
        return ALONE
    meet = _wait_for_others if cluster.index == 0 else _reach_chief
    return ConnectedWorkers(cluster, meet(cluster, say, patience), end)


def _wait_for_others(cluster, say, patience):
    """The chief: dictionary of the number of each other worker to its socket."""
    _, port = _host_and_port(cluster.addresses[0])
    found, problem = {}, None
    start = reminded = time.monotonic()
    try:
        server = _open_server(port)
    except OSError as error:
        raise OSError(
            f"The chief cannot open the port of its address {cluster.addresses[0]}: {error}"
        ) from error
    with server:
        server.settimeout(1.0)
        while len(found) < len(cluster.addresses) - 1 and not problem:
            missing = [a for i, a in enumerate(cluster.addresses) if i and i not in found]
            now = time.monotonic()
            if now - start > patience:
                _close(found.values())
                raise ConnectionError(
                    f"Not all workers came within {patience:g} s. Missing: {', '.join(missing)}."
                )
            if now - reminded > _REMINDER:
                reminded = now
                say(f"Waiting for {len(missing)} workers: {', '.join(missing[:8])}")
            with contextlib.suppress(TimeoutError):
                problem = _receive_worker(server.accept()[0], cluster, found)
    answer = {"refused": problem} if problem else {"welcome": True}
    for connection in found.values():
        with contextlib.suppress(OSError):
            send_message(connection, answer)
    if problem:
        _close(found.values())
        raise ValueError(problem)
    return found


def _receive_worker(connection, cluster, found):
    """Adds a worker to those that were found; returns why no training is possible, or None."""
    connection.settimeout(_ANSWER)
    try:
        hello = receive_message(connection)
        index, addresses = int(hello["worker"]), tuple(hello["addresses"])
    except (OSError, KeyError, TypeError, ValueError):
        # Whoever it was, it is no worker.
        connection.close()
        return None
    if index in found:
        # It has lost the connection, or was started again.
        found.pop(index).close()
    found[index] = connection
    if addresses != cluster.addresses or not 0 < index < len(addresses):
        return (
            f"worker {index} was started with the addresses {', '.join(addresses)}, the chief with "
            f"{', '.join(cluster.addresses)}"
        )
    return None


def _reach_chief(cluster, say, patience):
    """Another worker: dictionary of 0 to its socket."""
    chief = cluster.addresses[0]
    start = reminded = time.monotonic()
    error = None
    while (now := time.monotonic()) - start < patience:
        if now - reminded > _REMINDER:
            reminded = now
            say(f"Waiting for the chief at {chief}: {error}")
        try:
            connection = socket.create_connection(_host_and_port(chief), timeout=_ANSWER)
        except OSError as reason:
            error = reason
            time.sleep(_PAUSE)
            continue
        try:
            hello = {"worker": cluster.index, "addresses": cluster.addresses}
            send_message(connection, hello)
            # Until all are there.
            connection.settimeout(max(patience - (now - start), _ANSWER))
            answer = receive_message(connection)
        except (OSError, ValueError) as reason:
            # TensorFlow of an earlier training may still be there.
            connection.close()
            error = reason
            time.sleep(_PAUSE)
            continue
        if "refused" in answer:
            connection.close()
            raise ValueError(answer["refused"])
        return {0: connection}
    raise ConnectionError(f"No chief answered at {chief} within {patience:g} s: {error}")


def _open_server(port):
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128
            )
    return socket.create_server(("", port), backlog=128)


def _close(connections):
    for connection in connections:
        connection.close()


def _host_and_port(address):
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
