"""Commands over RabbitMQ: done once, answered, and never lost, whatever dies meanwhile (docs/messages.md)."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import aiohttp
import pamqp.encode
import pytest
from pymongo import AsyncMongoClient

from common.command_queue import DELIVERY_LIMIT, CommandQueue, Delivery
from common.errors import Unavailable
from stack.ports import LOOPBACK, free_port
from tests.support.broker import Broker, VirtualHost, virtual_host
from tests.support.sender import DEAD, EXCHANGE, Sender, a_sender
from tests.support.servers import own_mongod, own_rabbitmq
from tests.support.system import System, running_system, until

PRODUCT = 900
ORDER = {"user_id": 81, "product_id": PRODUCT, "quantity": 2}
STOCK = {"product_id": PRODUCT, "product_name": "Lamp", "quantity": 10**6, "unit_price": "5.00"}
SOON_SECONDS = 20.0
RANDOM_MESSAGES = 2000
OLD_ENOUGH_SECONDS = 3.0  # a RabbitMQ 3.10 that is killed has lost the quorum queues it made a second before


class Desk:
    """A command service or two, a sender, and a look into the log."""

    def __init__(self, system: System, sender: Sender, http: aiohttp.ClientSession) -> None:
        self.system = system
        self.sender = sender
        self.http = http

    async def commits(self, **wanted: Any) -> list[dict[str, Any]]:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(self.system.mongodb_url)
        async with client:
            return await client[self.system.events_database]["commits"].find(wanted).sort("_id").to_list()

    async def metric(self, name: str, service: str = "command") -> float:
        async with self.http.get(self.system.url(service) + "/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    async def post(self, path: str, body: dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
        async with self.http.post(
            f"{self.system.url('command')}/commands/{path}", json=body, headers=headers
        ) as answer:
            return answer.status, await answer.json(content_type=None)

    async def stocked(self) -> None:
        status, content = await self.post("inventory", STOCK)
        assert status in (200, 201), content

    async def consumed(self, processes: int = 1) -> None:
        async def is_consumed() -> bool:
            return await self.sender.consumers() == processes

        await until(is_consumed, seconds=SOON_SECONDS, what=f"{processes} processes consume commands")


@asynccontextmanager
async def a_desk(system: System, url: str) -> AsyncIterator[Desk]:
    async with a_sender(url) as sender, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        desk = Desk(system, sender, http)
        yield desk


@pytest.fixture(scope="module")
async def host(rabbitmq: Broker) -> AsyncIterator[VirtualHost]:
    async with virtual_host(rabbitmq) as made:
        yield made


@pytest.fixture(scope="module")
async def running(
    mongodb_url: str, host: VirtualHost, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """Two command services on one log."""
    folder = tmp_path_factory.mktemp("commands")
    async with running_system(mongodb_url, host.url, folder, services=("command", "command2")) as system:
        yield system


@pytest.fixture
async def desk(running: System, host: VirtualHost) -> AsyncIterator[Desk]:
    async with a_desk(running, host.url) as opened:
        await opened.consumed(2)
        await opened.stocked()
        yield opened


# done, answered, once


async def test_an_order_by_message_is_in_the_log_and_its_sender_is_answered(desk: Desk) -> None:
    reply = await desk.sender.ask("order.CreateOrder", ORDER, correlation_id="a story")
    assert (reply.status, reply.content_type, reply.correlation_id) == (201, "application/json", "a story")
    (commit,) = await desk.commits(command_id=reply.content["command_id"])
    assert (commit["_id"], commit["version"]) == (reply.content["position"], 1)
    assert commit["stream"] == f"order-{reply.content['order_id']}"
    assert commit["correlation_id"] == "a story"


async def test_the_answer_says_what_http_would_have_said(desk: Desk) -> None:
    reply = await desk.sender.ask("order.CreateOrder", ORDER)
    _, content = await desk.post("orders", ORDER)
    assert reply.content.keys() == content.keys()
    assert reply.content["status"] == content["status"]


async def test_what_stands_in_the_path_over_http_stands_in_a_header(desk: Desk) -> None:
    order = (await desk.sender.ask("order.CreateOrder", ORDER)).content
    headers = {"order_id": order["order_id"], "expected_version": 1}
    reply = await desk.sender.ask("order.CancelOrder", {"reason": "too late"}, headers=headers)
    assert (reply.status, reply.content["status"], reply.content["version"]) == (200, "CANCELLED", 2)


async def test_the_same_message_to_two_command_services_is_one_commit_and_one_answer(desk: Desk) -> None:
    """Redelivered, or sent again by who had no answer: here twenty times at once."""
    sent = {"message_id": uuid4().hex, "app_id": "till", "correlation_id": uuid4().hex}
    for _ in range(20):
        await desk.sender.send_with_reply("order.CreateOrder", ORDER, **sent)
    replies = [await desk.sender.answer(sent["correlation_id"]) for _ in range(20)]
    assert {reply.status for reply in replies} == {201}
    assert len({str(reply.content) for reply in replies}) == 1
    assert sum(not reply.headers["replayed"] for reply in replies) == 1
    assert len(await desk.commits(command_id=replies[0].content["command_id"])) == 1
    handled = [await desk.metric("leveret_command_messages_total", name) for name in ("command", "command2")]
    assert all(handled), "one of the two command services had nothing to do"


async def test_an_idempotency_key_and_a_message_id_are_never_the_same_command(desk: Desk) -> None:
    key = uuid4().hex
    _, by_http = await desk.post("orders", ORDER, **{"Idempotency-Key": key})
    by_message = (await desk.sender.ask("order.CreateOrder", ORDER, message_id=key)).content
    of_another = (await desk.sender.ask("order.CreateOrder", ORDER, message_id=key, app_id="till")).content
    assert len({content["order_id"] for content in (by_http, by_message, of_another)}) == 3


# refused


async def test_a_refusal_is_answered_with_its_code(desk: Desk) -> None:
    order = (await desk.sender.ask("order.CreateOrder", ORDER)).content
    of_it = {"order_id": order["order_id"]}
    for key, body, headers, status, code in (
        ("order.CreateOrder", ORDER | {"product_id": 10**9}, {}, 422, "unknown_product"),
        ("order.ShipOrder", {"carrier": "DHL", "tracking_number": "1"}, of_it, 409, "order_not_paid"),
        ("order.CancelOrder", {}, of_it | {"expected_version": 9}, 412, "stale_version"),
        ("order.CancelOrder", {}, {"order_id": str(uuid4())}, 404, "unknown_order"),
        ("order.ValidateOrder", {}, of_it, 404, "unknown_command"),
    ):
        reply = await desk.sender.ask(key, body, headers=headers)
        assert (reply.status, reply.content["code"]) == (status, code)
        assert (reply.content_type, reply.content["status"]) == ("application/problem+json", status)


async def test_a_message_id_with_another_body_is_refused(desk: Desk) -> None:
    sent = {"message_id": uuid4().hex}
    assert (await desk.sender.ask("order.CreateOrder", ORDER, **sent)).status == 201
    reply = await desk.sender.ask("order.CreateOrder", ORDER | {"quantity": 3}, **sent)
    assert (reply.status, reply.content["code"]) == (422, "idempotency_key_reused")


BAD: tuple[tuple[str, bytes, dict[str, Any], int], ...] = (
    ("order.CreateOrder", b"", {}, 400),
    ("order.CreateOrder", b"{", {}, 400),
    ("order.CreateOrder", b"\xff\xfe\x00", {}, 400),
    ("order.CreateOrder", os.urandom(4096), {}, 400),
    ("order.CreateOrder", b"[" * 60_000, {}, 400),
    ("order.CreateOrder", b'{"user_id": 1, "user_id": 2}', {}, 400),
    ("order.CreateOrder", b'{"user_id": 1, "__proto__": 2}', {}, 422),
    ("order.CreateOrder", b" " * 70_000, {}, 413),
    ("order.CreateOrder", b" " * 5_000_000, {}, 413),
    ("order.CreateOrder", b"<order/>", {"content_type": "text/html", "content_encoding": "gzip"}, 415),
    ("order.CreateOrder", b"{}", {"content_type": None}, 415),
    ("order.CreateOrder", b"{}", {"message_id": "\u202e"}, 400),
    ("order.CreateOrder", b"{}", {"headers": {"position": 10**12, "mac": 5, "x": {"y": [1, {"z": None}]}}}, 422),
    ("order.CancelOrder", b"{}", {}, 400),
    ("order.CancelOrder", b"{}", {"headers": {"order_id": bytearray(b"\xff")}}, 400),
    ("order.CancelOrder", b"{}", {"headers": {"order_id": "../../admin"}}, 400),
    ("order.MakeOrder", b"{}", {}, 404),
    ("saga.RecordRefusal", b"{}", {}, 404),
    ("a.b", b"{}", {}, 404),
)


async def test_what_is_no_command_is_answered_acked_and_without_effect(desk: Desk, host: VirtualHost) -> None:
    before = len(await desk.commits())
    for key, body, properties, status in BAD:
        reply = await desk.sender.ask(key, body, **properties)
        assert (reply.status, reply.content["status"]) == (status, status), (key, body[:20], properties, reply.content)
        assert {"type", "title", "detail", "trace_id", "code"} <= reply.content.keys()
    assert len(await desk.commits()) == before
    await require_nothing_is_left(desk, host)


async def test_a_message_without_message_id_is_refused(desk: Desk, host: VirtualHost) -> None:
    """Most libraries make one up; RabbitMQ's own pages do not."""
    said = {"reply_to": desk.sender.reply_to, "correlation_id": "by hand", "content_type": "application/json"}
    await host.publish_by_hand(EXCHANGE, "order.CreateOrder", said, "{}")
    reply = await desk.sender.answer("by hand")
    assert (reply.status, reply.content["code"]) == (400, "missing_message_id")


