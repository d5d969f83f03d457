"""Keeping a table of processes alive: started in order of readiness, restarted when they die, stopped in reverse."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from stack.errors import Refused, StackError, StartFailed

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
STABLE_SECONDS = 30.0  # a process that lived so long begins again with the first delay


class Supervised(Protocol):
    """A process that can be started again and again: Mongod, RabbitMQ, Service."""

    @property
    def name(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def pid(self) -> int | None:
        """None while it is down."""
        ...

    async def start(self) -> None:
        """Spawn it."""

    async def wait_ready(self) -> None:
        """Raise StartFailed when it ends or keeps silent."""

    async def stop(self) -> None:
        """End it cleanly; harmless when it is down."""

    async def kill(self) -> None:
        """SIGKILL it; harmless when it is down."""

    async def exited(self) -> int:
        """Wait for its end and return the exit code."""
        ...


class State(StrEnum):
    WAITING = "waiting"  # for those it needs
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"  # it died, and its delay runs
    KILLED = "killed"  # by the user; stays so until started
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A row of the table; `after` names the processes that must be ready first."""

    process: Supervised
    after: tuple[str, ...] = ()


@dataclass(slots=True)
class _Entry:
    process: Supervised
    after: tuple[str, ...]
    state: State = State.WAITING
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    watcher: asyncio.Task[None] | None = None


class Supervisor:
    """Owns the processes from `start` to `stop`. `on_change` is called whenever one was spawned or has ended."""

    def __init__(
        self, table: Sequence[Planned], *, say: Callable[[str], None], on_change: Callable[[], None] = lambda: None
    ):
        self._entries = {row.process.name: _Entry(row.process, row.after) for row in table}
        self._say = say
        self._on_change = on_change

    async def start(self) -> None:
        """Return when all are ready. Raise StartFailed when one cannot start; call `stop` in any case.

        One that refuses is tried again, like one that dies later; the others run, so that what it asks for can be done.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for entry in self._entries.values():
                    group.create_task(self._start_in_order(entry))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def stop(self) -> None:
        """Stop all, the last of the table first. Nothing is restarted any more."""
        for entry in self._entries.values():
            await _stop_watching(entry)
        for entry in reversed(self._entries.values()):
            if entry.process.pid is not None:
                self._say(f"stopping {entry.process.name}")
            await entry.process.stop()
            entry.state = State.STOPPED
        self._on_change()

    async def kill_process(self, name: str) -> None:
        """SIGKILL it; it stays down until `start_process`. Harmless when it is down already."""
        entry = self._entry(name)
        await _stop_watching(entry)
        entry.ready.clear()
        entry.state = State.KILLED
        await entry.process.kill()
        self._say(f"{name} was killed; `cqrs process start {name}` starts it again")
        self._on_change()

    async def start_process(self, name: str) -> None:
        """Return when it is ready again. Raise StartFailed; it is then down. Harmless when it runs already."""
        entry = self._entry(name)
        if entry.state is State.READY:
            return
        await _stop_watching(entry)
        try:
            await self._launch(entry)
        except StartFailed:
            await self.kill_process(name)
            raise
        entry.watcher = asyncio.create_task(self._watch(entry))

    def processes(self) -> list[dict[str, str | int | None]]:
        """Rows of `{name, pid, port, state}` in the order of the table."""
        return [
            {"name": name, "pid": entry.process.pid, "port": entry.process.port, "state": entry.state.value}
            for name, entry in self._entries.items()
        ]

    def pids(self) -> list[int]:
        return [entry.process.pid for entry in self._entries.values() if entry.process.pid is not None]

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            raise StackError(f"this stack runs no process {name!r}; it runs {', '.join(self._entries)}")
        return self._entries[name]

    async def _start_in_order(self, entry: _Entry) -> None:
        for name in entry.after:
            await self._entries[name].ready.wait()
        try:
            await self._launch(entry)
        except Refused as refusal:
            self._say(str(refusal))
        entry.watcher = asyncio.create_task(self._watch(entry))

    async def _launch(self, entry: _Entry) -> None:
        began = time.monotonic()
        entry.state = State.STARTING
        await entry.process.start()
        self._on_change()
        await entry.process.wait_ready()
        entry.state = State.READY
        entry.ready.set()
        self._say(f"{entry.process.name} is ready on port {entry.process.port} ({time.monotonic() - began:.1f} s)")

    async def _watch(self, entry: _Entry) -> None:
        """Start it again whenever it ends, after a delay that doubles."""
        delay_seconds = FIRST_DELAY_SECONDS
        while True:
            began = time.monotonic()
            code = await entry.process.exited()
            if time.monotonic() - began > STABLE_SECONDS:
                delay_seconds = FIRST_DELAY_SECONDS
            await self._restart(entry, code, delay_seconds)
            delay_seconds = min(delay_seconds * 2, LONGEST_DELAY_SECONDS)

    async def _restart(self, entry: _Entry, code: int, delay_seconds: float) -> None:
        entry.ready.clear()
        entry.state = State.RESTARTING
        self._on_change()
        self._say(f"{entry.process.name} ended (exit code {code}); it is started again in {delay_seconds:.1f} s")
        await asyncio.sleep(delay_seconds)
        try:
            await self._launch(entry)
        except StartFailed as failure:
            self._say(str(failure))
            await entry.process.kill()


async def _stop_watching(entry: _Entry) -> None:
    if entry.watcher:
        entry.watcher.cancel()
        await asyncio.wait([entry.watcher])
        entry.watcher = None
