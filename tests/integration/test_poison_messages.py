"""Messages that nobody of ours has sent: each is acked and counted, no view changes, and the feed goes on."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import aiohttp
import pamqp.encode
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from common.envelope import Seal
from tests.support import naive
from tests.support.broker import VirtualHost
from tests.support.door import Door
from tests.support.system import System, until

PRODUCT = 457
USER_ID = 7501
REPEATS = 1000
PARTITIONS = 8
POISON_KINDS = ("foreign_log", "wrong_mac", "malformed_message", "wrong_partition")
ARRIVAL_SECONDS = 12.0
FAR = 10**12
KEY = "a key for tests"  # the system's, see tests.support.system


@pytest.fixture(scope="module")
async def door(system: System, system_host: VirtualHost) -> AsyncIterator[Door]:
    """Its queues are there: what is sent to a queue that is not comes back to the sender."""
    await system_host.followed(PARTITIONS)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        opened = Door(system, http, PRODUCT)
        await opened.post("inventory", {"product_id": PRODUCT, "product_name": "Mouse", "quantity": 100})
        yield opened


@pytest.fixture
async def channel(system: System) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(system.amqp_url)
    async with connection:
        yield await connection.channel()


@pytest.fixture
async def applied(door: Door, channel: AbstractChannel) -> AbstractIncomingMessage:
    """A message of ours that the views have."""
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind("domain.events", f"p{(await door.place(user_id=USER_ID))['partition']}.#")
    placed = await door.place(user_id=USER_ID)
    await door.seen(f"orders/{placed['order_id']}", placed["token"])
    async with asyncio.timeout(10), queue.iterator(no_ack=True) as messages:
        async for message in messages:
            if message.headers["position"] == placed["position"]:
                return message
    raise AssertionError


async def counted(door: Door, kind: str = "") -> float:
    return await door.metric("projector", f'leveret_feed_messages_total{{group="views",kind="{kind}')


async def sessions(door: Door) -> float:
    return await door.metric("projector", "leveret_feed_sessions_total")


async def publish(channel: AbstractChannel, partition: int, message: aio_pika.Message, *, times: int = 1) -> None:
    for _ in range(times):
        await channel.default_exchange.publish(message, routing_key=f"views.p{partition}")


async def require_no_effect(door: Door, *, session: float) -> None:
    """The views are the fold of the log, and messages still arrive in the same session."""
    await require_messages_arrive(door)
    await door.system.settled()
    databases = door.system.events_database, door.system.views_database
    await asyncio.to_thread(naive.check, door.system.mongodb_url, *databases)
    assert await sessions(door) == session, "the consumer began a new session"


async def require_all_acked(door: Door) -> None:
    """What was not acked is delivered again to the next process, and before anything newer."""
    await door.system.kill("projector")
    await door.system.start("projector")
    await require_messages_arrive(door)
    assert [kind for kind in POISON_KINDS if await counted(door, kind)] == []
    assert await counted(door, "duplicate") < REPEATS / 10


async def require_messages_arrive(door: Door) -> None:
    before = await counted(door, "new")

    async def has_arrived() -> bool:
        placed = await door.place(user_id=USER_ID)
        await door.seen(f"orders/{placed['order_id']}", placed["token"])
        return await counted(door, "new") > before

    await until(has_arrived, seconds=ARRIVAL_SECONDS, what="a message of ours arrives again")


async def test_poison_is_acked_counted_and_has_no_effect(
    door: Door, channel: AbstractChannel, applied: AbstractIncomingMessage
) -> None:
    session = await sessions(door)
    body, headers, partition = applied.body, dict(applied.headers), applied.headers["partition"]
    ours = {"log_id": headers["log_id"]}
    for message, kind in (
        (aio_pika.Message(b""), "foreign_log"),
        (aio_pika.Message(os.urandom(4096)), "foreign_log"),
        (aio_pika.Message(b"<order/>", content_type="text/html", content_encoding="gzip"), "foreign_log"),
        (aio_pika.Message(body), "foreign_log"),
        (aio_pika.Message(body, headers={k: v for k, v in headers.items() if k != "log_id"}), "foreign_log"),
        (aio_pika.Message(body, headers=headers | {"log_id": "another"}), "foreign_log"),
        (aio_pika.Message(body, headers=ours), "wrong_mac"),
        (aio_pika.Message(body, headers={k: v for k, v in headers.items() if k != "mac"}), "wrong_mac"),
        (aio_pika.Message(body, headers=headers | {"mac": "0" * 32}), "wrong_mac"),
        (aio_pika.Message(body + b" ", headers=headers), "wrong_mac"),
        (aio_pika.Message(os.urandom(64), headers=headers), "wrong_mac"),
        (aio_pika.Message(body, headers=headers | {"position": FAR, "prev": FAR - 1}), "wrong_mac"),
        (aio_pika.Message(body, headers=headers | {"position": FAR, "prev": 0}), "wrong_mac"),
        (aio_pika.Message(body, headers=headers | {"position": "1", "count": -1}), "wrong_mac"),
        (aio_pika.Message(body, headers=ours | {"x": {"y": [1, {"z": None}]}, "mac": 5}), "wrong_mac"),
        (aio_pika.Message(body, headers=ours | {"x": bytearray(b"\xff")}), "wrong_mac"),
    ):
        before = await counted(door, kind)
        await publish(channel, partition, message)

        async def is_counted(kind: str = kind, before: float = before) -> bool:
            return await counted(door, kind) == before + 1

        await until(is_counted, seconds=5, what=f"{kind} is counted for {message.headers} {message.body[:20]!r}")
    await require_no_effect(door, session=session)
    await require_all_acked(door)


@pytest.mark.parametrize(
    "changes",
    [{"position": "1"}, {"index": 7}, {"count": 0}, {"prev": None}, {"ce-time": "now"}],
    ids=str,
)
async def test_nonsense_under_our_own_seal_is_acked_and_counted(
    door: Door, channel: AbstractChannel, applied: AbstractIncomingMessage, changes: dict[str, Any]
) -> None:
    """Another version of ours may send it one day."""
    session, before = await sessions(door), await counted(door, "malformed_message")
    ahead = dict(applied.headers) | {"position": applied.headers["position"] + 1000} | changes
    message = aio_pika.Message(applied.body, headers=sealed(ahead, applied.body))
    await publish(channel, ahead["partition"], message)

    async def is_counted() -> bool:
        return await counted(door, "malformed_message") == before + 1

    try:
        await until(is_counted, seconds=3, what="the message is counted")
        await require_no_effect(door, session=session)
    except Exception:
        await forget_messages(door, channel, ahead["partition"])
        raise


def sealed(headers: dict[str, Any], body: bytes) -> dict[str, Any]:
    """What only who knows the key can make."""
    return headers | {"mac": Seal(KEY, headers["log_id"]).mac(headers, body)}


async def test_a_message_in_another_partitions_queue_has_no_effect(
    door: Door, channel: AbstractChannel, applied: AbstractIncomingMessage
) -> None:
    session, before = await sessions(door), await counted(door, "wrong_partition")
    message = aio_pika.Message(applied.body, headers=dict(applied.headers))
    others = [p for p in range(PARTITIONS) if p != applied.headers["partition"]]
    for partition in others:
        await publish(channel, partition, message)

    async def are_counted() -> bool:
        return await counted(door, "wrong_partition") == before + len(others)

    await until(are_counted, seconds=10, what="the messages are counted")
    await require_no_effect(door, session=session)


async def test_an_applied_message_a_thousand_times_has_no_effect(
    door: Door, channel: AbstractChannel, applied: AbstractIncomingMessage
) -> None:
    session, before = await sessions(door), await counted(door, "duplicate")
    message = aio_pika.Message(applied.body, headers=dict(applied.headers), content_type="text/html")
    await publish(channel, applied.headers["partition"], message, times=REPEATS)

    async def are_counted() -> bool:
        return await counted(door, "duplicate") >= before + REPEATS

    await until(are_counted, seconds=20, what="the duplicates are counted")
    await require_no_effect(door, session=session)


async def test_text_that_is_not_utf8_in_a_message_does_not_end_the_session_again_and_again(
    door: Door, channel: AbstractChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker's library cannot read such a message: it must go away soon, not after fifty sessions."""
    partition = (await door.place(user_id=USER_ID))["partition"]
    before = await sessions(door)
    with monkeypatch.context() as patch:
        patch.setitem(pamqp.encode.METHODS, "shortstr", _short_text)
        await publish(channel, partition, aio_pika.Message(b"", message_id="\udcff"))
    try:
        await require_messages_arrive(door)
        assert await sessions(door) <= before + 5
    finally:
        await forget_messages(door, channel, partition)


