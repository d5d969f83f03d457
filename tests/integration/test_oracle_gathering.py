"""The judge looks at a real system: right after a kill it finds nothing wrong, and then what was damaged by hand."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from pymongo import AsyncMongoClient

from common.consistency import read_token
from payments.charges import Card
from tests.chaos.history import Record
from tests.chaos.oracle import judge
from tests.chaos.oracle.gathering import gather, look
from tests.chaos.oracle.tally import count
from tests.support.broker import Broker, virtual_host
from tests.support.shop_front import SOON_SECONDS
from tests.support.system import SERVICES, System, running_system, until

PRODUCT = {"product_id": 1, "product_name": "Thing", "quantity": 12, "unit_price": "4.99"}
CLIENTS = 6


class Recorder:
    """A client that writes down what it sees, and carries its token along."""

    def __init__(self, http: aiohttp.ClientSession, system: System, proc: int, records: list[Record]) -> None:
        self._http, self._gateway = http, system.gateway
        self.proc, self._records = proc, records
        self._token: str | None = None

    async def command(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        url, key = f"{self._gateway}/cqrs/commands/{path}", uuid4().hex
        begin_ns = time.monotonic_ns()
        async with self._http.post(url, json=body, headers={"Idempotency-Key": key}) as answer:
            told = await answer.json(content_type=None)
        known = {name: told.get(name) for name in ("command_id", "version", "position", "partition", "changed")}
        self._token = told.get("token", self._token)
        self._note(path.rpartition("/")[2], key, begin_ns, answer.status, **known)
        return told

    async def read(self, order_id: str) -> dict[str, Any]:
        path, begin_ns = f"/cqrs/queries/orders/{order_id}", time.monotonic_ns()
        async with self._http.get(self._gateway + path, headers={"Consistency-Token": self._token or ""}) as answer:
            body = await answer.json(content_type=None)
        position = int(answer.headers["Projection-Position"]) if answer.status == 200 else None
        seen = {"version": body.get("version"), "position": position, "token": read_token(self._token)}
        self._note("read", path, begin_ns, answer.status, body=body, **seen)
        return body

    def _note(self, op: str, key: str, begin_ns: int, status: int, **seen: Any) -> None:
        verdict = "ok" if status < 300 else "fail" if status < 500 else "info"
        span = {"invoke_ns": begin_ns, "complete_ns": time.monotonic_ns()}
        self._records.append(Record(proc=self.proc, op=op, key=key, type=verdict, status=status, **span, **seen))


@pytest.fixture
async def system(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    folder = tmp_path_factory.mktemp("judged")
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, folder, services=SERVICES, PAYMENTS_HOLD_SECONDS="1") as running,
    ):
        yield running


async def test_a_system_is_judged_by_what_it_left_behind(system: System) -> None:
    records: list[Record] = []
    async with aiohttp.ClientSession() as http:
        await Recorder(http, system, 0, records).command("inventory", PRODUCT)
        shopping = [_shop(Recorder(http, system, number, records)) for number in range(1, CLIENTS + 1)]
        await asyncio.gather(*shopping[:3], _kill_the_sagas(system))
        earlier = await look(system)
        await asyncio.gather(*shopping[3:])
    await _is_at_rest(system)
    facts = await gather(system, records=records, earlier=earlier)
    assert judge(facts) == []
    tally = count(facts)
    assert (tally.ok, tally.lost, tally.doubled, len(facts.books or ())) == (1 + 3 * CLIENTS, 0, 0, CLIENTS)
    await _damage(system)
    damaged = await gather(system, records=records, earlier=earlier)
    assert {violation.rule for violation in judge(damaged)} == {"O3", "O5", "O6"}


async def _shop(client: Recorder) -> None:
    """Order, pay with a card of any kind, and ship or cancel."""
    order = await client.command("orders", {"user_id": client.proc, "product_id": 1, "quantity": 2})
    order_id = order["order_id"]
    await _becomes(client, order_id, "VALIDATED")
    card = (Card.APPROVED, Card.FLAKY, Card.SLOW)[client.proc % 3]
    await client.command("payments", {"order_id": order_id, "card_token": card.value})
    await _becomes(client, order_id, "PAID")
    if client.proc % 2:
        await client.command(f"orders/{order_id}/ship", {"carrier": "DHL", "tracking_number": "1"})
    else:
        await client.command(f"orders/{order_id}/cancel", {})


async def _becomes(client: Recorder, order_id: str, status: str) -> None:
    async def is_so() -> bool:
        return (await client.read(order_id)).get("status") == status

    await until(is_so, seconds=SOON_SECONDS, what=f"the order is {status}")


async def _kill_the_sagas(system: System) -> None:
    await system.kill("saga")
    await system.start("saga")


async def _is_at_rest(system: System) -> None:
    async def is_so() -> bool:
        return not judge(await gather(system, records=()))

    await until(is_so, seconds=SOON_SECONDS, what="nothing is left to be done")


async def _damage(system: System) -> None:
    async with AsyncMongoClient[dict[str, Any]](system.mongodb_url) as mongo:
        orders = mongo[system.views_database]["orders"]
        await orders.update_one({"status": "SHIPPED"}, {"$inc": {"captured.amount": 1}})
