"""A log in memory that fails on purpose: the server is a `Store`, a `MemoryLog` is one process's connection to it."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from common.envelope import Commit
from common.errors import Unavailable
from common.log import TURN_MILLISECONDS, Failure, LogInfo, PartitionPage, Written

LATENCY_SECONDS = (0.0001, 0.003)  # of each way, where a test wants any


@dataclass(frozen=True, slots=True)
class Slow:
    """All goes well, after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Lost:
    """The insert never reaches the server. Nobody knows."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The first `count` commits are written, then the connection breaks. Nobody knows."""

    count: int


@dataclass(frozen=True, slots=True)
class Late:
    """The caller gives up now; the insert reaches the server after so many seconds, in two halves."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Unreplicated:
    """Written, but the majority has it only after so many seconds. Nobody knows until then."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Written, and after so many seconds gone again: the new primary never had it. Nobody knows."""

    seconds: float


Fault = Slow | Lost | Cut | Late | Unreplicated | RolledBack


@dataclass(slots=True)
class Store:
    """What the server keeps. `journal` is in the order of writing; the majority has its first `majority` commits."""

    partitions: int = 8
    journal: list[Commit] = field(default_factory=list)
    majority: int = 0
    operations: int = 0
    inserts: list[tuple[Commit, ...]] = field(default_factory=list)  # every one that was sent
    turns_taken: list[str] = field(default_factory=list)
    _turn: tuple[str, float] = ("", 0.0)
    _serving: set[asyncio.Future[Any]] = field(default_factory=set)
    _index: dict[object, int] = field(default_factory=dict)  # each unique key: its place in the journal
    _heads: list[int] = field(default_factory=list)  # the highest position up to each place
    _streams: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    @property
    def info(self) -> LogInfo:
        return LogInfo("log-in-memory", self.partitions)

    @property
    def visible(self) -> list[Commit]:
        """All that the majority has, by position."""
        return sorted(self.journal[: self.majority], key=lambda commit: commit.position)

    @property
    def head(self) -> int:
        return self._heads[self.majority - 1] if self.majority else 0

    def find(self, key: object) -> Commit | None:
        place = self._index.get(key)
        return self.journal[place] if place is not None and place < self.majority else None

    def of_partition(self, partition: int) -> list[Commit]:
        return [commit for commit in self.visible if commit.partition == partition]

    def stream(self, name: str) -> list[Commit]:
        return [self.journal[place] for place in self._streams[name] if place < self.majority]

    def write(self, commits: Sequence[Commit]) -> Written:
        """Write in order up to the first that meets a unique key, like an ordered insert."""
        for count, commit in enumerate(commits):
            if any(key in self._index for key in _unique_keys(commit)):
                return Written(count, Failure.DUPLICATE)
            self._add(commit)
        return Written(len(commits))

    def replicate(self, places: int | None = None) -> None:
        """The majority has all, or what was written up to this place."""
        self.majority = max(self.majority, len(self.journal) if places is None else min(places, len(self.journal)))

    def roll_back(self, places: int | None = None) -> None:
        """Forget what the majority does not have; given `places`, forget all behind them: another, older log."""
        kept = self.journal[: self.majority if places is None else places]
        for part in (self.journal, self._index, self._heads, self._streams):
            part.clear()
        for commit in kept:
            self._add(commit)
        self.majority = min(self.majority, len(kept))

    def serve(self, work: Coroutine[Any, Any, Written]) -> asyncio.Future[Written]:
        """Go on with it whatever becomes of the client."""
        serving = asyncio.ensure_future(work)
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        return serving

    async def settled(self) -> None:
        """Wait until nothing that was sent can still be written."""
        while self._serving:
            await asyncio.wait(set(self._serving))

    def take_turn(self, holder: str, now: float) -> bool:
        if self._turn[0] == holder or self._turn[1] <= now:
            self._turn = (holder, now + TURN_MILLISECONDS / 1000)
            self.turns_taken.append(holder)
        return self._turn[0] == holder

    def release_turn(self, holder: str) -> None:
        if self._turn[0] == holder:
            self._turn = (holder, 0.0)

    def turn_holder(self, now: float) -> str | None:
        return self._turn[0] if self._turn[1] > now else None

    def _add(self, commit: Commit) -> None:
        place = len(self.journal)
        self.journal.append(commit)
        self._index.update(dict.fromkeys(_unique_keys(commit), place))
        self._heads.append(max(commit.position, self._heads[-1] if self._heads else 0))
        self._streams[commit.stream].append(place)


