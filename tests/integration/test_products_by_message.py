"""Products by message, on real servers; and commands by message that wait for the log, or that nobody delivers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from command_service.messages import consuming
from command_service.messages.replying import Replies
from command_service.messages.settling import Settling
from common.access.door import Door
from common.tasks import end
from tests.support.appending import Service
from tests.support.broker import Broker, virtual_host
from tests.support.memory_log import MemoryLog, Store
from tests.support.muffled_broker import muffled
from tests.support.sender import DEAD, Sender, a_sender
from tests.support.shop_front import SOON_SECONDS, Shop, a_product, running_shop
from tests.support.system import running_system, until

PRODUCT_IDS = iter(range(40_000, 50_000))
MORE_THAN_IN_HAND = 20  # the broker keeps them back, and so can tell that something waits
WATCHDOG_SECONDS = 60.0  # what it waits for, a new session, and the work


@pytest.fixture(scope="module")
async def shop(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with running_shop(mongodb_url, rabbitmq, tmp_path_factory.mktemp("by_message")) as shop:
        yield shop


@pytest.fixture
async def sender(shop: Shop) -> AsyncIterator[Sender]:
    async with a_sender(shop.system.amqp_url) as sender:
        await becomes(sender.consumers, 1, what="commands are consumed")
        yield sender


async def becomes(ask: Callable[[], Awaitable[int]], number: int, *, what: str) -> None:
    async def is_so() -> bool:
        return await ask() == number

    await until(is_so, seconds=SOON_SECONDS, what=what)


def a_new_product(**other: Any) -> dict[str, Any]:
    return a_product(next(PRODUCT_IDS), **other)


async def offered(shop: Shop, product_id: int) -> dict[str, Any]:
    return await shop.product_is(product_id, lambda shown: shown["status"] == "ACTIVE", "the product is offered")


# products


async def test_a_product_that_was_created_by_message_gets_all_that_belongs_to_it(shop: Shop, sender: Sender) -> None:
    body = a_new_product()
    reply = await sender.ask("product.CreateProduct", body)
    assert (reply.status, reply.content["product_id"]) == (201, body["product_id"])
    shown = await offered(shop, body["product_id"])
    assert shown["counts"] == {"attributes": 2, "media": 2, "inventory_media": 1}
    assert (shown["inventory"]["quantity"], shown["inventory"]["sku"]) == (10, "KB-1")
    saga = await shop.told_by_its_saga(f"product_onboarding:{body['product_id']}", "over")
    assert {step["outcome"] for step in saga["steps"]} == {"accepted"}


async def test_a_product_and_its_stock_are_changed_by_message(shop: Shop, sender: Sender) -> None:
    product_id = (await sender.ask("product.CreateProduct", a_new_product())).content["product_id"]
    await offered(shop, product_id)
    about = {"product_id": product_id}
    for key, body, headers in (
        ("product.UpdateProduct", {"name": "Quiet Keyboard"}, about),
        ("inventory.UpdateInventory", {"product_id": product_id, "adjust_by": 5}, {}),
        ("attributes.CreateAttribute", {"key": "wireless", "value": "no"}, about),
        ("media.RollbackMedia", {"bucket": "shop", "key": "back.png"}, {"product_id": str(product_id)}),
    ):
        reply = await sender.ask(key, body, headers=headers)
        assert (reply.status, reply.content["product_id"], reply.content["changed"]) == (200, product_id, True), key

    def is_changed(shown: dict[str, Any]) -> bool:
        """The last of the four is in the view, and so are those before it."""
        return shown["counts"]["media"] == 1

    shown = await shop.product_is(product_id, is_changed, "a file is gone")
    assert (shown["name"], shown["inventory"]["quantity"]) == ("Quiet Keyboard", 15)
    assert {"key": "wireless", "value": "no"} in shown["attributes"]
    assert shown["counts"] == {"attributes": 3, "media": 1, "inventory_media": 1}


async def test_the_same_product_again_is_the_same_answer_or_nothing_new(shop: Shop, sender: Sender) -> None:
    body, sent = a_new_product(), {"message_id": uuid4().hex, "app_id": "catalogue"}
    first, again = [await sender.ask("product.CreateProduct", body, **sent) for _ in range(2)]
    assert (first.content, again.headers["replayed"]) == (again.content, True)
    shown = await offered(shop, body["product_id"])
    other = await sender.ask("product.CreateProduct", body)
    assert (other.status, other.content["changed"]) == (200, False)
    assert (await shop.get(f"products/{body['product_id']}"))["counts"] == shown["counts"]


async def test_what_a_product_does_not_allow_is_refused_by_message(shop: Shop, sender: Sender) -> None:
    body = a_new_product()
    product_id = (await sender.ask("product.CreateProduct", body)).content["product_id"]
    await offered(shop, product_id)
    nobody = {"product_id": next(PRODUCT_IDS)}
    for key, asked, headers, status, code in (
        ("product.CreateProduct", body | {"name": "Lamp"}, {}, 409, "product_exists"),
        ("product.CreateProduct", body | {"price": 5}, {}, 422, "invalid_body"),
        ("product.UpdateProduct", {"name": "Lamp"}, nobody, 404, "unknown_product"),
        ("product.UpdateProduct", {"name": "Lamp"}, {}, 400, "missing_id"),
        ("product.UpdateProduct", {"name": "Lamp"}, {"product_id": "first"}, 400, "invalid_id"),
        ("inventory.UpdateInventory", {"product_id": product_id, "adjust_by": -11}, {}, 409, "below_reserved"),
        ("inventory.CreateInventory", {"product_name": "Lamp"}, {"product_id": product_id}, 409, "inventory_exists"),
    ):
        reply = await sender.ask(key, asked, headers=headers)
        assert (reply.status, reply.content["code"]) == (status, code), reply.content


# commands that wait


@asynccontextmanager
async def consumed(url: str, log: MemoryLog) -> AsyncIterator[None]:
    """Commands are taken for this log, in this process."""
    service, replies = Service(log, log.info), Replies(url)
    settling = Settling(service.handler, replies, Door(None), deadline_seconds=0.2)
    work = asyncio.create_task(consuming.Consuming(url, settling, log.head).run())
    try:
        yield
    finally:
        await end(work)
        await replies.close()
        await service.end()


async def test_what_waits_too_long_for_the_log_is_given_back_and_taken_again_when_the_log_answers(
    rabbitmq: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So long, that another process whose log is not away may have it, and that no broker cuts us off."""
    monkeypatch.setattr(consuming, "HOLD_SECONDS", 0.5)
    monkeypatch.setattr(consuming, "LOOK_SECONDS", 0.1)
    log = MemoryLog(Store())
    async with virtual_host(rabbitmq) as host, a_sender(host.url) as sender:
        async with consumed(host.url, log):
            await becomes(sender.consumers, 1, what="commands are consumed")
            log.is_cut = True
            sent = [await planned(sender, product_id) for product_id in (7, 8)]
            await becomes(sender.consumers, 0, what="the session was given up")
            await becomes(sender.ready, 2, what="both are given back")
            assert [sender.answers(one) for one in sent] == [0, 0]
            assert log.store.head == 0
            log.is_cut = False
            assert [(await sender.answer(one)).status for one in sent] == [201, 201]
            assert log.store.head == 2
        assert [await sender.ready(queue) for queue in ("commands", DEAD)] == [0, 0]


async def test_a_queue_that_answers_and_delivers_nothing_is_left_for_a_new_session(
    mongodb_url: str, rabbitmq: Broker, tmp_path: Path
) -> None:
    async with (
        virtual_host(rabbitmq) as host,
        muffled(host.url) as way,
        running_system(mongodb_url, way.url, tmp_path, services=("command",)),
        a_sender(host.url) as sender,
    ):
        await becomes(sender.consumers, 1, what="commands are consumed")
        sent = [await planned(sender, n) for n in range(1, consuming.PREFETCH + MORE_THAN_IN_HAND + 1)]
        answers = [await sender.answer(one, seconds=WATCHDOG_SECONDS) for one in sent]
        assert {reply.status for reply in answers} == {201}
        assert (way.consumers, way.swallowed) == (2, consuming.PREFETCH)
        assert len({reply.content["position"] for reply in answers}) == len(sent)


async def planned(sender: Sender, product_id: int) -> str:
    body = {"product_id": product_id, "product_name": "Lamp", "quantity": 3}
    return await sender.send_with_reply("inventory.UpdateInventory", body)
