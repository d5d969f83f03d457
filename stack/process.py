"""Running a program so that it cannot outlive us, and ending it together with all it started."""

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from stack.errors import Refused, StartFailed

OnLine = Callable[[str], None]

WORDS = re.compile(r"\w")
READY_POLL_SECONDS = 0.05
REFUSED = 3  # a service's exit code: somebody must decide first (see common/process.py)
LAST_LINES = 20  # kept to tell why a program ended
LONGEST_LINE_BYTES = 1024 * 1024
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Program:
    """One run of one program, in a session of its own: Ctrl-C at the terminal does not reach it."""

    def __init__(self, child: asyncio.subprocess.Process, on_line: OnLine):
        self.pid = child.pid
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._child = child
        self._reader = asyncio.create_task(self._read_lines(on_line))

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._child.returncode

    async def exited(self) -> int:
        """Wait for the end and for its last line; return the exit code."""
        code = await self._child.wait()
        with contextlib.suppress(TimeoutError):  # a grandchild may hold the pipe open
            await asyncio.wait_for(asyncio.shield(self._reader), timeout=1)
        return code

    async def stop(self, *, timeout_seconds: float) -> None:
        """Ask it to end (SIGTERM); kill it when it has not ended in time."""
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._child.wait(), timeout_seconds)
        await self.kill()

    async def kill(self) -> None:
        """SIGKILL the whole process group and wait until it is gone. Harmless when it already is."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._child.wait()
        self._reader.cancel()

    async def _read_lines(self, on_line: OnLine) -> None:
        assert self._child.stdout is not None
        while True:
            try:
                raw = await self._child.stdout.readline()
            except ValueError:  # longer than LONGEST_LINE_BYTES: asyncio has dropped it
                continue
            if not raw:
                return
            line = raw.decode(errors="replace").rstrip("\r\n")
            self.last_lines.append(line)
            on_line(line)


async def spawn(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: OnLine = lambda _line: None,
) -> Program:
    """Start `argv`; each line of its output goes to `on_line`. On Linux the kernel kills it when we die.

    `env` None inherits ours. Call it from the main thread: the kernel watches the thread that starts the program.
    Raise StartFailed when the program cannot be executed.
    """
    try:
        child = await asyncio.create_subprocess_exec(
            *argv,
            env=env,
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=LONGEST_LINE_BYTES,
            start_new_session=True,
            preexec_fn=_die_with_parent(os.getpid()),
        )
    except OSError as error:
        raise StartFailed(f"{argv[0]} cannot be started: {error.strerror}") from error
    return Program(child, on_line)


class Run(Protocol):
    """What a program and a container have in common."""

    @property
    def exit_code(self) -> int | None: ...
    @property
    def last_lines(self) -> deque[str]: ...
    async def exited(self) -> int: ...


async def until_ready(
    name: str, program: Run, is_ready: Callable[[], Awaitable[bool]], *, timeout_seconds: float
) -> None:
    """Ask `is_ready` until it says yes. Raise StartFailed when the program ends first or time is up."""
    try:
        async with asyncio.timeout(timeout_seconds):
            while not await is_ready():
                if program.exit_code is not None:
                    failure = Refused if program.exit_code == REFUSED else StartFailed
                    raise failure(await _epitaph(name, program))
                await asyncio.sleep(READY_POLL_SECONDS)
    except TimeoutError as error:
        raise StartFailed(f"{name} did not get ready within {timeout_seconds:.0f} s") from error


async def _epitaph(name: str, program: Run) -> str:
    code = await program.exited()
    said = next((line.strip() for line in reversed(program.last_lines) if WORDS.search(line)), "it said nothing")
    return f"{name} ended while starting (exit code {code}): {said}"


def _die_with_parent(parent_pid: int) -> Callable[[], None] | None:
    """What the child does between fork and exec: ask the kernel for SIGKILL at the parent's death."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # loaded before the fork: the child only calls it

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent_pid:  # it died before we could ask
            os._exit(1)

    return ask_kernel
