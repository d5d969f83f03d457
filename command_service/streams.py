"""What this process knows of the streams it writes to: their state, as far as it has been decided (PROTOCOL L6, L7)."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from command_service.domain.decider import Decider
from command_service.known import Known, fold
from command_service.snapshots import READ, Snapshots, stands
from common.envelope import Commit
from common.log import Log
from common.tasks import look_at

KEPT_STREAMS = 10_000  # least recently used ones are read again when they are needed
KEPT_NAMES = 100_000  # of streams known to exist; a stream never ceases to


@dataclass(slots=True, eq=False)
class Stream:
    """A stream in memory: what is certain of it, and what it becomes when all that is queued is written."""

    settled: Known
    ahead: Known
    last_queued: asyncio.Future[Commit] | None = None

    def queue(self, ahead: Known, outcome: asyncio.Future[Commit]) -> None:
        self.ahead, self.last_queued = ahead, outcome

    def settle(self, known: Known) -> None:
        if known.version > self.settled.version:
            self.settled = known
        if self.is_idle:
            self.last_queued = None

    @property
    def is_idle(self) -> bool:
        return self.last_queued is None or self.last_queued.done()


class Streams:
    """The streams in memory. One that was superseded is forgotten, and read again by whoever comes next."""

    def __init__(self, log: Log, snapshots: Snapshots) -> None:
        self._log = log
        self._snapshots = snapshots
        self._streams: OrderedDict[str, Stream] = OrderedDict()
        self._reading: dict[str, asyncio.Future[Stream]] = {}
        self._existing: set[str] = set()

    def forget(self, name: str) -> None:
        self._streams.pop(name, None)

    async def get(self, name: str, decider: Decider[Any, Any, Any], *, is_new: bool = False) -> Stream:
        """Return the stream; commands that wait for the same one get it in the order in which they asked.

        With `is_new` nobody can have written to it under another command id: the log is not asked.
        """
        if stream := self._streams.get(name):
            self._streams.move_to_end(name)
            return stream
        if is_new and name not in self._reading:
            return self._keep(name, Known(decider.initial))
        if (reading := self._reading.get(name)) is None:
            reading = self._reading[name] = asyncio.ensure_future(self._read_and_keep(name, decider))
            reading.add_done_callback(lambda _: self._reading.pop(name, None))
            reading.add_done_callback(look_at)
        return await asyncio.shield(reading)

    async def exists(self, name: str) -> bool:
        """Whether the stream is in the log; what was found once is not asked again."""
        if name not in self._existing and await self._log.has_version(name, 1):
            if len(self._existing) >= KEPT_NAMES:
                self._existing.clear()
            self._existing.add(name)
        return name in self._existing

    async def read(
        self, name: str, decider: Decider[Any, Any, Any], since: Known | None = None, *, until: int | None = None
    ) -> Known:
        """Read from the log, with majority and past every cache, what came after `since`, up to the version `until`.

        A long stream is read from its snapshot on, if the log bears it out.
        """
        known, page = since or Known(decider.initial), self._snapshots.look_after
        commits = await self._log.read_stream(name, known.version, limit_commits=page)
        if len(commits) == page and (until is None or commits[-1].version < until):
            known, commits = await self._from_snapshot(name, decider, known, commits, until)
        after = fold(decider, known, [commit for commit in commits if until is None or commit.version <= until])
        if until is None:
            self._snapshots.offer(name, decider, after, since_events=known.events)
        return after

    async def _from_snapshot(
        self, name: str, decider: Decider[Any, Any, Any], known: Known, first: list[Commit], until: int | None
    ) -> tuple[Known, list[Commit]]:
        """What to begin with, and all commits after it; `first` are the first after what is known."""
        found = await self._snapshots.find(name, decider)
        if found and known.version < found.version and (until is None or found.version <= until):
            commits = await self._log.read_stream(name, found.version - 1)
            if commits and stands(found, commits[0]):
                READ.labels("used").inc()
                return found, commits[1:]
            READ.labels("not_in_log").inc()
        return known, [*first, *await self._log.read_stream(name, first[-1].version)]

    def note(self, name: str, decider: Decider[Any, Any, Any], known: Known, *, more_events: int) -> None:
        """What is known for certain now, after a commit with so many events."""
        self._snapshots.offer(name, decider, known, since_events=known.events - more_events)

    async def _read_and_keep(self, name: str, decider: Decider[Any, Any, Any]) -> Stream:
        return self._keep(name, await self.read(name, decider))

    def _keep(self, name: str, known: Known) -> Stream:
        stream = self._streams[name] = Stream(known, known)
        while len(self._streams) > KEPT_STREAMS and next(iter(self._streams.values())).is_idle:
            self._streams.popitem(last=False)
        return stream
