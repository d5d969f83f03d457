"""Commands over RabbitMQ: done once, answered, and never lost, whatever dies meanwhile (docs/messages.md)."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aio_pika
import pamqp.encode
import pytest
from pymongo import AsyncMongoClient

from tests.support.broker import Broker, VirtualHost, virtual_host
from tests.support.message_desk import ORDER, Desk, a_desk, require_nothing_is_left
from tests.support.sender import DEAD, EXCHANGE
from tests.support.system import System, running_system, until

RANDOM_MESSAGES = 2000


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


NO_COMMANDS: tuple[tuple[str, bytes, dict[str, Any], int], ...] = (
    ("order.CreateOrder", os.urandom(4096), {}, 400),
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
    for key, body, properties, status in NO_COMMANDS:
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
