"""Running a program so that it cannot outlive us, and ending it together with all it started."""

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import sys
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from stack.errors import Refused, StartFailed

OnLine = Callable[[str], None]

WORDS = re.compile(r"\w")
WARNED = re.compile(r"\b(warning|error|critical)\b")  # the level of a line of our logs
READY_POLL_SECONDS = 0.05
REFUSED = 3  # a service's exit code: somebody must decide first (see common/process.py)
LAST_LINES = 20  # kept to tell why a program ended
LONGEST_LINE_BYTES = 1024 * 1024
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Program:
    """One run of one program, in a session of its own: Ctrl-C at the terminal does not reach it.

    A thread reads what it says: a program whose output nobody reads stands still, however busy our loop is.
    """

    def __init__(self, child: asyncio.subprocess.Process, output: BinaryIO, on_line: OnLine):
        self.pid = child.pid
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._child = child
        self._on_line = on_line
        self._has_said_all = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._read_lines, args=(output,), daemon=True).start()

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._child.returncode

    async def exited(self) -> int:
        """Wait for the end and for its last line; return the exit code."""
        code = await self._child.wait()
        with contextlib.suppress(TimeoutError):  # a grandchild may hold the pipe open
            await asyncio.wait_for(self._has_said_all.wait(), timeout=1)
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

    def _read_lines(self, output: BinaryIO) -> None:
        """In the thread: read to the end, even when nobody is left to be told."""
        with output:
            for raw in iter(lambda: output.readline(LONGEST_LINE_BYTES), b""):
                self._tell(self._hear, raw.decode(errors="replace").rstrip("\r\n"))
        self._tell(self._has_said_all.set)

    def _tell(self, callback: Callable[..., None], *words: str) -> None:
        with contextlib.suppress(RuntimeError):  # our loop is closed
            self._loop.call_soon_threadsafe(callback, *words)

    def _hear(self, line: str) -> None:
        self.last_lines.append(line)
        self._on_line(line)


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
    ours, its = os.pipe()
    output = os.fdopen(ours, "rb")
    try:
        child = await asyncio.create_subprocess_exec(
            *argv,
            env=env,
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=its,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(os.getpid()),
        )
    except OSError as error:
        output.close()
        raise StartFailed(f"{argv[0]} cannot be started: {error.strerror}") from error
    finally:
        os.close(its)
    return Program(child, output, on_line)


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
        raise StartFailed(f"{name} did not get ready within {timeout_seconds:.0f} s{_complaint(program)}") from error


async def _epitaph(name: str, program: Run) -> str:
    code = await program.exited()
    said = next((line.strip() for line in reversed(program.last_lines) if WORDS.search(line)), "it said nothing")
    return f"{name} ended while starting (exit code {code}): {said}"


def _complaint(program: Run) -> str:
    """What it last warned of, if of anything but an open door, which is nothing to wait for."""
    warned = (line.strip() for line in reversed(program.last_lines) if WARNED.search(line) and "auth_off" not in line)
    return f": {said}" if (said := next(warned, "")) else ""


def die_with_parent(parent_pid: int) -> Callable[[], None] | None:
    """What the child does between fork and exec: ask the kernel for SIGKILL at the parent's death."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # loaded before the fork: the child only calls it

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent_pid:  # it died before we could ask
            os._exit(1)

    return ask_kernel
