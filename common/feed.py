"""The feed: every commit of the partitions this process holds, in order, without a gap (PROTOCOL F).

RabbitMQ brings commits quickly; the log is where they are read when a message is missing, when none comes, and when
there is much to catch up with. All of it is one path: `_next` asks the inbox first and the log second.
"""

import asyncio
import time
from collections.abc import Sequence
from itertools import chain

import structlog
from aiormq.abc import DeliveredMessage
from prometheus_client import Counter, Gauge

from common.envelope import Commit, Part, Seal, from_message
from common.errors import ForeignLog, Unavailable, Undecodable
from common.following import Following
from common.inbox import Inbox
from common.leases import Leases
from common.log import Log
from common.partition_state import PartitionState
from common.sink import Checkpoint, Fenced, Sink, Superseded
from common.spans import processing
from common.tasks import FIRST_PAUSE_SECONDS, together

LOOK_SECONDS = 0.1  # how often the log is asked what there is
LOOK_COMMITS = 1000  # how far one look goes
POLL_SECONDS = 0.015  # how often, while there is no broker
TAIL_CHECK_SECONDS = 1.0  # what has not arrived for so long is read from the log (F6)
SILENCE_SECONDS = 10.0  # behind, and nothing delivered for so long: a new session
GAP_PAUSE_SECONDS = 0.02  # before a gap that the log does not yet fill is read again

