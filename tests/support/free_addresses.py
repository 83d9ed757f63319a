"""Addresses for processes that talk to each other."""

import socket


def free_addresses(count):
    """Addresses of this computer that nobody uses."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    addresses = tuple(f"localhost:{server.getsockname()[1]}" for server in sockets)
    for server in sockets:
        server.close()
    return addresses
