"""What the console is to show: a shop with customers, whose orders have come differently far."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import aiohttp
import orjson

from tests.support.system import System, until

PRODUCTS = (
    (456, "Keyboard", "49.99", 700),
    (457, "Mouse", "19.50", 800),
    (458, "Monitor 27″", "329.00", 900),
    (459, "Headset", "89.90", 400),
    (460, "Desk lamp", "24.00", 650),
)
CATALOGUE = (
    (501, "Trackball", "79.00", "input"),
    (502, "Graphics tablet", "149.00", "input"),
    (503, "Laptop stand", "39.90", "desk"),
    (504, "Webcam", "64.50", "video"),
)
CUSTOMERS = ("Ada Lovelace", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov", "Alan Kay", "Radia Perlman")
REASONS = ("found it cheaper", "changed my mind", "ordered twice")
SOON_SECONDS = 20.0
Body = Mapping[str, Any]


class Shop:
    """Buys and sells over HTTP, through the gateway."""

    def __init__(self, address: str, http: aiohttp.ClientSession) -> None:
        self.address = address
        self._http = http

    async def command(self, path: str, body: Body, *, method: str = "POST") -> dict[str, Any]:
        headers = {"Idempotency-Key": str(uuid4())}
        url = f"{self.address}/cqrs/commands/{path}"
        async with self._http.request(method, url, json=body, headers=headers) as answer:
            assert answer.status in (200, 201), f"{path}: {await answer.text()}"
            return await answer.json()

    async def get(self, path: str) -> Any:
        async with self._http.get(f"{self.address}/cqrs/{path}") as answer:
            assert answer.status == 200, f"{path}: {await answer.text()}"
            return await answer.json()

    async def stock(self) -> None:
        for product_id, name, price, quantity in PRODUCTS:
            body = {"product_id": product_id, "product_name": name, "quantity": quantity, "unit_price": price}
            await self.command("inventory", body | {"low_stock_threshold": 8})

    async def order(self, number: int = 0, *, quantity: int = 1) -> str:
        customer = number % len(CUSTOMERS)
        items = [{"product_id": PRODUCTS[number % len(PRODUCTS)][0], "quantity": quantity}]
        body = {"user_id": 101 + customer, "customer_name": CUSTOMERS[customer], "items": items}
        return (await self.command("orders", body))["order_id"]

    async def is_at(self, order_id: str, *statuses: str) -> None:
        async def is_there() -> bool:
            async with self._http.get(f"{self.address}/cqrs/queries/orders/{order_id}") as answer:
                return answer.status == 200 and (await answer.json())["status"] in statuses

        await until(is_there, seconds=SOON_SECONDS, what=f"order {order_id} is {' or '.join(statuses)}")

    async def pay(self, order_id: str) -> None:
        await self.is_at(order_id, "VALIDATED")
        await self.command("payments", {"order_id": order_id, "card_token": "tok_approve"})
        await self.is_at(order_id, "PAID")

    async def ship(self, order_id: str) -> None:
        await self.pay(order_id)
        await self.command(f"orders/{order_id}/ship", {"carrier": "DHL", "tracking_number": "00340434161094042557"})
        await self.is_at(order_id, "SHIPPED")

    async def complete(self, order_id: str) -> None:
        await self.ship(order_id)
        for step, status in (("deliver", "DELIVERED"), ("complete", "COMPLETED")):
            await self.command(f"orders/{order_id}/{step}", {})
            await self.is_at(order_id, status)

    async def cancel(self, order_id: str, reason: str) -> None:
        await self.is_at(order_id, "VALIDATED")
        await self.command(f"orders/{order_id}/cancel", {"reason": reason})

    async def trade(self, rounds: int = 3) -> Sequence[str]:
        """Orders of every kind; return those that were completed."""
        orders = [await self.order(number, quantity=1 + number % 2) for number in range(rounds * 6)]
        done, shipped, paid, also_paid, cancelled, _ = (orders[step::6] for step in range(6))
        await asyncio.gather(
            *map(self.complete, done),
            *map(self.ship, shipped),
            *map(self.pay, (*paid, *also_paid)),
            *(self.cancel(order, REASONS[at % len(REASONS)]) for at, order in enumerate(cancelled)),
        )
        return done

    async def import_orders(self, source: str, numbers: Iterable[int]) -> None:
        """Orders that were completed elsewhere."""
        lines = [
            {
                "source": source,
                "line_number": number,
                "user_id": 7000 + number % 50,
                "placed_at": "2026-10-05T09:30:00Z",
            }
            | {"item_count": 1, "total": "12.00"}
            for number in numbers
        ]
        headers = {"Content-Type": "application/x-ndjson"}
        url, body = f"{self.address}/cqrs/commands/orders/import", b"\n".join(map(orjson.dumps, lines))
        async with self._http.post(url, data=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    async def catalogue(self) -> None:
        """Products with all that belongs to them."""
        for product_id, name, price, category in CATALOGUE:
            body = {"product_id": product_id, "name": name, "price": price, "category": category}
            parts = {"sku": f"SKU-{product_id}", "inventory": {"quantity": 40}}
            await self.command("products", body | parts | {"description": f"{name}, as seen in the shop."})


async def open_shop(system: System, http: aiohttp.ClientSession) -> Shop:
    shop = Shop(system.gateway, http)
    await shop.stock()
    await shop.catalogue()
    return shop
