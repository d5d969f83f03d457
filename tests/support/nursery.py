"""Starts of services that cost no imports: a process that has done them bears one child for each start.

There is one such process for each service's module, so that a child has the modules and the metrics of a real start, no
others. It ends when we do, whatever ends us, and its children with it.
"""

import asyncio
import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from stack.errors import StartFailed
from stack.process import OnLine, Program

ROOT = Path(__file__).parents[2]
READ_AT_THE_START = ("LD_", "PYTHON", "FAKETIME")  # variables that a process which runs already does not heed


class Child:
    """What Program asks of a child, where its parent tells how it ended."""

    def __init__(self, pid: int, answers: asyncio.StreamReader, line: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._end = asyncio.create_task(self._hear(answers, line))

    async def wait(self) -> int:
        return await asyncio.shield(self._end)

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    async def _hear(self, answers: asyncio.StreamReader, line: asyncio.StreamWriter) -> int:
        self.returncode = int(await answers.readline() or -signal.SIGKILL)  # without its parent it is killed
        line.close()
        return self.returncode


def can_bear(env: Mapping[str, str]) -> bool:
    """False where only a true start does what the environment says."""
    return sys.platform == "linux" and _read_at_the_start(env) == _read_at_the_start(os.environ)


async def bear(module: str, *, env: Mapping[str, str], cwd: Path, on_line: OnLine) -> Program:
    """Do what `spawn` does with `python -m module`; the first call for a module takes its imports."""
    ours, its = os.pipe()
    output = os.fdopen(ours, "rb")
    here, there = socket.socketpair()
    request = json.dumps({"environment": dict(env), "folder": str(cwd)})
    with there, os.fdopen(its, "wb"):
        socket.send_fds(_requests_to(module), [request.encode()], [its, there.fileno()])
    answers, line = await asyncio.open_connection(sock=here)
    pid = await answers.readline()
    if not pid:
        output.close()
        line.close()
        raise StartFailed(f"{module} cannot be imported; what its process said stands above")
    return Program(Child(int(pid), answers, line), output, on_line)


@functools.cache
def _requests_to(module: str) -> socket.socket:
    """Start its process; it ends when the socket is closed."""
    requests, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        argv = [sys.executable, "-m", "tests.support.cradle", module]
        cradle = subprocess.Popen(argv, stdin=its, stdout=subprocess.DEVNULL, cwd=ROOT, start_new_session=True)
    atexit.register(cradle.wait)
    atexit.register(requests.close)
    return requests


def _read_at_the_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(READ_AT_THE_START)}