async def test_a_position_beyond_the_log_is_not_waited_for(
    door: Door, channel: AbstractChannel, applied: AbstractIncomingMessage
) -> None:
    """Nobody publishes what is not in the log; a message that says so is acked, and the log not asked for ever."""
    partition, before = applied.headers["partition"], await counted(door)
    ahead = dict(applied.headers) | {"position": FAR, "prev": FAR - 1}
    await publish(channel, partition, aio_pika.Message(applied.body, headers=sealed(ahead, applied.body)))

    async def is_counted() -> bool:
        return await counted(door) > before

    async def is_quiet() -> bool:
        reads = 'leveret_feed_log_reads_total{group="views",reason="gap"'
        asked = await door.metric("projector", reads)
        for _ in range(10):
            placed = await door.place(user_id=USER_ID)
            await door.seen(f"orders/{placed['order_id']}", placed["token"])
        return await door.metric("projector", reads) == asked

    try:
        await until(is_counted, seconds=5, what="the message is counted")
        await until(is_quiet, seconds=5, what="the log is no longer asked for what it does not have")
    finally:
        await forget_messages(door, channel, partition)


def _short_text(text: str) -> bytes:
    encoded = text.encode(errors="surrogateescape")
    return bytes([len(encoded)]) + encoded


async def forget_messages(door: Door, channel: AbstractChannel, partition: int) -> None:
    """Leave nothing of a poison behind, whatever became of it; the queue is there again, and followed."""
    await channel.queue_delete(f"views.p{partition}")
    await door.system.kill("projector")
    await door.system.start("projector")
    await require_messages_arrive(door)
