"""Starts of programs that cost no imports: a process that has done them bears one child for each start.

There is one such process for each service's module, so that a child has the modules and the metrics of a real start, no
others; the one for `cqrs` has what any of its commands imports. It ends when we do, whatever ends us, and its children
with it.
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
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.table import COMMANDS, GROUPS
from stack.errors import StartFailed
from stack.process import OnLine, Program

ROOT = Path(__file__).parents[2]
READ_AT_THE_START = ("LD_", "PYTHON", "FAKETIME", "SSL_")  # variables that a process which runs already does not heed
ROWS = (*COMMANDS.values(), *(row for _, rows in GROUPS.values() for row in rows.values()))
IMPORTED_LATER = {"cli": sorted({place.partition(":")[0] for place, _ in ROWS} | {"rich.console", "rich.table"})}


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


async def bear(module: str, *words: str, env: Mapping[str, str], cwd: Path, on_line: OnLine) -> Program:
    """Do what `spawn` does with `python -m module words`; the first call for a module takes its imports."""
    ours, its = os.pipe()
    output = os.fdopen(ours, "rb")
    with os.fdopen(its, "wb"):
        here = _request(module, words, env, cwd, output=its, errors=its)
    answers, line = await asyncio.open_connection(sock=here)
    try:
        pid = _pid(module, await answers.readline())
    except StartFailed:
        output.close()
        line.close()
        raise
    return Program(Child(pid, answers, line), output, on_line)


def run(
    module: str, *words: str, env: Mapping[str, str], cwd: Path, timeout_seconds: float
) -> subprocess.CompletedProcess[str]:
    """Do what `subprocess.run` does with `python -m module words`: wait for its end and return what it said."""
    if not can_bear(env):
        argv = [sys.executable, "-m", module, *words]
        return subprocess.run(
            argv, env=env, cwd=cwd, capture_output=True, text=True, timeout=timeout_seconds, check=False
        )
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        here = _request(module, words, env, cwd, output=output.fileno(), errors=errors.fileno())
        with here, here.makefile() as answers:
            here.settimeout(timeout_seconds)
            pid = _pid(module, answers.readline())
            try:
                code = int(answers.readline())
            except TimeoutError as error:
                os.killpg(pid, signal.SIGKILL)
                raise TimeoutError(f"{module} {' '.join(words)} (process {pid}) did not end in time") from error
        for stream in (output, errors):
            stream.seek(0)
        return subprocess.CompletedProcess([module, *words], code, output.read(), errors.read())


def _pid(module: str, told: str | bytes) -> int:
    if not told:
        raise StartFailed(f"{module} cannot be imported; what its process said stands above")
    return int(told)


def _request(
    module: str, words: Sequence[str], env: Mapping[str, str], cwd: Path, *, output: int, errors: int
) -> socket.socket:
    """Ask for a start; the child's id comes from what is returned, and later its exit code."""
    here, there = socket.socketpair()
    request = json.dumps({"environment": dict(env), "folder": str(cwd), "words": words})
    with there:
        socket.send_fds(_requests_to(module), [request.encode()], [output, errors, there.fileno()])
    return here


@functools.cache
def _requests_to(module: str) -> socket.socket:
    """Start its process; it ends when the socket is closed."""
    requests, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        argv = [sys.executable, "-m", "tests.support.cradle", module, *IMPORTED_LATER.get(module, ())]
        cradle = subprocess.Popen(argv, stdin=its, stdout=subprocess.DEVNULL, cwd=ROOT, start_new_session=True)
    atexit.register(cradle.wait)
    atexit.register(requests.close)
    return requests


def _read_at_the_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(READ_AT_THE_START)}
