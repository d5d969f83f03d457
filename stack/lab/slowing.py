"""Holds the projector up by signals: it stands still for most of each second, never so long that it loses its lease."""

import asyncio
import os
import signal
from contextlib import suppress

from common.tasks import end
from stack.supervisor import State, Supervisor

NAME = "projector"
STOPPED_SECONDS = 0.8
GOING_SECONDS = 0.2


class Slowing:
    """Whoever ends it lets the process go on."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._running: asyncio.Task[None] | None = None

    @property
    def is_slow(self) -> bool:
        return self._running is not None

    async def set(self, *, is_slow: bool) -> None:
        if is_slow and self._running is None:
            self._running = asyncio.create_task(self._run())
        elif not is_slow and self._running is not None:
            running, self._running = self._running, None
            await end(running)

    async def _run(self) -> None:
        while True:
            pid = self._pid()
            try:
                _signal(pid, signal.SIGSTOP)
                await asyncio.sleep(STOPPED_SECONDS)
            finally:
                _signal(pid, signal.SIGCONT)
            await asyncio.sleep(GOING_SECONDS)

    def _pid(self) -> int | None:
        """Only of one that is ready: who is held up while it starts takes too long for it."""
        row = next((row for row in self._supervisor.processes() if row["name"] == NAME), None)
        return int(row["pid"]) if row and row["pid"] and row["state"] == State.READY else None


def _signal(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
