"""A product's stock as people look at it, and how many orders wait for it."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from common.events import Event
from common.events.inventory import (
    InventoryUpdated,
    LowStockDetected,
    StockCommitted,
    StockReleased,
    StockReserved,
)
from common.read_models.shapes import ReadModel, Summary, Told
from common.values import Money

PRODUCT_DEMAND = Summary(of="product_demand", fields=("product_id",), is_shared=True)
"""`pending_orders` per product and partition of the orders."""


class InventoryView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    product_id: int
    product_name: str
    total_quantity: int = 0
    reserved_quantity: int = 0
    sold_quantity: int = 0  # what has left the house
    unit_price: Money | None = None
    low_stock_threshold: int = 0
    updated_at: datetime

    @property
    def available_quantity(self) -> int:
        return self.total_quantity - self.reserved_quantity

    @property
    def low_stock_alert(self) -> bool:
        return self.available_quantity <= self.low_stock_threshold


def project(inventory: InventoryView | None, event: Event, told: Told) -> InventoryView:
    match event:
        case InventoryUpdated():
            return _updated(inventory, event, told)
        case LowStockDetected() if inventory:
            return replace(inventory, updated_at=told.recorded_at)
        case StockReserved() if inventory:
            return _moved(inventory, told, reserved=event.quantity)
        case StockReleased() if inventory:
            return _moved(inventory, told, reserved=-event.quantity)
        case StockCommitted() if inventory:
            return _moved(inventory, told, reserved=-event.quantity, sold=event.quantity)
    raise ValueError(f"{type(event).__name__} says nothing about this inventory")


def _updated(inventory: InventoryView | None, event: InventoryUpdated, told: Told) -> InventoryView:
    before = inventory or InventoryView(
        product_id=event.product_id, product_name=event.product_name or "", updated_at=told.recorded_at
    )
    threshold = before.low_stock_threshold if event.low_stock_threshold is None else event.low_stock_threshold
    return replace(
        before,
        product_name=event.product_name or before.product_name,
        total_quantity=before.total_quantity if event.quantity is None else event.quantity,
        unit_price=event.unit_price or before.unit_price,
        low_stock_threshold=threshold,
        updated_at=told.recorded_at,
    )


def _moved(inventory: InventoryView, told: Told, *, reserved: int, sold: int = 0) -> InventoryView:
    return replace(
        inventory,
        total_quantity=inventory.total_quantity - sold,
        reserved_quantity=inventory.reserved_quantity + reserved,
        sold_quantity=inventory.sold_quantity + sold,
        updated_at=told.recorded_at,
    )


INVENTORY = ReadModel(
    collection="inventory",
    context="inventory",
    key=int,
    view=InventoryView,
    project=project,
)
