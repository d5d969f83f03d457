"""A good client that brings things about, so that a command finds what it is for."""

import asyncio
from collections.abc import Mapping
from random import choice
from typing import Any
from uuid import uuid4

import aiohttp

from projector.generations.known import OLD, READY
from tests.fuzz.wishes import PRODUCTS
from tests.support.system import System, until

WAIT = {"Prefer": "wait=9"}
STOCKED = 1  # a product with an inventory that never ends
BUILT_SECONDS = 120.0  # a builder starts when nobody else needs the machine
REBUILT = ("inventory", "products")
DROPPED = "inventory"  # while it is built
KEPT_TWICE = "orders"  # now one generation is shown, now the other
KEPT = {READY, OLD}  # generations that can be shown
Ids = dict[str, str]
"""Placeholder → what is sent in its place."""


class Shopper:
    """Speaks to the gateway; what it asks for must be done."""

    def __init__(self, system: System, http: aiohttp.ClientSession) -> None:
        self._gateway = system.gateway
        self.http = http
        self._numbers = iter(range(10_000, 10**9))

    async def done(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for _ in range(20):  # what the sagas do at the same time may be in the way for a moment
            url = f"{self._gateway}/cqrs/commands/{path}"
            async with self.http.request(method, url, json=body, headers=WAIT) as answer:
                told = await answer.json(content_type=None)
                if answer.status < 300:
                    return told
            await asyncio.sleep(0.1)
        raise AssertionError(f"{method} {path} was answered {told}")

    async def stocked(self) -> None:
        for product_id in PRODUCTS:
            stock = {"product_id": product_id, "product_name": "Lamp", "quantity": 10**8, "unit_price": "5.00"}
            await self.done("POST", "inventory", stock)
            product = {"product_id": product_id, "name": "Lamp", "price": "5.00"}
            await self.done("POST", "products", product)

    async def order(self, status: str) -> Ids:
        """One that has just got there."""
        body = {"user_id": 1, "items": [{"product_id": number, "quantity": 2} for number in (1, 2)]}
        order_id = (await self.done("POST", "orders", body))["order_id"]
        found = {"@order@": order_id, "@payment@": str(uuid4())}
        if status == "CANCELLED":
            await self.done("POST", f"orders/{order_id}/cancel", {})
        if status in ("PAID", "SHIPPED", "DELIVERED"):
            await self.done("POST", "payments", {"order_id": order_id, "card_token": "tok_approve"})
        if status in ("SHIPPED", "DELIVERED"):
            await self.done("POST", f"orders/{order_id}/ship", {"carrier": "DHL", "tracking_number": "1"})
        if status == "DELIVERED":
            await self.done("POST", f"orders/{order_id}/deliver", {})
            found["@payment@"] = (await self.shown(order_id))["payment_info"]["payment_id"]
        return found

    async def shown(self, order_id: str) -> dict[str, Any]:
        async with self.http.get(f"{self._gateway}/cqrs/queries/orders/{order_id}") as answer:
            return await answer.json()

    async def number(self) -> Ids:
        """Of a product that is not there yet."""
        return {"@product@": str(next(self._numbers))}

    async def product(self, *, inventory: bool = False) -> Ids:
        found = await self.number()
        product_id = int(found["@product@"])
        await self.done("POST", "products", {"product_id": product_id, "name": "Lamp", "price": "5.00"})
        if inventory:
            await self.done("POST", f"products/{product_id}/inventory", {"product_name": "Lamp", "quantity": 9})
        return found

    async def nothing_reserved(self) -> Ids:
        return {"@product@": str(STOCKED), "@order@": str(uuid4()), "@reservation@": str(uuid4())}

    async def reservation(self) -> Ids:
        found = await self.nothing_reserved()
        wanted = {"order_id": found["@order@"], "reservation_id": found["@reservation@"], "quantity": 5}
        await self.done("POST", f"inventory/{STOCKED}/reserve", wanted)
        return found

    async def model(self) -> Ids:
        return {"@model@": choice(REBUILT)}

    async def generation(self) -> Ids:
        """One that is being built and will not be shown."""
        asked = await self._ops("POST", f"projections/{DROPPED}/rebuild", {"switch": False})
        return {"@model@": DROPPED, "@generation@": asked["generation"].partition("@")[2]}

    async def former_generation(self) -> Ids:
        await until(self._is_kept, seconds=BUILT_SECONDS, what=f"{KEPT_TWICE} is built anew")
        return {"@model@": KEPT_TWICE}

    async def nothing_is_built(self) -> bool:
        projections = (await self._ops("GET", "projections"))["data"]
        return {g["state"] for projection in projections for g in projection["generations"]} <= KEPT

    async def _is_kept(self) -> bool:
        """Whether there is another generation that can be shown; it is asked for until there is."""
        told = await self._ops("GET", f"projections/{KEPT_TWICE}")
        if any(generation["state"] in KEPT for generation in told["generations"]):
            return True
        await self._ops("POST", f"projections/{KEPT_TWICE}/rebuild", {})
        return False

    async def _ops(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        async with self.http.request(method, f"{self._gateway}/cqrs/ops/{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()
