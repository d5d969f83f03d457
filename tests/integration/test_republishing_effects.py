"""What was told again happens to none of ours twice: not in views, sagas, the provider's books, or the log."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from common.mongo import open_client
from tests.support.broker import Broker
from tests.support.cqrs import Cqrs
from tests.support.shop_front import Shop, running_shop
from tests.support.system import MESSAGE_KEY, until

PARTITIONS = 8
MIRROR = "mirror"
MOVING = {"leases", "turns", "relay", "progress", "verified"}  # what changes while nothing happens
SOON_SECONDS = 30.0
State = dict[str, Any]


@pytest.fixture(scope="module")
async def shop(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """An order that was paid and shipped, one that was given back, one that waits."""
    async with running_shop(mongodb_url, rabbitmq, tmp_path_factory.mktemp("republishing")) as shop:
        keyboard = await shop.stocked(100, "1.00")
        shipped, given_back, waiting = [await shop.ordered((keyboard, 1)) for _ in range(3)]
        for order_id in (shipped, given_back, waiting):
            await shop.becomes(order_id, "VALIDATED")
        for order_id in (shipped, given_back):
            assert (await shop.pay(order_id, "tok_approve", "1.00"))[0] == 200
            await shop.becomes(order_id, "PAID")
        assert (await shop.post(f"orders/{shipped}/ship", {"carrier": "DHL", "tracking_number": "1"}))[0] == 200
        assert (await shop.post(f"orders/{given_back}/cancel", {"reason": "changed my mind"}))[0] == 200
        await shop.becomes(given_back, "REFUNDED")
        await shop.stock_is(keyboard, total=99, reserved=1, sold=1)
        await shop.system.settled()
        yield shop


async def state_of(shop: Shop) -> State:
    """Every document but those of MOVING, and the provider's books."""
    found: State = {"books": await shop.books()}
    async with open_client(shop.system.mongodb_url, name="test") as client:
        for database in (shop.system.events_database, shop.system.views_database):
            for name in sorted(set(await client[database].list_collection_names()) - MOVING):
                found[f"{database}.{name}"] = await client[database][name].find({}, sort=[("_id", 1)]).to_list()
    return found


async def counted(shop: Shop, service: str, group: str, kind: str) -> float:
    line = f'leveret_feed_messages_total{{group="{group}",kind="{kind}"}}'
    async with shop.system.http() as http, http.get(shop.system.url(service) + "/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return sum(float(found.rsplit(" ", 1)[1]) for found in lines if found.startswith(line))


def cqrs(shop: Shop, folder: Path) -> Cqrs:
    of_system = {"AMQP_URL": shop.system.amqp_url, "EVENTS_DATABASE": shop.system.events_database}
    return Cqrs(
        data=folder, env=of_system | {"EVENTS_MONGODB_URL": shop.system.mongodb_url, "MESSAGE_KEY": MESSAGE_KEY}
    )


def number_of_events(state: State, shop: Shop) -> int:
    return sum(len(commit["events"]) for commit in state[f"{shop.system.events_database}.commits"])


async def test_the_whole_log_told_again_to_others_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    before = await state_of(shop)
    said = await asyncio.to_thread(
        cqrs(shop, tmp_path).does, "events", "republish", "--to-queue", "analytics", "--declare"
    )
    assert f"{number_of_events(before, shop)} events" in said
    assert await state_of(shop) == before


async def test_what_comes_to_our_own_queues_all_the_same_is_acked_counted_and_changes_nothing(
    shop: Shop, tmp_path: Path
) -> None:
    """Somebody has bound them to an exchange of his, which no name can tell."""
    before = await state_of(shop)
    events = number_of_events(before, shop)
    async with await aio_pika.connect(shop.system.amqp_url) as connection:
        channel = await connection.channel()
        mirror = await channel.declare_exchange(MIRROR, aio_pika.ExchangeType.TOPIC, durable=True)
        queues = [f"{group}.p{n}" for group in ("views", "sagas") for n in range(PARTITIONS)]
        for name in (*queues, "commands"):
            queue = await channel.declare_queue(name, passive=True)
            await queue.bind(mirror, f"{name.rpartition('.')[2]}.#" if name != "commands" else "#")
        await asyncio.to_thread(cqrs(shop, tmp_path).does, "events", "republish", "--to-exchange", MIRROR)

        async def are_counted() -> bool:
            told = [
                await counted(shop, service, group, "replayed")
                for service, group in (("projector", "views"), ("saga", "sagas"))
            ]
            return told == [events, events]

        async def are_acked() -> bool:
            left = [await channel.declare_queue(name, passive=True) for name in (*queues, "commands")]
            return not sum(queue.declaration_result.message_count or 0 for queue in left)

        await until(are_counted, seconds=SOON_SECONDS, what="both groups have counted every replay")
        await until(are_acked, seconds=SOON_SECONDS, what="nothing waits")
        assert await _refused_commands(shop) == events
        await shop.system.settled()
        assert await state_of(shop) == before


async def _refused_commands(shop: Shop) -> float:
    line = 'leveret_command_messages_total{outcome="unknown_command"}'
    async with shop.system.http() as http, http.get(shop.system.url("command") + "/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return sum(float(found.rsplit(" ", 1)[1]) for found in lines if found.startswith(line))
