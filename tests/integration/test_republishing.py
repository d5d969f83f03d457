"""A range of the log is told again to others: in order, marked, confirmed, and without any effect on ourselves."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from msgspec.structs import replace
from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit, Seal, format_instant, from_message, to_messages, whole
from common.errors import Undecodable
from common.log import open_log
from common.republishing import Pace
from tests.support.broker import Broker, VirtualHost, virtual_host
from tests.support.cqrs import PROJECT, Cqrs
from tests.support.ledger import Ledger, event
from tests.support.real_log import a_database
from tests.support.system import until

KEY = "a key for tests"
QUEUE = "analytics"
ORDERS = 30
SOON_SECONDS = 20.0


@pytest.fixture(scope="module")
async def host(rabbitmq: Broker) -> AsyncIterator[VirtualHost]:
    async with virtual_host(rabbitmq) as made:
        yield made


@dataclass(frozen=True, slots=True)
class Bench:
    """A log of a test's own, and the command that republishes it."""

    database: AsyncDatabase[dict[str, Any]]
    ledger: Ledger
    host: VirtualHost
    cqrs: Cqrs

    async def commits(self) -> list[Commit]:
        return await self.ledger.log.read_all(0, 10_000)

    @property
    def seal(self) -> Seal:
        return Seal(KEY, self.ledger.log.info.id)

    async def republish(self, *words: str) -> str:
        return await asyncio.to_thread(self.cqrs.does, "events", "republish", *words)

    async def refuses(self, *words: str) -> str:
        return await asyncio.to_thread(self.cqrs.refuses, "events", "republish", *words)


@pytest.fixture
async def bench(mongodb_url: str, host: VirtualHost, tmp_path: Path) -> AsyncIterator[Bench]:
    """Orders of several users, some of them cancelled; a commit of two events at the end."""
    async with a_database(mongodb_url) as (client, name):
        ledger = Ledger(await open_log(client[name], partitions=4))
        for user_id in range(1, ORDERS + 1):
            order = await ledger.order(user_id, (1, 1))
            if user_id % 3 == 0:
                await ledger.cancel(order)
        two = [
            event("InventoryUpdated", product_id=3, quantity=1),
            event("LowStockDetected", product_id=3, available=1),
        ]
        await ledger.append(ledger.draft("inventory-3", 3, *two))
        env = {"EVENTS_MONGODB_URL": mongodb_url, "EVENTS_DATABASE": name, "AMQP_URL": host.url, "MESSAGE_KEY": KEY}
        yield Bench(client[name], ledger, host, Cqrs(data=tmp_path, env=env))


@pytest.fixture
async def queue(host: VirtualHost) -> AsyncIterator[str]:
    """Another team's."""
    await host.make_queue(QUEUE, **{"x-queue-type": "quorum"})
    yield QUEUE
    await host.delete_queue(QUEUE)


async def taken(host: VirtualHost, queue: str) -> list[AbstractIncomingMessage]:
    """All that is in the queue; nothing is left."""
    messages: list[AbstractIncomingMessage] = []
    async with await aio_pika.connect(host.url) as connection:
        channel = await connection.channel()
        found = await channel.get_queue(queue, ensure=False)
        while message := await found.get(fail=False):
            await message.ack()
            messages.append(message)
    return messages


def positions(messages: list[AbstractIncomingMessage]) -> list[int]:
    return [int(str(message.headers["position"])) for message in messages]


