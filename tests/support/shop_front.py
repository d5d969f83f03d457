"""The system as a shop's front sees it, and what it finds out about its orders."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from tests.support.broker import Broker, virtual_host
from tests.support.system import SERVICES, System, running_system, until

SOON_SECONDS = 20.0


class Shop:
    """Speaks to the gateway; looks into the provider's books."""

    def __init__(self, system: System, http: aiohttp.ClientSession) -> None:
        self.system = system
        self._http = http
        self._products = iter(range(1000, 10_000))

    async def post(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        url = f"{self.system.gateway}/cqrs/commands/{path}"
        async with self._http.post(url, json=body or {}, headers={"Idempotency-Key": uuid4().hex}) as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str) -> dict[str, Any]:
        async with self._http.get(f"{self.system.gateway}/cqrs/queries/{path}") as answer:
            return await answer.json(content_type=None) if answer.status == 200 else {}

    async def stocked(self, quantity: int, price: str | None = "10.00") -> int:
        product_id = next(self._products)
        body = {"product_id": product_id, "product_name": "Thing", "quantity": quantity}
        status, _ = await self.post("inventory", body if price is None else body | {"unit_price": price})
        assert status == 201
        return product_id

    async def ordered(self, *lines: tuple[int, int], user_id: int = 7) -> str:
        items = [{"product_id": product_id, "quantity": quantity} for product_id, quantity in lines]
        status, content = await self.post("orders", {"user_id": user_id, "items": items})
        assert status == 201, content
        return content["order_id"]

    async def becomes(self, order_id: str, status: str, *, seconds: float = SOON_SECONDS) -> dict[str, Any]:
        async def is_so() -> bool:
            return (await self.get(f"orders/{order_id}")).get("status") == status

        await until(is_so, seconds=seconds, what=f"the order is {status}")
        return await self.get(f"orders/{order_id}")

    async def product_is(self, product_id: int, fact: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        async def is_so() -> bool:
            shown = await self.get(f"products/{product_id}")
            return bool(shown) and fact(shown)

        await until(is_so, seconds=SOON_SECONDS, what=what)
        return await self.get(f"products/{product_id}")

    async def pay(self, order_id: str, card: str, amount: str | None = None) -> tuple[int, dict[str, Any]]:
        body = {"order_id": order_id, "card_token": card} | ({} if amount is None else {"amount": amount})
        return await self.post("payments", body)

    async def stock_is(self, product_id: int, *, total: int, reserved: int, sold: int = 0) -> None:
        async def is_so() -> bool:
            stock = await self.get(f"inventory/{product_id}")
            return [stock.get(f"{name}_quantity") for name in ("total", "reserved", "sold")] == [total, reserved, sold]

        await until(is_so, seconds=SOON_SECONDS, what=f"{reserved} of {total} are reserved, {sold} are sold")

    async def told_by_its_saga(self, order_id: str, state: str) -> dict[str, Any]:
        async def is_so() -> bool:
            return (await self.get(f"sagas/{order_id}")).get("state") == state

        await until(is_so, seconds=SOON_SECONDS, what=f"the saga is {state}")
        return await self.get(f"sagas/{order_id}")

    async def books(self) -> dict[str, dict[str, Any]]:
        async with self._http.get(f"{self.system.url('payments')}/books?limit=1000") as answer:
            return {charge["payment_id"]: charge for charge in (await answer.json())["charges"]}


def file(name: str, bucket: str = "shop") -> dict[str, str]:
    return {"bucket": bucket, "key": name, "url": f"https://files.example.org/{name}", "type": "image"}


def a_product(product_id: int, **other: Any) -> dict[str, Any]:
    """The body of a CreateProduct with all that may belong to a product."""
    return {
        "product_id": product_id,
        "name": "Clicky Keyboard",
        "price": "49.99",
        "category": "Keyboards",
        "inventory": {"quantity": 10, "sku": "KB-1", "low_stock_threshold": 2},
        "media": [file("front.png"), file("back.png")],
        "inventory_media": [file("shelf.png")],
        "attributes": [{"key": "colour", "value": "black"}, {"key": "layout", "value": "DE"}],
        **other,
    }


@asynccontextmanager
async def running_shop(
    mongodb_url: str, rabbitmq: Broker, folder: Path, *, services: Iterable[str] = SERVICES, **settings: str
) -> AsyncIterator[Shop]:
    """All services, the sagas among them, with databases and a virtual host of their own."""
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, folder, services=services, **settings) as system,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as http,
    ):
        yield Shop(system, http)
