"""A log of one partition with its views, its command services and its feed in this process, to be judged in the end."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from command_service.domain.inventory import INVENTORY
from command_service.domain.inventory_commands import StockCommand, UpdateInventory
from command_service.routes import identify
from common.access.actors import NOBODY
from common.envelope import Commit, Message, Seal, to_messages
from common.errors import Refusal, Unavailable
from common.feed import Feed
from common.log import MongoLog
from common.mongo import open_client
from common.primary import Primary
from common.read_models.storage import CHECKPOINTS
from common.tasks import end
from projector.writer import GROUP
from query_service.freshness import Freshness
from tests.chaos.history import Record
from tests.chaos.oracle.facts import Facts
from tests.support.appending import Service, a_request
from tests.support.feeding import Broker, Leases
from tests.support.system import until
from tests.support.view_bench import ViewBench, a_view_bench

PATIENCE_SECONDS = 10.0  # of a command
REST_SECONDS = 10.0  # the tail check's second, and many for two busy cores
TOLD = ("command_id", "version", "position", "partition", "changed", "replayed")


class Desk:
    """A command service on a connection of its own, and what its clients were told."""

    def __init__(self, service: Service, records: list[Record]) -> None:
        self._service = service
        self._records = records

    async def send(self, key: str, command: UpdateInventory | StockCommand, *, is_heard: bool = True) -> None:
        """Send a command under this key; if it is not heard, its answer is lost on the way back."""
        request = a_request(
            subject=str(command.product_id),
            command=command,
            decider=INVENTORY,
            partition_key=command.product_id,
            command_id=identify(NOBODY, key).command_id,
            deadline=asyncio.get_running_loop().time() + PATIENCE_SECONDS,
        )
        about: dict[str, Any] = {
            "proc": id(self._service),
            "op": type(command).__name__,
            "key": key,
            "deadline_s": PATIENCE_SECONDS,
        }
        begin_ns = time.monotonic_ns()
        answer = await self._answer(request)
        seen: dict[str, Any] = answer if is_heard else {"type": "info"}
        self._records.append(Record(invoke_ns=begin_ns, complete_ns=time.monotonic_ns(), **about, **seen))

    async def _answer(self, request: Any) -> dict[str, Any]:
        try:
            outcome = await self._service.handle(request)
        except Refusal:
            return {"type": "fail"}
        except Unavailable:
            return {"type": "info"}
        return {"type": "ok"} | {name: getattr(outcome, name) for name in TOLD}


class Scene:
    """The broker is one in memory: what it brings, and what not, is for the test to say."""

    def __init__(self, bench: ViewBench) -> None:
        self.bench = bench
        self.ledger = bench.ledger
        self.records: list[Record] = []
        self.broker = Broker()
        self._commits = bench.log.database["commits"]
        self._seal = Seal("the key", bench.log.info.id)
        self._freshness = Freshness(bench.views, Primary(bench.views[CHECKPOINTS]))

    @asynccontextmanager
    async def desk(self, name: str) -> AsyncIterator[Desk]:
        services: list[Service] = []

        def on_pool_cleared() -> None:
            for service in services:
                service.appender.forget_head()

        async with open_client(self.bench.url, name=name, on_pool_cleared=on_pool_cleared) as client:
            log = MongoLog(client[self._commits.database.name], self.bench.log.info)
            services.append(Service(log, log.info))
            try:
                yield Desk(services[0], self.records)
            finally:
                await services[0].end()

    @asynccontextmanager
    async def feed(self) -> AsyncIterator[asyncio.Task[None]]:
        """A feed that is level with the log, and has acked what was published before."""
        log, leases = self.bench.log, Leases(0, {0: 0})
        how: dict[str, Any] = {"group": GROUP, "amqp_url": "amqp://memory", "seal": self._seal, "batch_commits": 100}
        with patch("common.following.Consumer", self.broker):
            running = asyncio.create_task(Feed(log, self.bench.writer(), leases, **how).run())  # type: ignore[arg-type]
            try:
                await self.rest(running)
                yield running
            finally:
                await end(running)

    async def catch_up(self) -> None:
        """The views as a projector makes them that begins now."""
        await self.bench.catch_up(self.bench.writer())

    def messages(self, commit: Commit) -> Sequence[Message]:
        return to_messages(commit, commit.position - 1, self._seal)

    def publish(self, *messages: Message) -> None:
        for message in messages:
            self.broker.publish(0, message)

    async def published_order(self) -> Commit:
        """What a feed has to ack before it is level: then it is connected."""
        order = await self.ledger.order(1)
        self.publish(*self.messages(order))
        return order

    async def rest(self, running: asyncio.Task[None]) -> None:
        """Wait until the views are level with the log and every message is acked, or the feed has ended, or in vain."""

        async def is_at_rest() -> bool:
            is_level = await self._position() == await self.bench.log.head()
            return running.done() or (is_level and not self.broker.waiting())

        with suppress(AssertionError):
            await until(is_at_rest, seconds=REST_SECONDS, what="everything is at rest")

    async def all_is_acked(self, running: asyncio.Task[None]) -> None:
        async def is_acked() -> bool:
            return running.done() or not self.broker.waiting()

        await until(is_acked, seconds=REST_SECONDS, what="every message is acked")

    async def cut_the_log(self, *, behind: int) -> None:
        """An older copy of the log stands in its place."""
        await self._commits.delete_many({"_id": {"$gt": behind}})

    async def facts(self) -> Facts:
        views, head, position = self.bench.views, await self.bench.log.head(), await self._position()
        return Facts(
            records=self.records,
            commits=await self._commits.find(sort=[("_id", 1)]).to_list(),
            views={name: await views[name].find().to_list() for name in await views.list_collection_names()},
            sagas=None,
            books=None,
            positions={"head": head, "groups": {GROUP: {"position": position, "lag": max(0, head - position)}}},
            looked_at=datetime.now(UTC),
        )

    async def _position(self) -> int:
        return (await self._freshness.read()).position


@asynccontextmanager
async def a_scene(url: str) -> AsyncIterator[Scene]:
    async with a_view_bench(url, partitions=1) as bench:
        yield Scene(bench)


def doctored(message: Message, old: bytes, new: bytes) -> Message:
    """The message with something else in its body."""
    assert old in message.body
    return replace(message, body=message.body.replace(old, new))
