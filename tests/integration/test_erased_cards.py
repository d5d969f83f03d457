"""A card that was erased ends its payment; nothing repeats for ever, and what was captured before still counts."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from command_service.sagas.order_fulfilment.plan import NAME
from command_service.sagas.shapes import want_id
from common.envelope import Commit, RecordedEvent
from common.log import open_log
from common.mongo import open_client
from tests.support.ledger import Ledger, a_price
from tests.support.saga_bench import SagaBench, payment_id
from tests.support.system import System, running_system, until

SOON_SECONDS = 20.0


class Desk(SagaBench):
    """A system without sagas at first; `begin` starts them."""

    system: System

    async def begin(self) -> None:
        await self.system.start("saga")

    async def hears(self, order: Commit, event_type: str) -> RecordedEvent:
        """Wait until this event ends the order's stream."""

        async def is_so() -> bool:
            return (await self.last(order)).events[-1].type == event_type

        await until(is_so, seconds=SOON_SECONDS, what=f"the order is told {event_type}")
        return (await self.last(order)).events[-1]

    async def last(self, order: Commit) -> Commit:
        return (await self.log.read_stream(order.stream))[-1]

    async def charge(self, order: Commit) -> None:
        body = {"payment_id": payment_id(order), "amount": a_price(100), "card_token": "tok_approve"}
        async with aiohttp.ClientSession() as http, http.post(self.system.url("payments") + "/charges", json=body) as a:
            assert a.status == 200

    async def captured(self, order: Commit) -> int:
        url = f"{self.system.url('payments')}/charges/{payment_id(order)}"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return (await answer.json())["captured_count"]


@pytest.fixture
async def desk(mongodb_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with (
        running_system(mongodb_url, "", tmp_path, services=["payments", "command"]) as system,
        open_client(mongodb_url, name="desk") as client,
    ):
        database = client[system.events_database]
        made = Desk(Ledger(await open_log(database, partitions=8)), database)
        made.system = system
        yield made


async def test_a_payment_whose_card_is_erased_fails_and_the_order_can_be_paid_again(desk: Desk) -> None:
    order, validated = await desk.validated()
    await desk.requested(validated, card=None)
    await desk.begin()
    assert (await desk.hears(order, "OrderPaymentFailed")).data["code"] == "card_token_erased"
    refusal = await desk.log.find_command(want_id(NAME, order.subject, "initiate", 1))
    assert refusal
    assert refusal.stream == f"saga-{order.subject}"
    await desk.requested(await desk.last(order), attempt=2)
    await desk.hears(order, "OrderPaid")


async def test_a_charge_whose_card_is_erased_before_it_was_asked_for_fails(desk: Desk) -> None:
    order, validated = await desk.validated()
    await desk.requested(validated, card=None)
    await desk.initiated(order, card=None)
    await desk.begin()
    assert (await desk.hears(order, "OrderPaymentFailed")).data["code"] == "not_captured"
    assert await desk.captured(order) == 0


async def test_a_charge_that_was_captured_before_its_card_was_erased_pays_the_order(desk: Desk) -> None:
    order, validated = await desk.validated()
    await desk.requested(validated, card=None)
    await desk.initiated(order, card=None)
    await desk.charge(order)
    await desk.begin()
    await desk.hears(order, "OrderPaid")
    assert await desk.captured(order) == 1
