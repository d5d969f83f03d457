"""What the rules must know of a product's stock: how its events make it."""

from typing import assert_never

import msgspec
from immutables import Map
from msgspec.structs import replace

from common.events.inventory import (
    InventoryCreated,
    InventoryEvent,
    InventoryMediaAttached,
    InventoryMediaRemoved,
    InventoryRolledBack,
    InventoryUpdated,
    LowStockDetected,
    StockCommitted,
    StockEvent,
    StockReleased,
    StockReserved,
)
from common.product_values import InventoryStatus, MediaFile
from common.values import Money


class Inventory(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the rules must know of a product's stock; `product_name` is None where there is no inventory.

    `reservations` are the quantities of the open ones by their id, `reserved` is their sum. A product in demand has
    thousands of them: the map shares its structure with the one before, so that no event copies it.
    """

    product_name: str | None = None
    created_as: InventoryCreated | None = None
    quantity: int = 0
    reserved: int = 0
    sold: int = 0
    reservations: Map[str, int] = msgspec.field(default_factory=Map)
    unit_price: Money | None = None
    low_stock_threshold: int = 0
    sku: str | None = None
    status: InventoryStatus = "ACTIVE"
    files: tuple[MediaFile, ...] = ()

    @property
    def available(self) -> int:
        return self.quantity - self.reserved

    @property
    def is_low(self) -> bool:
        return self.available <= self.low_stock_threshold


def evolve(inventory: Inventory, event: InventoryEvent) -> Inventory:
    match event:
        case InventoryCreated():
            return _created(event)
        case InventoryUpdated():
            return _updated(inventory, event)
        case InventoryRolledBack():
            return Inventory()
        case InventoryMediaAttached() | InventoryMediaRemoved():
            return replace(inventory, files=_files(inventory, event))
        case LowStockDetected():
            return inventory
        case StockReserved() | StockReleased() | StockCommitted():
            return _moved(inventory, event)
    assert_never(event)


def _created(event: InventoryCreated) -> Inventory:
    return Inventory(
        product_name=event.product_name,
        created_as=event,
        quantity=event.quantity,
        unit_price=event.unit_price,
        low_stock_threshold=event.low_stock_threshold,
        sku=event.sku,
    )


def _updated(inventory: Inventory, event: InventoryUpdated) -> Inventory:
    threshold = event.low_stock_threshold
    return replace(
        inventory,
        product_name=event.product_name or inventory.product_name,
        quantity=inventory.quantity if event.quantity is None else event.quantity,
        unit_price=event.unit_price or inventory.unit_price,
        low_stock_threshold=inventory.low_stock_threshold if threshold is None else threshold,
        sku=event.sku or inventory.sku,
        status=event.status or inventory.status,
    )


def _files(inventory: Inventory, event: InventoryMediaAttached | InventoryMediaRemoved) -> tuple[MediaFile, ...]:
    if isinstance(event, InventoryMediaAttached):
        return (*inventory.files, event.file)
    return tuple(file for file in inventory.files if file.name != (event.bucket, event.key))


def _moved(inventory: Inventory, event: StockEvent) -> Inventory:
    match event:
        case StockReserved():
            return replace(
                inventory,
                reserved=inventory.reserved + event.quantity,
                reservations=inventory.reservations.set(event.reservation_id, event.quantity),
            )
        case StockReleased():
            return _closed(inventory, event)
        case StockCommitted():
            return replace(
                _closed(inventory, event),
                quantity=inventory.quantity - event.quantity,
                sold=inventory.sold + event.quantity,
            )
    assert_never(event)


def _closed(inventory: Inventory, event: StockReleased | StockCommitted) -> Inventory:
    """Without so many pieces of the reservation."""
    reservations, left = inventory.reservations, inventory.reservations[event.reservation_id] - event.quantity
    rest = reservations.set(event.reservation_id, left) if left else reservations.delete(event.reservation_id)
    return replace(inventory, reserved=inventory.reserved - event.quantity, reservations=rest)
