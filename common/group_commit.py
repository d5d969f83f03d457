"""The appender: one per process, it numbers what many commands want to commit and writes it together (PROTOCOL L2-L6).

One flush is in flight; what arrives meanwhile joins the next. A commit that does not become a new commit at its version
takes every later commit of its stream out of the queue with it: they were decided on something that did not happen.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

import structlog

from common.envelope import Commit
from common.errors import Unavailable
from common.flushes import count_flush, count_position, count_replay, count_version
from common.log import TURN_MILLISECONDS, Failure, Log, Written
from common.spans import appending
from common.tasks import end, look_at, supervised

MAX_FLUSH_COMMITS = 500
MAX_FLUSH_BYTES = 8 * 1024 * 1024
LOSSES_BEFORE_TURN = 2  # positions lost to other processes in a row
SHARED_SECONDS = 1.0  # after a loss the head is read before every insert for so long
LOOK_SECONDS = 0.010  # how often an appender looks whose turn it is while it shares the log,
LONELY_LOOK_SECONDS = 0.025  # and while it does not
PAUSE_SECONDS = 0.020  # before trying again when the log neither takes a position nor shows who has it

log = structlog.get_logger(__name__)


class Replayed(Exception):
    """The command's id is in the log already: `commit` is what it made then."""

    def __init__(self, commit: Commit) -> None:
        super().__init__(commit.command_id)
        self.commit = commit


class Superseded(Exception):
    """Decide again. With `unknown`, an insert of this very commit may still become visible."""

    def __init__(self, *, unknown: bool = False) -> None:
        super().__init__(unknown)
        self.unknown = unknown


@dataclass(slots=True, eq=False)
class _Pending:
    draft: Commit
    size_bytes: int
    deadline: float
    outcome: asyncio.Future[Commit]


