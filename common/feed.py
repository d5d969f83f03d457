"""The feed: every commit of the partitions this process holds, in order, without a gap (PROTOCOL F).

RabbitMQ brings commits quickly; the log is where they are read when a message is missing, when none comes, and when
there is much to catch up with. All of it is one path: `_next` asks the inbox first and the log second.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from aiormq.abc import DeliveredMessage
from prometheus_client import Counter, Gauge

from common.broker import Consumer
from common.envelope import Commit, Part, Seal, from_message
from common.errors import ForeignLog, Unavailable, Undecodable
from common.inbox import Inbox
from common.leases import Leases
from common.log import Log
from common.tasks import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS

TAIL_CHECK_SECONDS = 1.0  # how often the log is asked for what never arrived (F6)
POLL_SECONDS = 0.015  # the same while there is no broker
SILENCE_SECONDS = 10.0  # behind, and nothing delivered for so long: a new session
GAP_PAUSE_SECONDS = 0.02  # before a gap that the log does not yet fill is read again

log = structlog.get_logger(__name__)
MESSAGES = Counter("leveret_feed_messages_total", "Messages received", ["group", "kind"])
LOG_READS = Counter("leveret_feed_log_reads_total", "Pages read from the log", ["group", "reason"])
SESSIONS = Counter("leveret_feed_sessions_total", "Broker sessions begun", ["group"])
HELD = Gauge("leveret_feed_partitions_held", "Partitions this process serves", ["group"])

Batch = Mapping[int, Sequence[Commit]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a group has come in a partition; `command_id` is that of the commit at `position`, 0 is the beginning."""

    position: int = 0
    command_id: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What a holder knows of a partition: nothing of it lies between its checkpoint and `seen`."""

    seen: int
    lag_seconds: float


class Fenced(Exception):
    """The batch was not applied, or nobody knows whether it was: begin again from the checkpoints."""


class Sink(Protocol):
    """What a group does with the commits. `apply` changes its documents and checkpoints together, or raises Fenced."""

    async def begin(self, partitions: frozenset[int]) -> Mapping[int, Checkpoint]: ...
    async def apply(self, batch: Batch) -> None: ...
    async def between_batches(self, held: Mapping[int, Progress]) -> bool:
        """Do what was asked for meanwhile and note the progress; True if checkpoints were changed by it."""
        ...


@dataclass(slots=True)
class _Partition:
    """One partition as this process serves it. `is_behind` says that the log has more than came as messages."""

    inbox: Inbox
    applied: int  # the checkpoint: what is taken from the inbox is not done before it is here
    seen: int = 0
    is_behind: bool = True
    position_at_last_check: int = -1
    caught_up_at: float = field(default_factory=time.monotonic)
    unacked: list[tuple[int, int]] = field(default_factory=list)  # (delivery tag, position), as they came


class Feed:
    """Serves one group in one process, with one batch at a time in the sink."""

    def __init__(
        self, log: Log, sink: Sink, leases: Leases, *, group: str, amqp_url: str, seal: Seal, batch_commits: int
    ) -> None:
        self._log = log
        self._sink = sink
        self._leases = leases
        self._group = group
        self._amqp_url = amqp_url
        self._seal = seal
        self._batch_commits = batch_commits
        self._partitions: dict[int, _Partition] = {}
        self._consumer: Consumer | None = None
        self._arrived = asyncio.Event()
        self._delivered_at = time.monotonic()
        self._checked_at = 0.0
        self._reported_at = 0.0

    @property
    def held(self) -> frozenset[int]:
        return frozenset(self._partitions)

    @property
    def is_connected(self) -> bool:
        return self._consumer is not None and not self._consumer.lost.is_set()

    async def run(self) -> None:
        """Serve until cancelled; raises ForeignLog if a checkpoint belongs to another log (F3)."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_leases())
                if self._amqp_url:
                    tasks.create_task(self._keep_session())
                tasks.create_task(self._serve())
        except* ForeignLog as errors:
            raise errors.exceptions[0] from None
        finally:
            await self._leave()

    async def _serve(self) -> None:
        while True:
            try:
                await self._take_over()
                await self._check_tail()
                if not await self._serve_batch():
                    await self._wait()
            except Fenced:
                await self._begin_again()
                await asyncio.sleep(GAP_PAUSE_SECONDS)
            except Unavailable as error:
                log.warning("feed_waits", group=self._group, reason=error.detail)
                await self._begin_again()
                await asyncio.sleep(FIRST_PAUSE_SECONDS)

    async def _take_over(self) -> None:
        """Begin with partitions that were taken, end with those that were lost; between batches only (F1)."""
        held = self._leases.held
        for partition in self._partitions.keys() - held:
            del self._partitions[partition]
            if self._consumer:
                await self._consumer.unfollow(partition)
        new = held - self._partitions.keys()
        if new:
            await self._begin(new)
        HELD.labels(self._group).set(len(self._partitions))

    async def _begin(self, partitions: frozenset[int]) -> None:
        checkpoints = await self._sink.begin(partitions)
        for partition, checkpoint in checkpoints.items():
            await self._require_same_log(partition, checkpoint)
            self._partitions[partition] = _Partition(Inbox(checkpoint.position), checkpoint.position)
            if self._consumer:
                await self._consumer.unfollow(partition)  # its messages are delivered anew
        self._arrived.set()

    async def _begin_again(self) -> None:
        """Forget everything that was received and thought; the checkpoints decide (V3)."""
        consumer, self._consumer = self._consumer, None
        self._partitions.clear()
        if consumer:
            await consumer.close()

    async def _require_same_log(self, partition: int, checkpoint: Checkpoint) -> None:
        if checkpoint.position == 0:
            return
        commit = await self._log.at(checkpoint.position)
        if commit is None or commit.command_id != checkpoint.command_id:
            raise ForeignLog(
                "foreign_log",
                f"The checkpoint {self._group}/{partition} at position {checkpoint.position} is not from this log: "
                "the log was replaced or restored. Run `cqrs views rebuild` to make the views anew from this one.",
            )

    async def _serve_batch(self) -> bool:
        """Hand the next commits of every partition to the sink; False if there are none."""
        batch: dict[int, Sequence[Commit]] = {}
        room = self._batch_commits
        for partition, state in self._partitions.items():
            if room and (commits := await self._next(partition, state, room)):
                batch[partition] = commits
                room -= len(commits)
        if not batch:
            return False
        await self._sink.apply(batch)
        for partition, commits in batch.items():
            self._partitions[partition].applied = commits[-1].position
            self._ack(partition)
        return True

    async def _next(self, partition: int, state: _Partition, limit_commits: int) -> Sequence[Commit]:
        if commits := state.inbox.take(limit_commits):
            return commits
        gap = state.inbox.gap()
        if gap is None and not state.is_behind:
            return ()
        LOG_READS.labels(self._group, "gap" if gap else "behind").inc()
        page = await self._log.read_partition(partition, state.inbox.position, limit_commits)
        state.is_behind = not page.whole
        if page.commits:
            state.inbox.advance(page.commits[-1].position)
        if page.whole:
            state.seen = max(state.seen, page.head)
        if gap and not page.commits:  # the log does not show it yet: read it again (F5)
            await asyncio.sleep(GAP_PAUSE_SECONDS)
        return page.commits

    def _ack(self, partition: int) -> None:
        """Ack what the checkpoint has passed; a message in front that it has not passed holds the rest back."""
        state = self._partitions[partition]
        passed = 0
        for _, position in state.unacked:
            if position > state.applied:
                break
            passed += 1
        if passed and self._consumer:
            self._consumer.ack(partition, state.unacked[passed - 1][0])
            del state.unacked[:passed]

    def _deliver(self, partition: int, message: DeliveredMessage) -> None:
        """Put a message where it belongs. Called by the broker's library, so it must not wait and must not fail."""
        self._delivered_at = time.monotonic()
        state = self._partitions.get(partition)
        tag = message.delivery_tag
        if state is None or tag is None:
            return
        try:
            part = from_message(message.header.properties.headers or {}, message.body, self._seal)
            _require_partition(part, partition)
        except Undecodable as error:
            MESSAGES.labels(self._group, error.code).inc()
            state.unacked.append((tag, 0))
        else:
            is_new = state.inbox.offer(part)
            MESSAGES.labels(self._group, "new" if is_new else "duplicate").inc()
            state.unacked.append((tag, part.commit.position))
            if not is_new:
                self._ack(partition)
        self._arrived.set()

    async def _check_tail(self) -> None:
        """Look into the log for what never arrived: every second, and all the time when there is no broker (F6)."""
        now = time.monotonic()
        if now - self._checked_at < (TAIL_CHECK_SECONDS if self.is_connected else POLL_SECONDS):
            return
        self._checked_at = now
        head = await self._log.head()
        for partition, state in self._partitions.items():
            is_stuck = state.inbox.position == state.position_at_last_check or not self.is_connected
            if head > state.seen and is_stuck:
                state.is_behind = True
            state.position_at_last_check = state.inbox.position
            self._ack(partition)
        await self._between_batches(head, now)

    async def _between_batches(self, head: int, now: float) -> None:
        if now - self._reported_at < TAIL_CHECK_SECONDS:
            return
        self._reported_at = now
        self._watch_session(now)
        if await self._sink.between_batches(self._progress(head, now)):
            raise Fenced

    def _progress(self, head: int, now: float) -> dict[int, Progress]:
        progress: dict[int, Progress] = {}
        for partition, state in self._partitions.items():
            seen = max(state.seen, state.inbox.position)
            if seen >= head or not (state.is_behind or len(state.inbox)):
                state.caught_up_at = now
            progress[partition] = Progress(seen, now - state.caught_up_at)
        return progress

    def _watch_session(self, now: float) -> None:
        """A session that delivers nothing while messages must be there is thrown away."""
        is_behind = any(state.is_behind for state in self._partitions.values())
        if self._consumer and is_behind and now - self._delivered_at > SILENCE_SECONDS:
            self._delivered_at = now
            self._consumer.lost.set()

    async def _wait(self) -> None:
        pause_seconds = (TAIL_CHECK_SECONDS if self.is_connected else POLL_SECONDS) - (
            time.monotonic() - self._checked_at
        )
        try:
            async with asyncio.timeout(max(0.001, pause_seconds)):
                await self._arrived.wait()
        except TimeoutError:
            return
        self._arrived.clear()

    async def _keep_leases(self) -> None:
        while True:
            try:
                if surplus := await self._leases.renew():
                    await self._leases.release(surplus)
            except Unavailable as error:
                log.warning("leases_wait", group=self._group, reason=error.detail)
            self._arrived.set()
            await asyncio.sleep(self._leases.pause_seconds)

    async def _keep_session(self) -> None:
        """Keep one consuming session; throw it away when it is lost, and open the next with growing pauses."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._session()
                pause_seconds = FIRST_PAUSE_SECONDS
            except Unavailable as error:
                log.warning("broker_away", group=self._group, reason=error.detail)
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)

    async def _session(self) -> None:
        consumer = await Consumer.open(self._amqp_url, self._group, self._deliver)
        SESSIONS.labels(self._group).inc()
        self._consumer = consumer
        for state in self._partitions.values():
            state.unacked.clear()
        try:
            while not consumer.lost.is_set():
                for partition in self.held - consumer.followed:
                    await consumer.follow(partition)
                await _until_set(consumer.lost, seconds=0.05)
        finally:
            if self._consumer is consumer:
                self._consumer = None
            await consumer.close()

    async def _leave(self) -> None:
        self._partitions.clear()
        try:
            await self._leases.leave()
        except Unavailable:
            log.warning("leases_run_out", group=self._group)


def _require_partition(part: Part, partition: int) -> None:
    if part.commit.partition != partition:
        raise Undecodable("wrong_partition", "the message came through another partition's queue")


async def _until_set(event: asyncio.Event, *, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