async def test_who_does_not_ask_for_an_answer_is_counted(desk: Desk) -> None:
    async def counted(code: str) -> float:
        name = f'leveret_command_messages_total{{outcome="{code}"'
        return await desk.metric(name) + await desk.metric(name, "command2")

    before = await counted("unsupported_media_type")
    await desk.sender.send("order.CreateOrder", b"", content_type="text/plain")

    async def is_counted() -> bool:
        return await counted("unsupported_media_type") == before + 1

    await until(is_counted, seconds=5, what="the refusal is counted")


@pytest.mark.parametrize(
    "reply_to",
    ["nobody.here", "x" * 255, "commands", "amq.rabbitmq.reply-to.garbage", "\u202e", " "],
)
async def test_an_answer_that_nobody_takes_hurts_nobody(desk: Desk, host: VirtualHost, reply_to: str) -> None:
    message_id, correlation_id = uuid4().hex, uuid4().hex
    await desk.sender.exchange.publish(
        aio_pika.Message(
            b'{"user_id":81,"product_id":900,"quantity":2}',
            content_type="application/json",
            message_id=message_id,
            correlation_id=correlation_id,
            reply_to=reply_to,
        ),
        "order.CreateOrder",
    )

    async def is_done() -> bool:
        return len(await desk.commits(correlation_id=correlation_id)) == 1

    await until(is_done, seconds=5, what="the command is done")
    assert (await desk.sender.ask("order.CreateOrder", ORDER)).status == 201
    await require_nothing_is_left(desk, host)