class Appender:
    """Appends drafts to the log, in the order in which they were handed over."""

    def __init__(
        self,
        log: Log,
        *,
        on_superseded: Callable[[str], None],
    ) -> None:
        self._log = log
        self._on_written: Callable[[Sequence[Commit]], None] = lambda _: None
        self._on_superseded = on_superseded  # told the stream whose decided state is void, before anybody decides again
        self._holder = str(uuid4())
        self._queue: deque[_Pending] = deque()
        self._wake = asyncio.Event()
        self._is_writing = asyncio.Event()
        self._head: int | None = None  # the last position, when it is certain
        self._losses = 0
        self._lost_at = -SHARED_SECONDS
        self._has_turn = False
        self._is_others_turn = False  # when it was last looked at
        self._closing = False

    def append(self, draft: Commit, *, size_bytes: int, deadline: float) -> asyncio.Future[Commit]:
        """Return the future of the numbered commit; `deadline` is on the loop's clock.

        Raises Replayed, Superseded or Unavailable (the deadline passed; nobody knows).
        """
        outcome: asyncio.Future[Commit] = asyncio.get_running_loop().create_future()
        self._queue.append(_Pending(draft, size_bytes, deadline, outcome))
        self._wake.set()
        return outcome

    def tell(self, on_written: Callable[[Sequence[Commit]], None]) -> None:
        """Call this with whatever is written from now on."""
        self._on_written = on_written

    def forget_head(self) -> None:
        """The server may be another one now (L3)."""
        self._head = None

    async def run(self) -> None:
        """Write what is queued until cancelled; after `close`, until nothing is left."""
        watching = asyncio.create_task(supervised("turns", self._watch_turns))
        if self._queue:
            self._wake.set()
        try:
            while not (self._closing and not self._queue):
                await self._wake.wait()
                self._wake.clear()
                self._is_writing.set()
                await self._write_all()
                self._is_writing.clear()
        finally:
            await end(watching)

    async def _write_all(self) -> None:
        while self._queue:
            try:
                if self._is_others_turn and not self._has_turn:
                    await self._wait_for_turn()
                await self._flush()
            except Unavailable:
                self._head = None
                await asyncio.sleep(PAUSE_SECONDS)
            self._expire()
        with suppress(Unavailable):  # taken for what has become a replay or a conflict, or was given up
            await self._give_turn_back()

    def close(self) -> None:
        """Let `run` end when the queue is empty."""
        self._closing = True
        self._wake.set()

    async def _flush(self) -> None:
        if self._head is None or self._shares:
            self._head = await self._log.head()
        self._expire()
        batch = self._next_batch()
        if not batch:
            return
        commits = [pending.draft.at(position) for position, pending in enumerate(batch, self._head + 1)]
        started = time.perf_counter()
        with appending(commits):
            written = await self._insert(commits)
        count_flush(len(commits), time.perf_counter() - started, written.failure)
        self._acknowledge(batch[: written.count], commits)
        await self._after(written.failure, batch[written.count :])

    @property
    def _shares(self) -> bool:
        """Whether another process appends now: then the last position known here is mostly not the last one.

        A look costs a tenth of an insert that meets a taken position.
        """
        return not self._has_turn and time.monotonic() - self._lost_at < SHARED_SECONDS

    async def _insert(self, commits: list[Commit]) -> Written:
        try:
            return await self._log.insert(commits)
        except Exception:
            log.exception("insert_failed", commits=len(commits), position=commits[0].position)
            return Written(0, Failure.UNKNOWN)

    def _next_batch(self) -> list[_Pending]:
        batch: list[_Pending] = []
        size_bytes = 0
        while self._queue and len(batch) < MAX_FLUSH_COMMITS:
            size_bytes += self._queue[0].size_bytes
            if batch and size_bytes > MAX_FLUSH_BYTES:
                break
            batch.append(self._queue.popleft())
        return batch

    def _acknowledge(self, written: list[_Pending], commits: list[Commit]) -> None:
        for pending, commit in zip(written, commits, strict=False):
            self._head = commit.position
            if not pending.outcome.done():
                pending.outcome.set_result(commit)
        if written:
            self._on_written(commits[: len(written)])

    async def _after(self, failure: Failure | None, rest: list[_Pending]) -> None:
        """Settle what an insert did not write; nothing of it is lost if the log cannot be reached meanwhile."""
        match failure:
            case None:
                self._losses = 0
                await self._give_turn_back()
            case Failure.UNKNOWN:
                self._head, self._has_turn = None, False
                self._supersede(rest, unknown=True)
            case Failure.DUPLICATE:
                self._queue.extendleft(reversed(rest))
                await self._settle_duplicate(rest)

    async def _settle_duplicate(self, rest: list[_Pending]) -> None:
        """L5: a replay, a conflict, or the position went to another process. All of it is asked at once.

        Where one command came again many may have, so all of them are looked up.
        """
        used, self._head = self._head, None
        first = rest[0].draft
        found, is_version_taken, head = await asyncio.gather(
            self._log.find_commands([pending.draft.command_id for pending in rest]),
            self._log.has_version(first.stream, first.version),
            self._log.head(),
        )
        if first.command_id in found:
            count_replay()
            withdrawn: set[str] = set()
            for pending in rest:
                commit = found.get(pending.draft.command_id)
                if commit and pending.draft.stream not in withdrawn:
                    withdrawn.add(pending.draft.stream)
                    self._withdraw(pending, Replayed(commit))
        elif is_version_taken:
            count_version()
            self._withdraw(rest[0], Superseded())
        else:
            count_position()
            await self._lost_position(used, head)

    async def _lost_position(self, used: int | None, head: int) -> None:
        self._losses += 1
        self._lost_at = time.monotonic()
        if head == used:  # what is in the way is not majority-committed yet
            await asyncio.sleep(PAUSE_SECONDS)
            return
        self._head = head
        if self._losses >= LOSSES_BEFORE_TURN:
            self._has_turn = await self._log.take_turn(self._holder)  # or have it for longer
            if not self._has_turn:
                await self._wait_for_turn()

    async def _give_turn_back(self) -> None:
        if self._has_turn:
            self._has_turn = False
            await self._log.release_turn(self._holder)

    async def _watch_turns(self) -> None:
        """Look whose turn it is beside the inserts, not before them: an insert may take long."""
        while True:
            await self._is_writing.wait()
            with suppress(Unavailable):
                self._is_others_turn = await self._is_turn_of_another()
            await asyncio.sleep(LOOK_SECONDS if self._shares else LONELY_LOOK_SECONDS)

    async def _wait_for_turn(self) -> None:
        """Until the other's insert is done; for the length of a turn by our own clock, whatever the server's says."""
        self._head = None
        self._lost_at = time.monotonic()
        while time.monotonic() - self._lost_at < TURN_MILLISECONDS / 1000:
            if not await self._is_turn_of_another():
                break
            await asyncio.sleep(0.001)
        self._is_others_turn = False

    async def _is_turn_of_another(self) -> bool:
        return await self._log.turn_holder() not in (None, self._holder)

    def _withdraw(self, first: _Pending, reason: Exception) -> None:
        """End `first` with this reason; whatever of its stream stands behind it is decided again (L6)."""
        stream = first.draft.stream
        behind = [p for p in self._queue if p.draft.stream == stream and p is not first]
        self._queue = deque(p for p in self._queue if p.draft.stream != stream)
        self._on_superseded(stream)
        _fail(first, reason)
        for pending in behind:
            _fail(pending, Superseded())

    def _supersede(self, sent: list[_Pending], *, unknown: bool) -> None:
        """End all that was sent with an unknown outcome, and what of the same streams stands behind it."""
        streams = {p.draft.stream for p in sent}
        behind = [p for p in self._queue if p.draft.stream in streams]
        self._queue = deque(p for p in self._queue if p.draft.stream not in streams)
        for stream in streams:
            self._on_superseded(stream)
        for pending in sent:
            _fail(pending, Superseded(unknown=unknown))
        for pending in behind:
            _fail(pending, Superseded())

    def _expire(self) -> None:
        """Give up what waited too long; its stream's later commits are decided again, as after any that is not made."""
        now = asyncio.get_running_loop().time()
        while expired := next((p for p in self._queue if p.deadline <= now), None):
            self._withdraw(
                expired, Unavailable("The log did not take the command in time; send it again with the same key.")
            )


def _fail(pending: _Pending, reason: Exception) -> None:
    if not pending.outcome.done():
        pending.outcome.set_exception(reason)
        look_at(pending.outcome)
