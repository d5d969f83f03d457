"""Choosing TCP ports on the loopback interface."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from stack.locking import try_lock

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


def claim(port: int) -> IO[str] | None:
    """A file that keeps our other stacks off `port` while it is open: they choose ports long before they listen.

    None when somebody listens there or another stack has claimed it.
    """
    file = (Path(tempfile.gettempdir()) / f"leveret-port-{port}-of-{os.getuid()}").open("a")
    if try_lock(file) and is_free(port):
        return file
    file.close()
    return None


def _bound_sockets(count: int) -> Iterator[socket.socket]:
    for _ in range(count):
        probe = socket.socket()
        probe.bind((LOOPBACK, 0))
        yield probe
