"""The example of an outside service: a mail for each paid order, once (examples/mailer.py)."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import pytest

from common.broker import Publisher
from common.codec import encode_event
from common.envelope import Message, Seal, to_messages
from common.events.orders import OrderPaid
from common.values import Money
from stack.process import Program, spawn
from tests.support.broker import Broker, VirtualHost, virtual_host
from tests.support.commits import a_commit
from tests.support.system import ROOT, until

KEY = "a key for tests"
LOG_ID = "a log"
SOON_SECONDS = 15.0
QUEUE = "mailer"


@pytest.fixture
async def host(rabbitmq: Broker) -> AsyncIterator[VirtualHost]:
    async with virtual_host(rabbitmq) as made:
        yield made


def paid(position: int, *, key: str = KEY) -> Message:
    """The message of a commit in which an order was paid."""
    event = OrderPaid(order_id=f"order {position}", payment_id="p", amount=Money(amount=9998, currency="EUR"))
    commit = a_commit(position, f"order-{position}", 3, events=(encode_event(event),), partition_key=123)
    return to_messages(commit, 0, Seal(key, LOG_ID))[0]


async def publish(host: VirtualHost, *messages: Message) -> None:
    publisher = await Publisher.open(host.url, "test")
    for confirmation in await publisher.publish(messages):
        await confirmation
    await publisher.close()


@asynccontextmanager
async def a_mailer(host: VirtualHost, outbox: Path, key: str | None = KEY) -> AsyncIterator[Program]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AMQP_URL": host.url, "OUTBOX": str(outbox)}
    environment |= {"MESSAGE_KEY": key} if key else {}
    mailer = await spawn([sys.executable, "examples/mailer.py"], env=environment, cwd=ROOT, on_line=print)
    try:
        await is_bound(host)
        yield mailer
    finally:
        await mailer.kill()


async def is_bound(host: VirtualHost) -> None:
    async with await aio_pika.connect(host.url) as connection:

        async def has_consumer() -> bool:
            channel = await connection.channel()
            try:
                queue = await channel.declare_queue(QUEUE, passive=True)
            except aio_pika.exceptions.ChannelNotFoundEntity:
                return False
            return queue.declaration_result.consumer_count == 1

        await until(has_consumer, seconds=SOON_SECONDS, what="the mailer listens")


async def all_are_acked(host: VirtualHost) -> None:
    async def is_empty() -> bool:
        return (await host.queues())[QUEUE].get("messages") == 0

    await until(is_empty, seconds=SOON_SECONDS, what="the mailer has acked everything")


def mails(outbox: Path) -> list[str]:
    """Drafts that a killed mailer has left are none."""
    return sorted(path.name for path in outbox.glob("*.eml"))


async def has_sent(outbox: Path, *names: str) -> None:
    async def is_so() -> bool:
        return mails(outbox) == sorted(names)

    await until(is_so, seconds=SOON_SECONDS, what=f"{names} were sent")


async def test_each_paid_order_is_one_mail_however_often_it_is_told(host: VirtualHost, tmp_path: Path) -> None:
    async with a_mailer(host, tmp_path):
        await publish(host, paid(7))
        await has_sent(tmp_path, "7.0.eml")
        (tmp_path / "7.0.eml").write_text("as it was sent")
        await publish(host, paid(7), paid(7), paid(8))
        await has_sent(tmp_path, "7.0.eml", "8.0.eml")
        await all_are_acked(host)
    assert (tmp_path / "7.0.eml").read_text() == "as it was sent"
    mail = (tmp_path / "8.0.eml").read_text()
    assert "customer 123" in mail
    assert "order 8 is paid" in mail


async def test_a_forged_message_sends_no_mail(host: VirtualHost, tmp_path: Path) -> None:
    async with a_mailer(host, tmp_path):
        await publish(host, paid(1, key="another key"), paid(2))
        await has_sent(tmp_path, "2.0.eml")
        await host.publish("p0.order.OrderPaid", {"log_id": 5, "x": None}, b"\xff")
        await all_are_acked(host)
    assert mails(tmp_path) == ["2.0.eml"]


async def test_without_the_key_a_mailer_believes_what_it_is_told(host: VirtualHost, tmp_path: Path) -> None:
    async with a_mailer(host, tmp_path, key=None):
        await publish(host, paid(1, key="another key"))
        await has_sent(tmp_path, "1.0.eml")


async def test_a_mailer_that_was_killed_sends_what_came_meanwhile(host: VirtualHost, tmp_path: Path) -> None:
    async with a_mailer(host, tmp_path) as mailer:
        await publish(host, *(paid(position) for position in range(1, 101)))
        await mailer.kill()
        await publish(host, *(paid(position) for position in range(101, 111)))
    async with a_mailer(host, tmp_path):
        await has_sent(tmp_path, *(f"{position}.0.eml" for position in range(1, 111)))
        await all_are_acked(host)