log = structlog.get_logger(__name__)
MESSAGES = Counter("leveret_feed_messages_total", "Messages received", ["group", "kind"])
LOG_READS = Counter("leveret_feed_log_reads_total", "Pages read from the log", ["group", "reason"])
HELD = Gauge("leveret_feed_partitions_held", "Partitions this process serves", ["group"])


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
        self._partitions: dict[int, PartitionState] = {}
        self._count_new = MESSAGES.labels(group, "new").inc
        self._count_duplicate = MESSAGES.labels(group, "duplicate").inc
        self._following = Following(amqp_url, group, self._deliver, self._on_session)
        self._arrived = asyncio.Event()
        self._looked_at = 0.0
        self._looked_upto = 0  # of the log, by looks for all the partitions that are served now
        self._head = 0  # of the log, as far as it was seen by looks and pages
        self._served_requests_at = 0.0
        self._surplus: frozenset[int] = frozenset()

    @property
    def held(self) -> frozenset[int]:
        return frozenset(self._partitions)

    @property
    def is_connected(self) -> bool:
        return self._following.is_connected

    def wake(self) -> None:
        """The sink has something to settle."""
        self._arrived.set()

    async def run(self) -> None:
        """Serve until cancelled; raises ForeignLog if a checkpoint belongs to another log (F3)."""
        following = [self._following.run(lambda: self.held)] if self._amqp_url else []
        try:
            await together(self._keep_leases(), *following, self._serve())
        finally:
            await self._leave()

    async def _serve(self) -> None:
        while True:
            try:
                await self._take_over()
                await self._look()
                is_busy = await self._serve_batch()
                if not (await self._sink.settle() or is_busy):
                    await self._wait()
            except Fenced:
                await self._begin_again()
                await asyncio.sleep(GAP_PAUSE_SECONDS)
            except Superseded:
                await self._begin_again()
                await self._leave()
            except Unavailable as error:
                log.warning("feed_waits", group=self._group, reason=error.detail)
                await self._begin_again()
                await asyncio.sleep(FIRST_PAUSE_SECONDS)

    async def _take_over(self) -> None:
        """Begin with partitions that were taken, end with those that were lost; between batches only (F1)."""
        held = self._leases.held - self._surplus
        for partition in self._partitions.keys() - held:
            del self._partitions[partition]
            await self._following.unfollow(partition)
        if self._surplus:
            surplus, self._surplus = self._surplus, frozenset()
            await self._leases.release(surplus)
        new = held - self._partitions.keys()
        if new:
            await self._begin(new)
        HELD.labels(self._group).set(len(self._partitions))

    async def _begin(self, partitions: frozenset[int]) -> None:
        checkpoints = await self._sink.begin(partitions)
        for partition, checkpoint in checkpoints.items():
            await self._require_same_log(partition, checkpoint)
            self._partitions[partition] = PartitionState(
                Inbox(checkpoint.position), checkpoint.position, time.monotonic()
            )
            self._looked_upto = 0
            await self._following.unfollow(partition)  # its messages are delivered anew
        self._arrived.set()

    async def _begin_again(self) -> None:
        """Forget everything that was received and thought; the checkpoints decide (V3)."""
        self._partitions.clear()
        await self._following.drop()

    async def _require_same_log(self, partition: int, checkpoint: Checkpoint) -> None:
        if checkpoint.position == 0:
            return
        commit = await self._log.at(checkpoint.position)
        if commit is None or commit.command_id != checkpoint.command_id:
            raise ForeignLog(
                "foreign_log",
                f"The checkpoint {self._group}/{partition} at position {checkpoint.position} is not from this log: "
                "the log was replaced or restored. Run `cqrs projections reset` to make the views anew from this one.",
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
        with processing(self._group, chain.from_iterable(batch.values())):
            await self._sink.apply(batch)
        for partition, commits in batch.items():
            self._partitions[partition].applied = commits[-1].position
            self._ack(partition)
        return True

    async def _next(self, partition: int, state: PartitionState, limit_commits: int) -> Sequence[Commit]:
        if commits := state.inbox.take(limit_commits):
            return commits
        gap = state.inbox.gap()
        if gap is None and not state.is_behind:
            return ()
        LOG_READS.labels(self._group, "gap" if gap else "behind").inc()
        page = await self._log.read_partition(partition, state.inbox.position, limit_commits)
        state.is_behind = not page.whole
        if page.commits:
            state.has_missed = gap is None
            state.inbox.advance(page.commits[-1].position)
        self._head = max(self._head, page.head)
        if page.whole:
            state.seen = max(state.seen, page.head)
        if gap and page.whole and (forgotten := state.forget_beyond(page.head)):
            MESSAGES.labels(self._group, "beyond_head").inc(forgotten)
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
        if passed:
            self._following.ack(partition, state.unacked[passed - 1][0])
            del state.unacked[:passed]

    def _on_session(self) -> None:
        """A new session delivers anew what was not acked; the old one's tags mean nothing in it."""
        for state in self._partitions.values():
            state.unacked.clear()

    def _deliver(self, partition: int, message: DeliveredMessage) -> None:
        """Put a message where it belongs. Called by the broker's library, so it must not wait and must not fail."""
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
            state.unacked.append((tag, part.commit.position))
            state.hear(time.monotonic())
            if state.inbox.offer(part):
                self._count_new()
            else:
                self._count_duplicate()
                self._ack(partition)
        self._arrived.set()

    async def _look(self) -> None:
        """Look into the log for what never arrived (F6): often, since a look costs one small read."""
        now = time.monotonic()
        if now - self._looked_at < self._look_seconds:
            return
        self._looked_at = now
        if not self._partitions:
            await self._sink.note({})
            return
        after = max(self._looked_upto, min(state.seen for state in self._partitions.values()))
        partitions = await self._log.partitions_after(after, LOOK_COMMITS)
        newest = {partition: position for position, partition in enumerate(partitions, after + 1)}
        self._looked_upto = after + len(partitions)
        self._head = max(self._head, self._looked_upto)
        for partition, state in self._partitions.items():
            state.look(now, newest.get(partition, 0), self._looked_upto, patience_seconds=self._patience_seconds)
            self._ack(partition)
        await self._sink.note({p: s.progress(now, self._head) for p, s in self._partitions.items()})
        await self._serve_requests(now)

    async def _serve_requests(self, now: float) -> None:
        if now - self._served_requests_at < TAIL_CHECK_SECONDS:
            return
        self._served_requests_at = now
        self._watch_session(now)
        if await self._sink.serve_requests(self.held):
            raise Fenced

    def _watch_session(self, now: float) -> None:
        """A session that brought nothing while the log had something is thrown away, and its queues with it."""
        silent = [p for p, s in self._partitions.items() if s.has_missed and now - s.heard_at > SILENCE_SECONDS]
        for partition in silent:
            self._partitions[partition].hear(now)
        if silent:
            self._following.renew(frozenset(silent))

    @property
    def _look_seconds(self) -> float:
        return LOOK_SECONDS if self.is_connected else POLL_SECONDS

    @property
    def _patience_seconds(self) -> float:
        """How long a commit may stay away before it is read from the log."""
        return TAIL_CHECK_SECONDS if self.is_connected else 0.0

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(max(0.001, self._looked_at + self._look_seconds - time.monotonic())):
                await self._arrived.wait()
        except TimeoutError:
            return
        self._arrived.clear()

    async def _keep_leases(self) -> None:
        while True:
            try:
                if await self._sink.may_serve():
                    self._surplus = await self._leases.renew()
            except Unavailable as error:
                log.warning("leases_wait", group=self._group, reason=error.detail)
            self._arrived.set()
            await asyncio.sleep(self._leases.pause_seconds)

    async def _leave(self) -> None:
        self._partitions.clear()
        try:
            await self._leases.leave()
        except Unavailable:
            log.warning("leases_run_out", group=self._group)


def _require_partition(part: Part, partition: int) -> None:
    if part.commit.partition != partition:
        raise Undecodable("wrong_partition", "the message came through another partition's queue")
