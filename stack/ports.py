"""Choosing TCP ports on the loopback interface."""

import socket
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """True when a server could listen on `port` of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Different free ports; they stay free only as long as nobody else takes them."""
    probes = list(_bound_sockets(count))
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def free_port() -> int:
    return free_ports(1)[0]


def preferred_or_free(port: int) -> int:
    """`port` when nobody listens there, else any free one."""
    return port if is_free(port) else free_port()


def _bound_sockets(count: int) -> Iterator[socket.socket]:
    for _ in range(count):
        probe = socket.socket()
        probe.bind((LOOPBACK, 0))
        yield probe
