"""Feeds in memory: a log, a broker that does what brokers do and worse, leases that move, and a sink with checkpoints.

The sink refuses with an AssertionError whatever is not exactly what the log has next: the views could not be right.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any, Literal
from unittest.mock import patch

from msgspec.structs import replace

from common.broker import Deliver
from common.envelope import Commit, Message, Seal, to_messages
from common.errors import Unavailable
from common.feed import Feed
from common.partition_state import Progress
from common.sink import Batch, Checkpoint, Fenced
from tests.support.commits import a_commit, an_event
from tests.support.memory_log import MemoryLog, Store

GROUP = "views"
PREFETCH = 6  # messages; twice the largest commit here
Fate = Literal["fine", "lost", "doubled", "late", "part lost", "part doubled", "backwards", "no body"]
Trouble = Literal["fenced", "unknown", "unavailable", "slow"]


class Broker:
    """One quorum queue per partition; what is not acked comes again."""

    def __init__(self) -> None:
        self.is_up = True
        self.deliveries = 0
        self.sessions = 0
        self._queues: dict[int, deque[Message]] = defaultdict(deque)
        self._consumers: list[Consumer] = []

    def publish(self, partition: int, message: Message) -> None:
        if self.is_up:
            self._queues[partition].append(message)
            self.pump(partition)

    def waiting(self) -> int:
        """Messages that nobody acked."""
        unacked = sum(len(of) for consumer in self._consumers for of in consumer.unacked.values())
        return unacked + sum(map(len, self._queues.values()))

    def delete(self, partition: int) -> None:
        self._queues.pop(partition, None)
        for consumer in self._consumers:
            consumer.unacked.pop(partition, None)

    def wipe(self) -> None:
        """Queues and messages are gone, and so is every session."""
        for consumer in list(self._consumers):
            consumer.unacked.clear()
            self.leave(consumer)
        self._queues.clear()

    def stop(self) -> None:
        self.is_up = False
        for consumer in list(self._consumers):
            self.leave(consumer)

    async def open(self, url: str, group: str, deliver: Deliver) -> "Consumer":
        await asyncio.sleep(0.005)
        if not self.is_up:
            raise Unavailable("The broker is down.")
        consumer = Consumer(self, deliver)
        self.sessions += 1
        self._consumers.append(consumer)
        return consumer

    def leave(self, consumer: "Consumer") -> None:
        if consumer in self._consumers:
            self._consumers.remove(consumer)
        consumer.lost.set()
        for partition in list(consumer.unacked):
            self.give_back(consumer, partition)

    def give_back(self, consumer: "Consumer", partition: int) -> None:
        unacked = consumer.unacked.pop(partition, {})
        self._queues[partition].extendleft(message for _, message in sorted(unacked.items(), reverse=True))
        self.pump(partition)

    def pump(self, partition: int) -> None:
        """Hand out what may be handed out, in turn to whoever consumes."""
        queue = self._queues[partition]
        while queue and (ready := [c for c in self._consumers if c.may_take(partition)]):
            self.deliveries += 1
            ready[self.deliveries % len(ready)].take(partition, queue.popleft())


class Consumer:
    """A session, with the interface of `common.broker.Consumer`."""

    def __init__(self, broker: Broker, deliver: Deliver) -> None:
        self.lost = asyncio.Event()
        self.unacked: dict[int, dict[int, Message]] = {}
        self._broker = broker
        self._deliver = deliver
        self._tag = 0

    @property
    def followed(self) -> frozenset[int]:
        return frozenset(self.unacked)

    def may_take(self, partition: int) -> bool:
        return partition in self.unacked and len(self.unacked[partition]) < PREFETCH

    def take(self, partition: int, message: Message) -> None:
        self._tag += 1
        self.unacked[partition][self._tag] = message
        delivered = SimpleNamespace(
            delivery_tag=self._tag,
            header=SimpleNamespace(properties=SimpleNamespace(headers=message.headers)),
            body=message.body,
        )
        asyncio.get_running_loop().call_soon(self._hand_over, partition, delivered, self.unacked[partition])

    def _hand_over(self, partition: int, delivered: Any, channel: dict[int, Message]) -> None:
        if self.unacked.get(partition) is channel:
            self._deliver(partition, delivered)

    async def follow(self, partition: int, *, anew: bool = False) -> None:
        await asyncio.sleep(0.001)
        if self.lost.is_set():
            raise Unavailable("The session is gone.")
        if anew:
            self._broker.delete(partition)
        self.unacked[partition] = {}
        self._broker.pump(partition)

    async def unfollow(self, partition: int) -> None:
        self._broker.give_back(self, partition)
        await asyncio.sleep(0.001)

    def ack(self, partition: int, delivery_tag: int) -> None:
        unacked = self.unacked.get(partition, {})
        for tag in [tag for tag in unacked if tag <= delivery_tag]:
            del unacked[tag]
        self._broker.pump(partition)

    async def close(self) -> None:
        self._broker.leave(self)
        await asyncio.sleep(0.001)


@dataclass(slots=True)
class Views:
    """What the read store keeps: per partition the applied commits, and the checkpoint's revision."""

    applied: dict[int, list[Commit]] = field(default_factory=lambda: defaultdict(list))
    revs: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    zombies: int = 0  # batches that were stopped because somebody else had moved the checkpoint

    def checkpoint(self, partition: int) -> Checkpoint:
        applied = self.applied[partition]
        return Checkpoint(applied[-1].position, applied[-1].command_id) if applied else Checkpoint()

    def clear(self, partition: int) -> None:
        self.applied[partition].clear()
        self.revs[partition] += 1


