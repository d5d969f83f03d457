"""What a reader is told: as fresh as it has seen, honest about its age, and never wrong for a bad day (PROTOCOL Q)."""

import asyncio
import base64
import random
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from pymongo import AsyncMongoClient

from common.consistency import read_token
from common.log import LogInfo
from stack.servers import Mongod
from tests.support import naive
from tests.support.broker import Broker, VirtualHost, virtual_host
from tests.support.client import Client, History, shop
from tests.support.servers import own_mongod
from tests.support.system import System, running_system, until

PARTITIONS = 8
PRODUCTS = range(1, 4)
SOON_SECONDS = 15.0
WAIT_SECONDS = 2.0  # how long a query waits for a token
SLACK_SECONDS = 1.5
DOWN_SECONDS = 12.0  # a database that is away is noticed within this time


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: Any
    seconds: float


class Reader:
    """The system under test, as a client of its gateway sees it."""

    def __init__(self, system: System, host: VirtualHost, mongod: Mongod, http: aiohttp.ClientSession) -> None:
        self.system = system
        self.host = host
        self.mongod = mongod
        self.client = Client(http, system.gateway, History())
        self._http = http

    async def order(self, user_id: int, **headers: str) -> Answer:
        return await self.command("orders", {"user_id": user_id, "product_id": 1, "quantity": 1}, **headers)

    async def command(self, path: str, body: dict[str, Any], **headers: str) -> Answer:
        return await self._call("POST", f"commands/{path}", headers, body)

    async def get(self, path: str, token: str | None = None) -> Answer:
        return await self._call("GET", f"queries/{path}", {} if token is None else {"Consistency-Token": token})

    async def _call(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> Answer:
        started = time.monotonic()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{self.system.gateway}/cqrs/{path}"
        async with self._http.request(method, url, headers=named, json=body) as answer:
            content = await answer.json(content_type=None)
            return Answer(answer.status, answer.headers, content, time.monotonic() - started)

    async def until_answered(self, path: str, status: int, token: str | None = None) -> None:
        async def is_answered() -> bool:
            return (await self.get(path, token)).status == status

        await until(is_answered, seconds=SOON_SECONDS, what=f"{path} answers {status}")

    @asynccontextmanager
    async def frozen(self, name: str) -> AsyncIterator[None]:
        self.system.signal(name, signal.SIGSTOP)
        try:
            yield
        finally:
            self.system.signal(name, signal.SIGCONT)

    async def check(self) -> None:
        system = self.system
        await system.settled()
        await asyncio.to_thread(naive.check, system.mongodb_url, system.events_database, system.views_database)


@pytest.fixture(scope="module")
async def reader(rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reader]:
    """On a database server of its own, which goes down and comes up again."""
    async with (
        own_mongod(tmp_path_factory.mktemp("reading-mongodb")) as mongod,
        virtual_host(rabbitmq) as host,
        running_system(mongod.url, host.url, tmp_path_factory.mktemp("reading")) as system,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http,
    ):
        reader = Reader(system, host, mongod, http)
        for product_id in PRODUCTS:
            body = {"product_id": product_id, "product_name": "Thing", "quantity": 100}
            assert (await reader.command("inventory", body)).status == 201
        yield reader


def is_retryable(answer: Answer, code: str | None = None) -> bool:
    is_problem = answer.headers["Content-Type"].startswith("application/problem+json")
    is_wanted = code is None or answer.content["code"] == code
    return answer.status == 503 and is_problem and is_wanted and int(answer.headers["Retry-After"]) >= 1


def partition_of(user_id: int) -> int:
    return LogInfo("any", PARTITIONS).partition_of(user_id)


# Q1: the token


async def test_Q1_who_sends_the_token_reads_what_it_wrote(reader: Reader) -> None:
    for user_id in range(1, 41):
        order = await reader.order(user_id)
        assert order.status == 201
        assert read_token(order.content["token"]) == {order.content["partition"]: order.content["position"]}
        read = await reader.get(f"orders/{order.content['order_id']}", order.headers["Consistency-Token"])
        assert (read.status, read.content["user_id"]) == (200, user_id)


async def test_Q1_a_token_is_merged_with_the_one_that_was_sent(reader: Reader) -> None:
    first = await reader.order(1)
    other = next(user_id for user_id in range(2, 99) if partition_of(user_id) != partition_of(1))
    second = await reader.order(other, Consistency_Token=first.content["token"])
    assert read_token(second.content["token"]) == {
        partition_of(1): first.content["position"],
        partition_of(other): second.content["position"],
    }


async def test_Q1_a_frozen_projector_means_503_projection_lag_after_two_seconds(reader: Reader) -> None:
    await reader.system.settled()
    async with reader.frozen("projector"):
        order = await reader.order(1)
        path, token = f"orders/{order.content['order_id']}", order.content["token"]
        lagging = await reader.get(path, token)
        without = await reader.get(path)
    assert is_retryable(lagging, "projection_lag")
    assert WAIT_SECONDS <= lagging.seconds <= WAIT_SECONDS + SLACK_SECONDS
    assert without.status == 404  # who shows no token is not kept waiting
    await reader.until_answered(path, 200, token)


async def test_Q1_what_was_fresh_enough_once_is_not_so_for_ever(reader: Reader) -> None:
    """The views are being made anew: the checkpoint is behind what the query service has already seen."""
    order = await reader.order(1)
    path, token = f"orders/{order.content['order_id']}", order.content["token"]
    await reader.until_answered(path, 200, token)
    await reader.system.settled()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(reader.mongod.url)
    async with client, reader.frozen("projector"):
        checkpoints = client[reader.system.views_database]["checkpoints"]
        held = {"_id": f"views/{partition_of(1)}"}
        before = await checkpoints.find_one(held)
        assert before
        await checkpoints.update_one(held, {"$set": {"position": 0}})
        await reader.until_answered(path, 503, token)  # what was read before may be shown a moment longer
        answer = await reader.get(path, token)
        await checkpoints.update_one(held, {"$set": {"position": before["position"]}})
    assert is_retryable(answer, "projection_lag")


GARBAGE = (
    "x",
    "e30=" * 2000,
    base64.urlsafe_b64encode(b'{"0":-1}').decode(),
    base64.urlsafe_b64encode(b'{"0":1.5}').decode(),
    base64.urlsafe_b64encode(b'{"0":"1"}').decode(),
    base64.urlsafe_b64encode(b'{"a":1}').decode(),
    base64.urlsafe_b64encode(b'{"-1":1}').decode(),
    base64.urlsafe_b64encode(b'{"0":99999999999999999999}').decode(),
    base64.urlsafe_b64encode(b'{"0":true}').decode(),
    base64.urlsafe_b64encode(b"[1]").decode(),
    base64.urlsafe_b64encode(b"null").decode(),
    base64.urlsafe_b64encode(b"[" * 2000).decode(),
)


@pytest.mark.parametrize("token", GARBAGE, ids=range(len(GARBAGE)))
async def test_Q1_garbage_is_400_on_both_sides(reader: Reader, token: str) -> None:
    read = await reader.get("inventory/1", token)
    assert (read.status, read.content["code"]) == (400, "invalid_consistency_token")
    written = await reader.order(1, Consistency_Token=token)
    assert (written.status, written.content["code"]) == (400, "invalid_consistency_token")


# Q2: headers


async def test_Q2_the_etag_of_a_read_is_the_if_match_of_a_write(reader: Reader) -> None:
    order = await reader.order(1)
    order_id = order.content["order_id"]
    read = await reader.get(f"orders/{order_id}", order.content["token"])
    assert order.headers["ETag"] == f'"1-{order.content["position"]}"'
    assert read.headers["ETag"].startswith(order.headers["ETag"].rstrip('"') + "-")
    stale = await reader.command(f"orders/{order_id}/cancel", {}, If_Match='"0-0"')
    assert (stale.status, stale.content["code"]) == (412, "stale_version")
    done = await reader.command(f"orders/{order_id}/cancel", {}, If_Match=read.headers["ETag"])
    assert (done.status, done.headers["ETag"]) == (200, f'"2-{done.content["position"]}"')


QUERIES = ("inventory", "inventory/1", "users/1/orders", "users/1/summary", "statistics/orders")


@pytest.mark.parametrize("path", QUERIES)
async def test_Q2_every_query_tells_how_far_and_how_old_it_is(reader: Reader, path: str) -> None:
    order = await reader.order(1)

    async def is_told() -> bool:  # what is told may be a tenth of a second old
        answer = await reader.get(path, order.content["token"])
        assert answer.status == 200
        assert 0 <= int(answer.headers["Projection-Lag-Ms"]) < 5000
        return int(answer.headers["Projection-Position"]) >= order.content["position"]

    await until(is_told, seconds=SOON_SECONDS, what="the position is that of the last order")


async def test_Q2_the_position_counts_partitions_that_nobody_serves_yet(reader: Reader) -> None:
    """As right after the views were made: some partition has no checkpoint at all."""
    order = await reader.order(1)
    await reader.until_answered(f"orders/{order.content['order_id']}", 200, order.content["token"])
    await reader.system.settled()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(reader.mongod.url)
    async with client, reader.frozen("projector"):
        views = client[reader.system.views_database]
        taken = [(name, await views[name].find_one_and_delete({"_id": "views/3"})) for name in NOTES]

        async def is_told() -> bool:
            return int((await reader.get("inventory/1")).headers["Projection-Position"]) == 0

        try:
            await until(is_told, seconds=3, what="the position is that of the partition which has nothing yet")
        finally:
            for name, document in taken:
                if document:
                    await views[name].insert_one(document)


NOTES = ("checkpoints", "progress")


async def test_Q2_the_lag_grows_while_the_projector_stands_still(reader: Reader) -> None:
    await reader.system.settled()
    async with reader.frozen("projector"):
        await reader.order(1)

        async def is_told() -> bool:
            return int((await reader.get("inventory/1")).headers["Projection-Lag-Ms"]) >= 1000

        await until(is_told, seconds=6, what="a lag of a second is told")


# Bad days


async def test_queries_answer_while_the_command_service_is_down(reader: Reader) -> None:
    assert (await reader.order(1)).status == 201  # a user who never ordered has no summary
    await reader.system.settled()
    await reader.system.kill("command")
    try:
        answers = [await reader.get(path) for path in QUERIES]
        refused = await reader.order(1)
    finally:
        await reader.system.start("command")
    assert [answer.status for answer in answers] == [200] * len(QUERIES)
    assert is_retryable(refused)


async def test_commands_are_accepted_while_the_broker_is_away_and_the_views_come_right_alone(reader: Reader) -> None:
    await reader.host.delete()
    try:
        orders = [await reader.order(user_id) for user_id in range(1, 21)]
        assert {order.status for order in orders} == {201}
        for order in orders:
            await reader.until_answered(f"orders/{order.content['order_id']}", 200, order.content["token"])
    finally:
        await reader.host.create()
    await reader.check()
    await reader.host.followed(PARTITIONS)

    async def is_published() -> bool:
        return (await reader.system.positions())["relay"]["lag"] == 0  # type: ignore[index]

    await until(is_published, seconds=SOON_SECONDS, what="what was written meanwhile is published")


@pytest.mark.parametrize("ending", ["killed", "stopped"])
async def test_without_mongodb_everything_is_503_and_nothing_acknowledged_is_missing(
    reader: Reader, ending: str
) -> None:
    history, stop = reader.client.history, asyncio.Event()
    async with asyncio.TaskGroup() as shopping:
        for number in range(4):
            chance = random.Random(number)
            shopping.create_task(shop(reader.client, chance, stop, user_id=number + 1, products=PRODUCTS))
        await _until_more(history)
        await (reader.mongod.kill() if ending == "killed" else reader.mongod.stop())
        command, query = await asyncio.gather(reader.order(1), reader.get("inventory/1"))
        await reader.mongod.start()
        await reader.mongod.wait_ready()
        await _until_more(history)
        stop.set()
    assert is_retryable(command)
    assert is_retryable(query)
    assert max(command.seconds, query.seconds) < DOWN_SECONDS
    await reader.check()
    await _check_acknowledged(reader, history)


async def _until_more(history: History) -> None:
    wanted = len(history.acks) + 30

    async def are_there() -> bool:
        return len(history.acks) >= wanted

    await until(are_there, seconds=SOON_SECONDS, what="more commands are acknowledged")


async def _check_acknowledged(reader: Reader, history: History) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(reader.mongod.url)
    async with client:
        commits = client[reader.system.events_database]["commits"]
        positions = {c["command_id"]: c["_id"] async for c in commits.find({}, {"command_id": 1})}
    missing = [ack.key for ack in history.acks if ack.changed and positions.get(ack.command_id) != ack.position]
    assert missing == []