async def test_the_whole_log_arrives_in_order_as_the_relay_tells_it_with_one_more_header(
    bench: Bench, queue: str
) -> None:
    said = await bench.republish("--to-queue", queue)
    commits, last_of = await bench.commits(), dict.fromkeys(range(4), 0)
    expected = []
    for commit in commits:
        expected += to_messages(commit, last_of[commit.partition], bench.seal)
        last_of[commit.partition] = commit.position
    arrived = await taken(bench.host, queue)
    assert f"{len(expected)} events of {len(commits)} commits are in the queue {queue}" in said
    assert [m.message_id for m in arrived] == [m.id for m in expected]
    for message, live in zip(arrived, expected, strict=True):
        told = {name: value for name, value in message.headers.items() if name not in ("mac", "x-delivery-count")}
        assert told == {n: v for n, v in live.headers.items() if n != "mac"} | {"replay": True}
        assert (message.body, message.routing_key) == (live.body, live.routing_key)
        assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    parts = [from_message(m.headers, m.body, bench.seal, replays=True) for m in arrived]
    assert whole(parts[-2:]) == replace(commits[-1], chain=None)
    with pytest.raises(Undecodable, match="told before"):
        from_message(arrived[0].headers, arrived[0].body, bench.seal)


async def test_positions_times_streams_and_types_choose_what_is_told(bench: Bench, queue: str) -> None:
    commits = await bench.commits()
    fifth = commits[4]
    await bench.database["commits"].update_many({"_id": {"$gt": 20}}, [_later(hours=1)])
    moment = format_instant(commits[-1].recorded_at + timedelta(minutes=1))
    cancelled = [c.position for c in commits if c.events[0].type == "OrderCancelled"]
    of_stream = [c.position for c in commits if c.stream == fifth.stream]
    for words, wanted in (
        (["--from-position", "7", "--to-position", "9"], [7, 8, 9]),
        (["--from-time", moment], [*range(21, len(commits) + 1), len(commits)]),
        (["--to-time", moment], list(range(1, 21))),
        (["--stream", fifth.stream], of_stream),
        (["--type", "OrderCancelled"], cancelled),
        (["--type", "LowStockDetected"], [len(commits)]),
        (["--from-time", moment, "--to-position", "20"], []),
    ):
        await bench.republish("--to-queue", queue, *words)
        assert positions(await taken(bench.host, queue)) == wanted, words


async def test_the_commits_of_one_stream_still_say_what_stood_before_them(bench: Bench, queue: str) -> None:
    commits = await bench.commits()
    cancelled = next(commit for commit in commits if commit.version == 2)
    await bench.republish("--to-queue", queue, "--stream", cancelled.stream)
    arrived = await taken(bench.host, queue)
    for message in arrived:
        (position,) = positions([message])
        before = [c.position for c in commits if c.partition == cancelled.partition and c.position < position]
        assert message.headers["prev"] == (before or [0])[-1]
    assert len(arrived) == 2


def _later(**span: float) -> dict[str, Any]:
    milliseconds = int(timedelta(**span).total_seconds() * 1000)
    return {"$set": {"recorded_at": {"$add": ["$recorded_at", milliseconds]}}}


async def test_an_exchange_gets_it_too_and_its_bindings_choose(bench: Bench, host: VirtualHost) -> None:
    async with await aio_pika.connect(host.url) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange("to-analytics", aio_pika.ExchangeType.TOPIC, durable=True)
        theirs = await channel.declare_queue("their-cancellations", durable=True)
        await theirs.bind(exchange, "*.order.OrderCancelled")
        said = await bench.republish("--to-exchange", "to-analytics", "--type", "OrderCancelled")
        assert f"{ORDERS // 3} events" in said
        assert len(await taken(host, "their-cancellations")) == ORDERS // 3
        told = await bench.refuses("--to-exchange", "to-analytics")
        assert "no queue is bound to the exchange to-analytics" in told
        assert "--from-position 1" in told


async def test_what_is_refused_ends_with_a_sentence_that_says_where_to_go_on(bench: Bench, host: VirtualHost) -> None:
    await host.make_queue("full", **{"x-max-length": 12, "x-overflow": "reject-publish"})
    done = await asyncio.to_thread(bench.cqrs, "events", "republish", "--to-queue", "full", "--rate", "400", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["is_done"]) == (1, False)
    assert "refuses event" in done.stderr
    assert f"--from-position {told['next_position']}" in done.stderr
    arrived = set(positions(await taken(host, "full")))
    assert set(range(1, told["next_position"])) <= arrived, "all before it is there"


