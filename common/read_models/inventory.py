"""A product's stock as people look at it, and how many orders wait for it."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from common.events import Event
from common.events.inventory import (
    InventoryCreated,
    InventoryMediaAttached,
    InventoryMediaRemoved,
    InventoryRolledBack,
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
    """`status` is ACTIVE, INACTIVE, or ROLLED_BACK where there is no inventory any more."""

    product_id: int
    product_name: str
    total_quantity: int = 0
    reserved_quantity: int = 0
    sold_quantity: int = 0  # what has left the house
    unit_price: Money | None = None
    low_stock_threshold: int = 0
    sku: str | None = None
    status: str = "ACTIVE"
    media_count: int = 0
    updated_at: datetime

    @property
    def available_quantity(self) -> int:
        return self.total_quantity - self.reserved_quantity

    @property
    def low_stock_alert(self) -> bool:
        return self.available_quantity <= self.low_stock_threshold


def project(inventory: InventoryView | None, event: Event, told: Told) -> InventoryView:
    match event:
        case InventoryCreated():
            return _created(event, told)
        case InventoryUpdated():
            return _updated(inventory, event, told)
        case InventoryRolledBack() if inventory:
            return _rolled_back(inventory, told)
        case InventoryMediaAttached() | InventoryMediaRemoved() if inventory:
            more = 1 if isinstance(event, InventoryMediaAttached) else -1
            return replace(inventory, media_count=inventory.media_count + more, updated_at=told.recorded_at)
        case LowStockDetected() if inventory:
            return replace(inventory, updated_at=told.recorded_at)
    return _traded(inventory, event, told)


def _traded(inventory: InventoryView | None, event: Event, told: Told) -> InventoryView:
    match event:
        case StockReserved() if inventory:
            return _moved(inventory, told, reserved=event.quantity)
        case StockReleased() if inventory:
            return _moved(inventory, told, reserved=-event.quantity)
        case StockCommitted() if inventory:
            return _moved(inventory, told, reserved=-event.quantity, sold=event.quantity)
    raise ValueError(f"{type(event).__name__} says nothing about this inventory")


def _created(event: InventoryCreated, told: Told) -> InventoryView:
    return InventoryView(
        product_id=event.product_id,
        product_name=event.product_name,
        total_quantity=event.quantity,
        unit_price=event.unit_price,
        low_stock_threshold=event.low_stock_threshold,
        sku=event.sku,
        updated_at=told.recorded_at,
    )


def _rolled_back(inventory: InventoryView, told: Told) -> InventoryView:
    return InventoryView(
        product_id=inventory.product_id,
        product_name=inventory.product_name,
        status="ROLLED_BACK",
        updated_at=told.recorded_at,
    )


def _updated(inventory: InventoryView | None, event: InventoryUpdated, told: Told) -> InventoryView:
    before = inventory
    if before is None or before.status == "ROLLED_BACK":  # it begins, or begins again
        before = InventoryView(
            product_id=event.product_id, product_name=event.product_name or "", updated_at=told.recorded_at
        )
    threshold = before.low_stock_threshold if event.low_stock_threshold is None else event.low_stock_threshold
    return replace(
        before,
        product_name=event.product_name or before.product_name,
        total_quantity=before.total_quantity if event.quantity is None else event.quantity,
        unit_price=event.unit_price or before.unit_price,
        low_stock_threshold=threshold,
        sku=event.sku or before.sku,
        status=event.status or before.status,
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