async def test_a_direct_reply_is_answered(desk: Desk) -> None:
    """RabbitMQ's reply queue without a queue."""
    arrived: asyncio.Queue[Any] = asyncio.Queue()
    underlay = await desk.sender.channel.get_underlay_channel()

    async def take(message: Any) -> None:
        arrived.put_nowait(message)

    await underlay.basic_consume("amq.rabbitmq.reply-to", take, no_ack=True)
    await underlay.basic_publish(
        b'{"user_id":81,"product_id":900,"quantity":2}',
        exchange=EXCHANGE,
        routing_key="order.CreateOrder",
        properties=aio_pika.Message(
            b"", message_id=uuid4().hex, content_type="application/json", reply_to="amq.rabbitmq.reply-to"
        ).properties,
    )
    async with asyncio.timeout(10):
        assert (await arrived.get()).header.properties.headers["status"] == 201


async def test_text_that_is_not_utf8_ends_no_session(
    desk: Desk, host: VirtualHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of such messages a session of the broker's library would die, and each would be delivered again and again."""
    with monkeypatch.context() as patch:
        patch.setitem(pamqp.encode.METHODS, "shortstr", _raw_text)
        for _ in range(50):
            await desk.sender.send("order.\udcff", b"{}", message_id="\udcff", app_id="\udcff", reply_to="\udcff")
    reply = await desk.sender.ask("order.CreateOrder", ORDER)
    assert reply.status == 201
    assert not await desk.sender.ready(DEAD)
    await require_nothing_is_left(desk, host)


def _raw_text(text: str) -> bytes:
    encoded = text.encode(errors="surrogateescape")
    return bytes([len(encoded)]) + encoded


async def test_behind_two_thousand_random_messages_a_good_command_is_soon_done(desk: Desk, host: VirtualHost) -> None:
    chance = random.Random(seed := random.randrange(10**6))
    print("seed", seed)
    before = len(await desk.commits())
    keys = ["order.CreateOrder", "order.CancelOrder", "inventory.UpdateInventory", "x.y"]
    for _ in range(RANDOM_MESSAGES):
        message = aio_pika.Message(
            chance.randbytes(chance.randrange(2000)),
            message_id=chance.choice([None, chance.randbytes(8).hex()]),
            content_type=chance.choice([None, "application/json", chance.randbytes(4).hex()]),
            headers=chance.choice(
                [None, {"order_id": bytearray(chance.randbytes(9))}, {"expected_version": chance.random()}]
            ),
            reply_to=chance.choice([None, "nobody"]),
        )
        await desk.sender.exchange.publish(message, chance.choice(keys), mandatory=False)
    reply = await desk.sender.ask("order.CreateOrder", ORDER)
    assert reply.status == 201
    assert len(await desk.commits()) == before + 1
    assert desk.system.fallen == []
    await require_nothing_is_left(desk, host)


async def require_nothing_is_left(desk: Desk, host: VirtualHost) -> None:
    """Everything was acked: nothing waits, nothing is in hand, nothing is dead."""

    async def is_empty() -> bool:
        queues = await host.queues()
        return all(queues[name].get("messages") == 0 for name in ("commands", DEAD))

    await until(is_empty, seconds=SOON_SECONDS, what="no message is left in the queues")


# dead


async def test_a_command_that_we_stumble_over_is_answered_and_kept(desk: Desk, host: VirtualHost) -> None:
    """Somebody repairs the cause and sends it again; the queue goes on meanwhile."""
    order = (await desk.sender.ask("order.CreateOrder", ORDER)).content
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(desk.system.mongodb_url)
    async with client:
        commits = client[desk.system.events_database]["commits"]
        await commits.update_one({"_id": order["position"]}, {"$set": {"events.0.type": "OrderPainted"}})
        await desk.system.restart("command", "command2")  # who has decided on it knows it
        await desk.consumed(2)
        reply = await desk.sender.ask("order.CancelOrder", {}, headers={"order_id": order["order_id"]})
        await commits.update_one({"_id": order["position"]}, {"$set": {"events.0.type": "OrderInitiated"}})
    assert reply.status == 500
    assert (await desk.sender.ask("order.CreateOrder", ORDER)).status == 201

    async def is_kept() -> bool:
        return await desk.sender.ready(DEAD) == 1

    await until(is_kept, seconds=5, what="it is among the dead")
    await host.purge(DEAD)


async def test_what_ends_every_session_is_dead_after_some_and_not_lost(rabbitmq: Broker) -> None:
    async with virtual_host(rabbitmq) as host, a_sender(host.url) as sender:
        sessions = 0
        arrived = asyncio.Event()

        def take(_: Delivery) -> None:
            arrived.set()

        queue = await CommandQueue.open(host.url, take, prefetch=1)
        await sender.send("order.CreateOrder", b"poison")
        async with asyncio.timeout(60):
            while not (await queue.waiting()).dead:
                await arrived.wait()
                arrived.clear()
                await queue.close()
                sessions += 1
                queue = await CommandQueue.open(host.url, take, prefetch=1)
                if sessions > DELIVERY_LIMIT:
                    await until(lambda: _is_dead(sender), seconds=10, what="it is dead")
        await queue.close()
        assert sessions == DELIVERY_LIMIT + 1
        dead = await (await sender.channel.get_queue(DEAD)).get(no_ack=True)
        assert dead is not None
        assert dead.body == b"poison"


async def _is_dead(sender: Sender) -> bool:
    return await sender.ready(DEAD) == 1


# whatever dies


@asynccontextmanager
async def alone(mongodb_url: str, amqp_url: str, folder: Path, **settings: str) -> AsyncIterator[Desk]:
    """One command service, with a queue that it consumes."""
    async with (
        running_system(mongodb_url, amqp_url, folder, services=("command",), **settings) as system,
        a_desk(system, amqp_url) as desk,
    ):
        await desk.consumed()
        await desk.stocked()
        yield desk


async def require_done_once(desk: Desk, sent: list[str]) -> None:
    for correlation_id in sent:
        reply = await desk.sender.answer(correlation_id, seconds=30)
        assert reply.status == 201, reply.content
    done = Counter(commit["correlation_id"] for commit in await desk.commits())
    assert [correlation_id for correlation_id in sent if done[correlation_id] != 1] == []


async def test_without_mongodb_nothing_is_lost_and_nobody_waits_who_need_not(rabbitmq: Broker, tmp_path: Path) -> None:
    async with (
        virtual_host(rabbitmq) as host,
        own_mongod(tmp_path / "mongodb") as mongod,
        alone(mongod.url, host.url, tmp_path, COMMAND_DEADLINE_SECONDS="1") as desk,
    ):
        await mongod.kill()
        sent = [await desk.sender.send_with_reply("order.CreateOrder", ORDER) for _ in range(10)]
        assert (await desk.sender.ask("order.CreateOrder", b"{")).status == 400
        status, _ = await desk.post("orders", ORDER)
        assert status == 503
        assert not any(desk.sender.answers(correlation_id) for correlation_id in sent)
        await mongod.start()
        await mongod.wait_ready()
        await require_done_once(desk, sent)
        await require_nothing_is_left(desk, host)


async def test_a_command_in_the_hands_of_a_process_that_is_killed_is_done_once_by_the_next(
    rabbitmq: Broker, tmp_path: Path
) -> None:
    async with (
        virtual_host(rabbitmq) as host,
        own_mongod(tmp_path / "mongodb") as mongod,
        alone(mongod.url, host.url, tmp_path) as desk,
    ):
        assert mongod.pid
        os.kill(mongod.pid, signal.SIGSTOP)
        sent = [await desk.sender.send_with_reply("order.CreateOrder", ORDER) for _ in range(10)]

        async def is_in_hand() -> bool:
            return await desk.sender.ready() == 0

        await until(is_in_hand, seconds=5, what="the messages are delivered")
        await desk.system.kill("command")
        os.kill(mongod.pid, signal.SIGCONT)  # what was on its way to the log may be written now
        await desk.system.start("command")
        await require_done_once(desk, sent)
        await require_nothing_is_left(desk, host)


async def test_commands_under_way_while_their_process_is_killed_again_and_again_are_done_once(
    mongodb_url: str, rabbitmq: Broker, tmp_path: Path
) -> None:
    async with virtual_host(rabbitmq) as host, alone(mongodb_url, host.url, tmp_path) as desk:
        sent: list[str] = []
        for _ in range(3):
            sent += [await desk.sender.send_with_reply("order.CreateOrder", ORDER) for _ in range(200)]
            await desk.sender.answer(sent[-150])
            sent.pop(-150)
            await desk.system.kill("command")
            await desk.system.start("command")
        await require_done_once(desk, sent)
        await require_nothing_is_left(desk, host)


async def test_a_rolling_restart_loses_nothing(mongodb_url: str, rabbitmq: Broker, tmp_path: Path) -> None:
    async with virtual_host(rabbitmq) as host, alone(mongodb_url, host.url, tmp_path) as desk:
        sent = [await desk.sender.send_with_reply("order.CreateOrder", ORDER) for _ in range(300)]
        await desk.system.restart("command")
        await require_done_once(desk, sent)
        await require_nothing_is_left(desk, host)


async def test_the_broker_may_be_away_at_the_start_and_later(mongodb_url: str, tmp_path: Path) -> None:
    """HTTP works on, what the broker has kept is done, and the consumer comes back by itself."""
    async with own_rabbitmq(tmp_path / "rabbitmq") as rabbitmq:
        await rabbitmq.kill()
        async with running_system(mongodb_url, rabbitmq.url, tmp_path, services=("command",)) as system:
            await require_http_works(system)
            await rabbitmq.start()
            await rabbitmq.wait_ready()
            async with a_desk(system, rabbitmq.url) as desk:
                await desk.consumed()
                assert (await desk.sender.ask("order.CreateOrder", ORDER)).status == 201
                system.signal("command", signal.SIGSTOP)
                await desk.sender.send("order.CreateOrder", ORDER, correlation_id="kept")
                await asyncio.sleep(OLD_ENOUGH_SECONDS)  # a part of the fault's schedule
                await rabbitmq.kill()
                system.signal("command", signal.SIGCONT)
            await require_http_works(system)
            await rabbitmq.start()
            await rabbitmq.wait_ready()
            async with a_desk(system, rabbitmq.url) as desk:

                async def is_done() -> bool:
                    return len(await desk.commits(correlation_id="kept")) == 1

                await until(is_done, seconds=60, what="what the broker kept is done")
                assert (await desk.sender.ask("order.CreateOrder", ORDER)).status == 201


async def require_http_works(system: System) -> None:
    async with aiohttp.ClientSession() as http:
        for path, body in (("inventory", STOCK), ("orders", ORDER)):
            async with http.post(f"{system.url('command')}/commands/{path}", json=body) as answer:
                assert answer.status in (200, 201)


async def test_without_the_setting_or_without_a_broker_nothing_is_consumed(
    mongodb_url: str, rabbitmq: Broker, tmp_path: Path
) -> None:
    async with virtual_host(rabbitmq) as host:
        off = {"COMMANDS_QUEUE": "false"}
        async with running_system(mongodb_url, host.url, tmp_path, services=("command",), **off) as system:
            await require_http_works(system)
            assert "commands" not in await host.queues()
        async with running_system(mongodb_url, "", tmp_path, services=("command",)) as system:
            await require_http_works(system)


async def test_a_broker_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await CommandQueue.open(f"amqp://{LOOPBACK}:{free_port()}/", lambda _: None, prefetch=1)