async def test_who_is_interrupted_is_told_where_to_go_on_and_nothing_is_missing(
    bench: Bench, host: VirtualHost, queue: str
) -> None:
    command = [sys.executable, "-m", "cli", "events", "republish", "--to-queue", queue]
    env = {"PATH": "/usr/bin", **bench.cqrs.env}
    running = await asyncio.create_subprocess_exec(
        *command, "--rate", "10", cwd=PROJECT, env=env, stderr=asyncio.subprocess.PIPE
    )

    async def has_begun() -> bool:
        return await host.waiting(queue) >= 3

    await until(has_begun, seconds=SOON_SECONDS, what="it has begun")
    running.send_signal(signal.SIGINT)
    _, said = await running.communicate()
    assert running.returncode == 130, said
    position = said.decode().rpartition("--from-position ")[2].strip()
    assert 1 < int(position) < ORDERS
    await bench.republish("--to-queue", queue, "--from-position", position)
    arrived = positions(await taken(host, queue))
    assert sorted(set(arrived)) == list(range(1, len(await bench.commits()) + 1))


async def test_the_rate_is_kept(bench: Bench, queue: str) -> None:
    told = json.loads(await bench.republish("--to-queue", queue, "--rate", "20", "--json"))
    assert told["events"] / 20 - 0.2 <= told["seconds"] < told["events"] / 20 + 2


async def test_a_pace_makes_up_for_a_pause_by_one_second_and_no_more() -> None:
    pace = Pace(1000)
    pace._filled_at -= 60  # a minute ago
    started = time.monotonic()
    await pace.take(1000)
    assert time.monotonic() - started < 0.1
    await pace.take(200)
    assert 0.15 < time.monotonic() - started < 1


async def test_a_dry_run_counts_and_needs_no_broker(bench: Bench) -> None:
    cqrs = Cqrs(data=bench.cqrs.data, env=bench.cqrs.env | {"AMQP_URL": "amqp://nobody@127.0.0.1:1/"})
    words = ["--to-queue", "not-there", "--type", "OrderCancelled", "--dry-run"]
    said = await asyncio.to_thread(cqrs.does, "events", "republish", *words)
    assert f"{ORDERS // 3} events of {ORDERS // 3} commits would go to the queue not-there" in said


@pytest.mark.parametrize("words", [["--to-queue", "made-q"], ["--to-exchange", "made-x"]], ids=lambda w: w[0])
async def test_what_is_not_there_is_made_only_when_asked_for(bench: Bench, host: VirtualHost, words: list[str]) -> None:
    assert "add --declare" in await bench.refuses(*words)
    if words[0] == "--to-queue":
        await bench.republish(*words, "--declare")
        made = (await host.queues())["made-q"]
        assert (made["durable"], made["arguments"]["x-queue-type"]) == (True, "quorum")
    else:
        assert "no queue is bound" in await bench.refuses(*words, "--declare")
        assert "no queue is bound" in await bench.refuses(*words)


async def test_nothing_is_told_into_what_is_ours(bench: Bench) -> None:
    for word, name in (("--to-exchange", "domain.events"), ("--to-queue", "sagas.p7")):
        assert "this system's own" in await bench.refuses(word, name)


async def test_what_the_log_does_not_have_is_refused(bench: Bench) -> None:
    assert "the log ends at position" in await bench.refuses("--to-queue", QUEUE, "--to-position", "900")
    assert "there is no stream order-7" in await bench.refuses("--to-queue", QUEUE, "--stream", "order-7")


async def test_a_broker_that_is_away_is_told_in_a_sentence(bench: Bench) -> None:
    cqrs = Cqrs(data=bench.cqrs.data, env=bench.cqrs.env | {"AMQP_URL": "amqp://nobody@127.0.0.1:1/"})
    said = await asyncio.to_thread(cqrs.refuses, "events", "republish", "--to-queue", QUEUE)
    assert "RabbitMQ cannot be reached; 0 events are confirmed" in said
