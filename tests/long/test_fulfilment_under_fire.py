"""Thousands of orders with every kind of card, while whoever fulfils them is killed every two seconds.

`UNDER_FIRE_ORDERS` says how many orders (5,000 without it), `UNDER_FIRE_SEED` with which chance.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pymongo import AsyncMongoClient

from common.read_models.storage import A_SAGA
from payments.charges import Card
from tests.support import naive
from tests.support.client import Client, History
from tests.support.servers import own_mongod, own_rabbitmq
from tests.support.system import SERVICES, System, running_system, until

ORDERS = int(os.environ.get("UNDER_FIRE_ORDERS", "5000"))
CLIENTS = 60
USERS = 500
PLENTY, SCARCE = range(1, 21), range(21, 24)
PAYMENT_SECONDS = 30
KILLED = ("saga", "payments", "command", "projector")
PAUSE_SECONDS = 2.0  # between two kills
LOSSES = (9, 18, 36, 72)  # after so many kills what the sagas know is lost: the longer the log, the longer it takes
PATIENCE_SECONDS = PAYMENT_SECONDS + 60.0  # of a client, for what others do
REST_SECONDS = PAYMENT_SECONDS + 120.0
LOOK_SECONDS = 0.3
MOST_CHARGES = 1000  # of one page of the books
ENDED = ("REJECTED", "CANCELLED", "REFUNDED")
Documents = list[dict[str, Any]]


@pytest.mark.timeout(3600)
async def test_stock_money_and_orders_agree_whoever_was_killed(tmp_path: Path) -> None:
    seed = int(os.environ.get("UNDER_FIRE_SEED") or random.randrange(10**6))
    print("seed", seed)
    async with _burning_shop(tmp_path, random.Random(seed)) as shop:
        await shop.sell(ORDERS)
        await until(shop.is_at_rest, seconds=REST_SECONDS, what="every saga is over or waits for a person")
        await shop.system.settled()
        await shop.check()


class BurningShop:
    def __init__(self, system: System, http: aiohttp.ClientSession, mongo: AsyncMongoClient, chance: random.Random):
        self.system = system
        self.history = History()
        self._http = http
        self._client = Client(http, system.gateway, self.history)
        self._events, self._views = mongo[system.events_database], mongo[system.views_database]
        self._chance = chance
        self._kills = 0

    async def sell(self, orders: int) -> None:
        for product_id in (*PLENTY, *SCARCE):
            stock = {"product_id": product_id, "product_name": "Thing", "unit_price": f"{product_id}.99"}
            await self._client.command("inventory", stock | {"quantity": 10**6 if product_id in PLENTY else 20})
        numbers = iter(range(orders))
        killing = asyncio.create_task(self._kill())
        async with asyncio.TaskGroup() as buying:
            for _ in range(CLIENTS):
                buying.create_task(self._buy_while(numbers))
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
        await self.system.start(*(set(KILLED) - set(self.system.running)))

    async def _kill(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)  # the fault's schedule
            name = KILLED[self._kills % len(KILLED)]
            self._kills += 1
            await self.system.kill(name)
            await self.system.start(name)
            if self._kills in LOSSES:
                await self._lose_sagas()

    async def _lose_sagas(self) -> None:
        """As by an accident, with their checkpoints or without: they are folded again from the log (S2)."""
        await self._events["sagas"].delete_many({})
        if self._chance.random() < 0.5:
            await self._events["checkpoints"].delete_many({"group": "sagas"})

    async def _buy_while(self, numbers: Any) -> None:
        for _ in numbers:
            await self._buy()

    async def _buy(self) -> None:
        chance = self._chance
        products = [*chance.sample(PLENTY, chance.randint(1, 3)), *([chance.choice(SCARCE)] * (chance.random() < 0.1))]
        lines = [{"product_id": product_id, "quantity": chance.randint(1, 5)} for product_id in products]
        placed = await self._client.command("orders", {"user_id": chance.randint(1, USERS), "items": lines})
        assert placed, self.history.refused[-1]
        order_id = placed.content["order_id"]
        if chance.random() < 0.05:
            await self._do(order_id, "cancel")
        if chance.random() < 0.05 or await self._becomes(order_id, "VALIDATED", *ENDED) in ENDED:
            return
        await self._pay(order_id, chance.choice(list(Card)))
        if chance.random() < 0.1:
            await self._do(order_id, "cancel")
        if await self._is_paid(order_id):
            await self._after_payment(order_id)

    async def _after_payment(self, order_id: str) -> None:
        draw = self._chance.random()
        if draw < 0.2:
            await self._do(order_id, "cancel")
        elif draw < 0.6:
            await self._do(order_id, "ship", {"carrier": "DHL", "tracking_number": "1"})
        if 0.2 <= draw < 0.4:
            await self._do(order_id, "deliver")
            await self._do(order_id, "complete")

    async def _pay(self, order_id: str, card: Card) -> None:
        await self._client.command("payments", {"order_id": order_id, "card_token": card.value})

    async def _is_paid(self, order_id: str) -> bool:
        """A declined card is followed by a good one."""

        async def has_outcome() -> bool:
            view = await self._view(order_id)
            return view["status"] != "VALIDATED" or (view["payment"] or {}).get("status") == "FAILED"

        await self._until(has_outcome, order_id)
        if (await self._view(order_id))["status"] == "VALIDATED":
            await self._pay(order_id, Card.APPROVED)
            await self._becomes(order_id, "PAID", *ENDED)
        return (await self._view(order_id))["status"] == "PAID"

    async def _do(self, order_id: str, what: str, body: dict[str, Any] | None = None) -> None:
        await self._client.command(f"orders/{order_id}/{what}", body or {})

    async def _becomes(self, order_id: str, *statuses: str) -> str:
        async def is_so() -> bool:
            return (await self._view(order_id)).get("status") in statuses

        await self._until(is_so, order_id)
        return (await self._view(order_id))["status"]

    async def _until(self, fact: Any, order_id: str) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while not await fact():
            assert asyncio.get_running_loop().time() < deadline, await self._events["sagas"].find_one({"_id": order_id})
            await asyncio.sleep(LOOK_SECONDS)

    async def _view(self, order_id: str) -> dict[str, Any]:
        return await self._views["orders"].find_one({"_id": order_id}, {"status": 1, "payment": 1}) or {}

    async def is_at_rest(self) -> bool:
        """As many sagas as orders; none has an open want, is stuck, or waits for a payment."""
        sagas, events = self._events["sagas"], self._events["commits"]
        restless = {"$or": [{"is_open": True}, {"state_word": "stuck"}, {"waits_for": "payment"}]}
        placed = await events.count_documents({"events.type": "OrderInitiated"})
        return await sagas.count_documents(A_SAGA) == placed and not await sagas.count_documents(restless)

    async def check(self) -> None:
        commits = await self._events["commits"].find().sort("_id", 1).to_list()
        orders = {order["_id"]: order for order in await self._views["orders"].find().to_list()}
        print(Counter(order["status"] for order in orders.values()), Counter(self.history.refused))
        print(f"{self._kills} kills, {len(commits)} commits, {self.history.unknown} unknown", flush=True)
        assert len(orders) == ORDERS
        self._check_acknowledged(commits)
        await self._check_sagas(orders)
        await self._check_money(commits, orders)
        await self._check_stock(commits, orders)
        url, names = self.system.mongodb_url, (self.system.events_database, self.system.views_database)
        await asyncio.to_thread(naive.check, url, *names)

    def _check_acknowledged(self, commits: Documents) -> None:
        """O1: what was acknowledged is in the log, at the position that was told."""
        positions = {commit["command_id"]: commit["_id"] for commit in commits}
        lost = [ack for ack in self.history.acks if ack.changed and positions.get(ack.command_id) != ack.position]
        assert lost == []

    async def _check_sagas(self, orders: dict[str, Any]) -> None:
        waits = {"PAID": "shipment", "SHIPPED": "delivery", "DELIVERED": "completion"}
        async for saga in self._events["sagas"].find(A_SAGA):
            status = orders[saga["_id"]]["status"]
            word = "running" if status in waits else "over"
            assert (saga["state_word"], saga["waits_for"]) == (word, waits.get(status)), saga
            assert saga["state"]["status"] == status, saga

    async def _check_money(self, commits: Documents, orders: dict[str, Any]) -> None:
        """O5: of every order the provider has what the view says."""
        of = {data["payment_id"]: data["order_id"] for data in _told(commits, "PaymentInitiated")}
        kept: Counter[str] = Counter()
        for charge in await self._books():
            moved = (charge["captured_count"], charge["refunded_count"])
            assert moved in ((0, 0), (1, 0), (1, 1)), charge
            assert charge["payment_id"] in of, "the provider was asked for what is not in the log"
            kept[of[charge["payment_id"]]] += (charge["amount"] or 0) * (moved[0] - moved[1])
        for order_id, order in orders.items():
            assert kept[order_id] == (order["captured"] or {"amount": 0})["amount"], order
            assert not kept[order_id] or (order["status"] not in ENDED and kept[order_id] == order["total"]["amount"])

    async def _check_stock(self, commits: Documents, orders: dict[str, Any]) -> None:
        """O4, O9: what is reserved is reserved for orders that are paid and have not left."""
        live = {data["reservation_id"]: data for data in _told(commits, "StockReserved")}
        for closing in ("StockReleased", "StockCommitted"):
            for data in _told(commits, closing):
                del live[data["reservation_id"]]
        reserved: Counter[int] = Counter()
        for data in live.values():
            assert orders[data["order_id"]]["status"] == "PAID", data
            reserved[data["product_id"]] += data["quantity"]
        sold: Counter[int] = Counter()
        for data in _told(commits, "StockCommitted"):
            sold[data["product_id"]] += data["quantity"]
        async for product in self._views["inventory"].find():
            assert 0 <= product["reserved_quantity"] <= product["total_quantity"], product
            assert product["reserved_quantity"] == reserved[product["_id"]], product
            assert product["sold_quantity"] == sold[product["_id"]], product

    async def _books(self) -> Documents:
        charges: Documents = []
        after: int | None = 0
        while after is not None:
            url = f"{self.system.url('payments')}/books?limit={MOST_CHARGES}&after={after}"
            async with self._http.get(url) as answer:
                page = await answer.json()
            charges += page["charges"]
            after = page["next"]
        return charges


def _told(commits: Documents, event_type: str) -> list[dict[str, Any]]:
    return [told["data"] for commit in commits for told in commit["events"] if told["type"] == event_type]


@asynccontextmanager
async def _burning_shop(folder: Path, chance: random.Random) -> AsyncIterator[BurningShop]:
    async with (
        own_mongod(folder / "mongodb") as mongod,
        own_rabbitmq(folder / "rabbitmq") as rabbitmq,
        running_system(
            mongod.url,
            rabbitmq.url,
            folder,
            services=SERVICES,
            PAYMENT_SECONDS=str(PAYMENT_SECONDS),
            PAYMENTS_HOLD_SECONDS="1",
        ) as system,
        aiohttp.ClientSession() as http,
        AsyncMongoClient[dict[str, Any]](mongod.url, tz_aware=True) as mongo,
    ):
        yield BurningShop(system, http, mongo, chance)