class Sink:
    """Implements `Sink`: one transaction per batch, every checkpoint matched on its revision (V1)."""

    def __init__(self, views: Views, store: Store, random: Random) -> None:
        self.troubles: deque[Trouble] = deque()
        self.to_rebuild: set[int] = set()
        self.notes: list[Mapping[int, Progress]] = []
        self._views = views
        self._store = store
        self._random = random
        self._revs: dict[int, int] = {}

    async def begin(self, partitions: frozenset[int]) -> Mapping[int, Checkpoint]:
        await asyncio.sleep(0.002)
        self._revs.update({partition: self._views.revs[partition] for partition in partitions})
        return {partition: self._views.checkpoint(partition) for partition in partitions}

    async def apply(self, batch: Batch) -> None:
        trouble = self.troubles.popleft() if self.troubles else None
        await asyncio.sleep(1.0 if trouble == "slow" else self._random.uniform(0.001, 0.01))
        if trouble == "unavailable":
            raise Unavailable("The read store is away.")
        if any(self._views.revs[partition] != self._revs[partition] for partition in batch):
            self._views.zombies += 1
            raise Fenced
        if trouble == "fenced":
            raise Fenced
        for partition, commits in batch.items():
            self._apply(partition, list(commits))
        if trouble == "unknown":
            raise Fenced

    def _apply(self, partition: int, commits: list[Commit]) -> None:
        assert commits, "a checkpoint moves to a commit (F5)"
        applied = self._views.applied[partition]
        expected = self._store.of_partition(partition)[len(applied) : len(applied) + len(commits)]
        assert [c.position for c in commits] == [c.position for c in expected], (
            "exactly the log's next commits (F4, F5)"
        )
        assert commits == expected, "whole, and as the log has them (F7)"
        applied.extend(commits)
        self._views.revs[partition] += 1
        self._revs[partition] += 1

    async def note(self, progress: Mapping[int, Progress]) -> None:
        """Who overslept a rebuild by somebody else tells what was true before, until its next batch or look (V1)."""
        self.notes.append(progress)
        for partition, noted in progress.items():
            if self._views.revs[partition] != self._revs[partition]:
                continue
            reached = self._views.checkpoint(partition).position
            unseen = [c for c in self._store.of_partition(partition) if reached < c.position <= noted.seen]
            assert not unseen, "nothing lies between the checkpoint and what was seen (F5)"

    async def may_serve(self) -> bool:
        return True

    async def settle(self) -> bool:
        return False

    async def serve_requests(self, held: frozenset[int]) -> bool:
        """A rebuild: the checkpoint goes back to 0 (V2)."""
        wanted, self.to_rebuild = self.to_rebuild & held, self.to_rebuild - held
        for partition in wanted:
            self._views.clear(partition)
        return bool(wanted)


class Leases:
    """What one process believes to hold: it learns of changes when it renews, which may be late."""

    pause_seconds = 0.05

    def __init__(self, number: int, owners: dict[int, int]) -> None:
        self.held: frozenset[int] = frozenset()
        self.is_frozen = False
        self._number = number
        self._owners = owners

    async def renew(self) -> frozenset[int]:
        await asyncio.sleep(0.001)
        if not self.is_frozen:
            self.held = frozenset(p for p, owner in self._owners.items() if owner == self._number)
        return frozenset()

    async def release(self, parts: object) -> None: ...

    async def leave(self) -> None:
        self.held = frozenset()


