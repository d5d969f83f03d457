"""A good client that brings things about, so that a command finds what it is for."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

import aiohttp

from tests.fuzz.wishes import PRODUCTS
from tests.support.system import System

WAIT = {"Prefer": "wait=9"}
STOCKED = 1  # a product with an inventory that never ends
Ids = dict[str, str]
"""Placeholder → what is sent in its place."""


class Shopper:
    """Speaks to the gateway; what it asks for must be done."""

    def __init__(self, system: System, http: aiohttp.ClientSession) -> None:
        self._gateway = system.gateway
        self.http = http
        self._numbers = iter(range(10_000, 10**9))

    async def done(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
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

    async def reservation(self) -> Ids:
        found = {"@product@": str(STOCKED), "@order@": str(uuid4()), "@reservation@": str(uuid4())}
        wanted = {"order_id": found["@order@"], "reservation_id": found["@reservation@"], "quantity": 5}
        await self.done("POST", f"inventory/{STOCKED}/reserve", wanted)
        return found


Bring = Callable[[Shopper], Awaitable[Ids]]


async def _nothing_reserved(_: Shopper) -> Ids:
    return {"@product@": str(STOCKED), "@order@": str(uuid4()), "@reservation@": str(uuid4())}


BRINGS: Mapping[str, Bring] = {
    "order.AddOrderItem": lambda shopper: shopper.order("VALIDATED"),
    "order.RemoveOrderItem": lambda shopper: shopper.order("VALIDATED"),
    "order.UpdateShippingAddress": lambda shopper: shopper.order("VALIDATED"),
    "order.UpdateOrderStatus": lambda shopper: shopper.order("SHIPPED"),
    "order.ShipOrder": lambda shopper: shopper.order("PAID"),
    "order.DeliverOrder": lambda shopper: shopper.order("SHIPPED"),
    "order.CompleteOrder": lambda shopper: shopper.order("DELIVERED"),
    "order.CancelOrder": lambda shopper: shopper.order("VALIDATED"),
    "order.RefundOrder": lambda shopper: shopper.order("DELIVERED"),
    "order.DeleteOrder": lambda shopper: shopper.order("CANCELLED"),
    "order.RequestPayment": lambda shopper: shopper.order("VALIDATED"),
    "inventory.UpdateInventory": lambda shopper: shopper.number(),
    "inventory.ReserveStock": _nothing_reserved,
    "inventory.ReleaseStock": lambda shopper: shopper.reservation(),
    "inventory.CommitStock": lambda shopper: shopper.reservation(),
    "inventory.CreateInventory": lambda shopper: shopper.product(),
    "inventory.RollbackInventory": lambda shopper: shopper.product(inventory=True),
    "inventory.AttachInventoryMedia": lambda shopper: shopper.product(inventory=True),
    "inventory.RemoveInventoryMedia": lambda shopper: shopper.product(inventory=True),
    "product.CreateProduct": lambda shopper: shopper.number(),
    **{
        key: lambda shopper: shopper.product()
        for key in (
            *("product.UpdateProduct", "product.ChangePrice", "product.ActivateProduct", "product.RollbackProduct"),
            *("media.CreateMedia", "media.RollbackMedia", "attributes.CreateAttribute"),
            *("attributes.CreateAttributes", "attributes.RollbackAttributes"),
        )
    },
}
"""What must be there before a command can be done, by its routing key."""
