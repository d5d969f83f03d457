"""Snapshots: the states of long streams, saved beside the log so that not every event must be read again (ADR 26).

What a snapshot says is believed when the log has the very commit that it was made at, and never beyond it. All of them
may be deleted at any time: they save time and nothing else.
"""

import asyncio
from typing import Any, Protocol

import msgspec
import structlog
from prometheus_client import Counter

from command_service.domain.decider import Decider
from command_service.known import Known
from command_service.states import from_text, hash_of, to_text
from common.envelope import Commit
from common.errors import Unavailable

LOOK_AFTER = 20  # commits: a stream with fewer is read as quickly without one
MOST_WAITING = 1000  # streams
PAUSE_SECONDS = 0.5  # so often a busy stream is saved at most
MOST_BYTES = 8 * 1024 * 1024  # of a state; MongoDB's limit is 16 MiB

log = structlog.get_logger(__name__)
READ = Counter("leveret_snapshots_read_total", "Snapshots that were looked for", ["outcome"])
SAVED = Counter("leveret_snapshots_saved_total", "Snapshots that were to be saved", ["outcome"])


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """As it is stored, `stream` as `_id`, with `saved_at` beside; `state` is JSON. `version` counts commits."""

    stream: str
    version: int
    position: int
    events: int
    partition_key: int
    chain: bytes
    state: str
    schema_hash: str
    log_id: str


class SnapshotStore(Protocol):
    """Both raise Unavailable."""

    async def find(self, stream: str) -> dict[str, Any] | None:
        """The fields of the stream's snapshot, whatever they are."""
        ...

    async def put(self, snapshot: Snapshot) -> bool:
        """Replace an older one, or one of another log or shape; False where there is a newer one."""
        ...


class Snapshots:
    """Finds them for whoever reads a stream, and saves them in a task of its own: no command waits for that.

    A stream is saved whenever it has passed another `every_events`; 0 is never. It is looked for where a stream has
    `look_after` commits.
    """

    def __init__(self, store: SnapshotStore, log_id: str, *, every_events: int, look_after: int = LOOK_AFTER) -> None:
        self.look_after = look_after
        self._store = store
        self._log_id = log_id
        self._every_events = every_events
        self._waiting: dict[str, tuple[Decider[Any, Any, Any], Known]] = {}
        self._is_due = asyncio.Event()

    async def find(self, stream: str, decider: Decider[Any, Any, Any]) -> Known | None:
        """What the snapshot of this stream says, if it is of this log and shape; the log has not been asked yet."""
        try:
            fields = await self._store.find(stream)
        except Unavailable:
            READ.labels("unavailable").inc()
            return None
        if fields is None:
            READ.labels("none").inc()
            return None
        try:
            return self._known(msgspec.convert(fields, Snapshot), decider)
        except (msgspec.ValidationError, ValueError) as error:
            READ.labels("unreadable").inc()
            log.warning("snapshot_unreadable", stream=stream, reason=type(error).__name__)
            return None

    def _known(self, snapshot: Snapshot, decider: Decider[Any, Any, Any]) -> Known | None:
        if snapshot.log_id != self._log_id or snapshot.schema_hash != hash_of(decider):
            READ.labels("other_log" if snapshot.log_id != self._log_id else "other_shape").inc()
            return None
        return Known(
            from_text(decider, snapshot.state),
            snapshot.version,
            snapshot.position,
            snapshot.partition_key,
            snapshot.chain,
            snapshot.events,
        )

    def offer(self, stream: str, decider: Decider[Any, Any, Any], known: Known, *, since_events: int) -> None:
        """To be saved, if it is time; `known` must be in the log for ever, acknowledged or read with majority."""
        every = self._every_events
        if not every or known.events // every == since_events // every or known.chain is None:
            return
        before = self._waiting.get(stream)
        is_newer = before is None or before[1].version < known.version
        if is_newer and (before or len(self._waiting) < MOST_WAITING):
            self._waiting[stream] = (decider, known)
            self._is_due.set()

    @property
    def is_waiting(self) -> bool:
        """Whether something is to be saved that nobody has begun with."""
        return self._is_due.is_set()

    async def run(self) -> None:
        """Save what was offered, the newest of each stream."""
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            waiting, self._waiting = self._waiting, {}
            for stream, (decider, known) in waiting.items():
                await self.save(stream, decider, known)
            await asyncio.sleep(PAUSE_SECONDS)

    async def save(self, stream: str, decider: Decider[Any, Any, Any], known: Known) -> str:
        """Return what became of it: `saved`, `newer_there`, `too_large`, `unavailable`."""
        snapshot = snapshot_of(stream, decider, known, self._log_id)
        outcome = "too_large" if len(snapshot.state) > MOST_BYTES else await self._put(snapshot)
        SAVED.labels(outcome).inc()
        return outcome

    async def _put(self, snapshot: Snapshot) -> str:
        try:
            return "saved" if await self._store.put(snapshot) else "newer_there"
        except Unavailable:
            return "unavailable"


def snapshot_of(stream: str, decider: Decider[Any, Any, Any], known: Known, log_id: str) -> Snapshot:
    """Of a stream whose last commit is linked."""
    assert known.chain is not None
    assert known.partition_key is not None
    return Snapshot(
        stream=stream,
        version=known.version,
        position=known.position,
        events=known.events,
        partition_key=known.partition_key,
        chain=known.chain,
        state=to_text(known.state),
        schema_hash=hash_of(decider),
        log_id=log_id,
    )


def stands(known: Known, commit: Commit) -> bool:
    """Whether what is known was made at this commit: its link says so of all that stood before, too."""
    place = (commit.version, commit.position, commit.partition_key)
    return commit.chain == known.chain and place == (known.version, known.position, known.partition_key)