class Consumers:
    """The processes of one group, on one log, one broker and one read store."""

    def __init__(self, *, partitions: int = 3, processes: int = 2, random: Random, batch_commits: int = 4) -> None:
        self.store = Store(partitions)
        self.broker = Broker()
        self.views = Views()
        self.seal = Seal("the key", self.store.info.id)
        self.owners = {partition: partition % processes for partition in range(partitions)}
        self.sinks: list[Sink] = []
        self.leases: list[Leases] = []
        self.logs: list[MemoryLog] = []
        self.feeds: list[Feed] = []
        self._running: list[asyncio.Task[None]] = []
        self._random = random
        self._batch_commits = batch_commits
        for number in range(processes):
            self._add(number)

    def append(self, partition: int, events: int = 1) -> Commit:
        """A commit that the majority has at once."""
        number = self.store.head + 1
        commit = a_commit(
            number,
            f"inventory-{number}",
            partition=partition,
            events=tuple(an_event(f"{number}.{index}") for index in range(events)),
        )
        self.store.write([commit])
        self.store.replicate()
        return commit

    def messages(self, commit: Commit, *, with_bodies: bool = True) -> list[Message]:
        before = [c.position for c in self.store.of_partition(commit.partition) if c.position < commit.position]
        return list(to_messages(commit, before[-1] if before else 0, self.seal, with_bodies=with_bodies))

    def publish(self, commit: Commit, fate: Fate = "fine") -> None:
        """Publish like the relay, and let happen to the messages what happens to messages."""
        messages = self.messages(commit, with_bodies=fate != "no body")
        loop = asyncio.get_running_loop()
        match fate:
            case "lost":
                messages = []
            case "doubled":
                messages *= 2
            case "part lost":
                del messages[self._random.randrange(len(messages))]
            case "part doubled":
                messages.append(self._random.choice(messages))
            case "backwards":
                messages.reverse()
        delay = self._random.uniform(0.1, 3.0) if fate == "late" else self._random.uniform(0.001, 0.004)
        for message in messages:
            loop.call_later(delay, self.broker.publish, commit.partition, message)

    def forge(self, kind: str, partition: int) -> None:
        """A message that looks like the next commit, and is not."""
        commit = a_commit(
            self.store.head + 1 if kind != "altered" else max(1, self.store.head),
            partition=partition if kind != "wrong partition" else (partition + 1) % self.store.partitions,
        )
        seal = {"another key": Seal("another", self.store.info.id), "another log": Seal("the key", "another")}.get(
            kind, self.seal
        )
        before = self.store.of_partition(partition)
        message = to_messages(commit, before[-1].position if before else 0, seal)[0]
        if kind == "altered":
            message = replace(message, headers=message.headers | {"prev": 0, "position": self.store.head + 2})
        if kind == "rubbish":
            message = replace(message, headers={"log_id": self.store.info.id, "count": "many"})
        self.broker.publish(partition, message)

    async def kill(self, number: int) -> None:
        """The process dies, and another one begins in its place."""
        self._running[number].cancel()
        await asyncio.gather(self._running[number], return_exceptions=True)
        self._add(number, replacing=True)

    async def end(self) -> None:
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def failure(self) -> BaseException | None:
        """What ended a feed that should not have ended."""
        ended = [running for running in self._running if running.done() and not running.cancelled()]
        return next((running.exception() for running in ended), None)

    def is_caught_up(self) -> bool:
        return all(self.views.applied[p] == self.store.of_partition(p) for p in range(self.store.partitions))

    def _add(self, number: int, *, replacing: bool = False) -> None:
        sink = Sink(self.views, self.store, self._random)
        leases = Leases(number, self.owners)
        log = MemoryLog(self.store, random=self._random)
        feed = Feed(
            log,
            sink,
            leases,  # type: ignore[arg-type]
            group=GROUP,
            amqp_url="amqp://memory",
            seal=self.seal,
            batch_commits=self._batch_commits,
        )
        running = asyncio.ensure_future(feed.run())
        for kept, new in zip(
            (self.sinks, self.leases, self.logs, self.feeds, self._running),
            (sink, leases, log, feed, running),
            strict=True,
        ):
            if replacing:
                kept[number] = new  # type: ignore[call-overload]
            else:
                kept.append(new)  # type: ignore[arg-type]


def in_memory(consumers: Consumers) -> Any:
    """While this context is entered, sessions are opened with the consumers' own broker."""
    return patch("common.following.Consumer", consumers.broker)