class MemoryLog:
    """Implements `Log`. `faults` befall the next inserts, in order; while `is_cut` nothing gets an answer.

    With `staleness` (commits), pages, partitions and heads are read from a snapshot that may be so many commits old.
    With `replication_seconds`, so long passes about before the majority has what an insert wrote or met.
    """

    def __init__(
        self, store: Store, *, random: Random | None = None, slowness: float = 1.0, replication_seconds: float = 0.0
    ) -> None:
        self.store = store
        self.info = store.info
        self.faults: deque[Fault] = deque()
        self.is_cut = False
        self.staleness = 0
        self._random = random
        self._slowness = slowness
        self._replication_seconds = replication_seconds

    async def head(self) -> int:
        await self._ask()
        head = self._snapshot_head()
        await self._travel()
        return head

    async def insert(self, commits: Sequence[Commit]) -> Written:
        self.store.operations += 1
        self.store.inserts.append(tuple(commits))
        fault = Lost() if self.is_cut else self.faults.popleft() if self.faults else None
        serving = self.store.serve(self._serve(tuple(commits), fault))
        if isinstance(fault, Late | Unreplicated | RolledBack):
            await self._travel(ways=2)
            return Written(0, Failure.UNKNOWN)
        return await asyncio.shield(serving)

    async def find_command(self, command_id: str) -> Commit | None:
        await self._ask()
        found = self.store.find(("command", command_id))
        await self._travel()
        return found

    async def find_commands(self, command_ids: Sequence[str]) -> dict[str, Commit]:
        await self._ask()
        wanted = set(command_ids)
        found = {commit.command_id: commit for commit in self.store.visible if commit.command_id in wanted}
        await self._travel()
        return found

    async def has_version(self, stream: str, version: int) -> bool:
        await self._ask()
        found = self.store.find(("version", stream, version))
        await self._travel()
        return found is not None

    async def read_stream(self, stream: str, after_version: int = 0, limit_commits: int = 0) -> list[Commit]:
        await self._ask()
        commits = [commit for commit in self.store.stream(stream) if commit.version > after_version]
        await self._travel()
        return sorted(commits, key=lambda commit: commit.version)[: limit_commits or None]

    async def read_all(self, after: int, limit_commits: int) -> list[Commit]:
        await self._ask()
        commits = [commit for commit in self.store.visible if commit.position > after][:limit_commits]
        await self._travel()
        return [commit for number, commit in enumerate(commits, after + 1) if commit.position == number]

    async def read_partition(self, partition: int, after: int, limit_commits: int) -> PartitionPage:
        await self._ask()
        head = self._snapshot_head()
        wanted = (c for c in self.store.visible if c.partition == partition and after < c.position <= head)
        commits = tuple(wanted)[:limit_commits]
        await self._travel()
        return PartitionPage(commits, head, whole=len(commits) < limit_commits)

    async def partitions_after(self, after: int, limit_commits: int) -> list[int]:
        await self._ask()
        head = self._snapshot_head()
        commits = [commit for commit in self.store.visible if after < commit.position <= head][:limit_commits]
        await self._travel()
        return [commit.partition for number, commit in enumerate(commits, after + 1) if commit.position == number]

    async def at(self, position: int) -> Commit | None:
        await self._ask()
        found = self.store.find(("position", position))
        await self._travel()
        return found

    async def take_turn(self, holder: str) -> bool:
        await self._ask()
        is_taken = self.store.take_turn(holder, _now())
        await self._travel()
        return is_taken

    async def release_turn(self, holder: str) -> None:
        await self._ask()
        self.store.release_turn(holder)
        await self._travel()

    async def turn_holder(self) -> str | None:
        await self._ask()
        holder = self.store.turn_holder(_now())
        await self._travel()
        return holder

    async def _ask(self) -> None:
        self.store.operations += 1
        await self._travel()
        if self.is_cut:
            raise Unavailable("The test cut the connection.")

    async def _travel(self, ways: int = 1) -> None:
        if self._random:
            await asyncio.sleep(ways * self._slowness * self._random.uniform(*LATENCY_SECONDS))

    async def _serve(self, commits: tuple[Commit, ...], fault: Fault | None) -> Written:
        await self._travel()
        unknown = Written(0, Failure.UNKNOWN)
        if isinstance(fault, Slow):
            await asyncio.sleep(fault.seconds)
        match fault:
            case None | Slow():
                written = self.store.write(commits)
                await self._replicate(written)
            case Lost():
                written = unknown
            case Cut(count):
                self.store.write(commits[:count])
                self.store.replicate()
                written = unknown
            case Late(seconds):
                await self._write_late(commits, seconds)
                written = unknown
            case Unreplicated(seconds):
                self.store.write(commits)
                await asyncio.sleep(seconds)
                self.store.replicate()
                written = unknown
            case RolledBack(seconds):
                self.store.write(commits)
                await asyncio.sleep(seconds)
                self.store.roll_back()
                written = unknown
        await self._travel()
        return written

    async def _replicate(self, written: Written) -> None:
        """An answer waits for the majority, be it that of a duplicate."""
        places = len(self.store.journal)
        if self._random and self._replication_seconds:
            await asyncio.sleep(self._replication_seconds * self._random.uniform(0.5, 1.5))
        if written.count:
            self.store.replicate(places)

    async def _write_late(self, commits: tuple[Commit, ...], seconds: float) -> None:
        middle = len(commits) // 2
        await asyncio.sleep(seconds)
        if self.store.write(commits[:middle]).failure is None:
            self.store.replicate()
            await self._travel()
            self.store.write(commits[middle:])
            self.store.replicate()

    def _snapshot_head(self) -> int:
        age = self._random.randint(0, self.staleness) if self._random and self.staleness else 0
        return max(0, self.store.head - age)


def _unique_keys(commit: Commit) -> tuple[object, ...]:
    return (
        ("position", commit.position),
        ("version", commit.stream, commit.version),
        ("command", commit.command_id),
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
