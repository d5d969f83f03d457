"""The rules of a product's stock."""

from typing import Annotated, TypeVar, assert_never

import msgspec
from immutables import Map
from msgspec.structs import replace
from pydantic import Field, model_validator

from command_service.domain.decider import Context, Decider
from common.errors import CommandRejected, UnknownReference
from common.events.inventory import (
    InventoryEvent,
    InventoryUpdated,
    LowStockDetected,
    StockCommitted,
    StockLevel,
    StockReleased,
    StockReserved,
)
from common.values import Message, Money, Name, Price, ProductId, Quantity, Uuid

MAX_STOCK = 10**9
T = TypeVar("T")


class UpdateInventory(Message):
    """Set what is given and leave the rest; `quantity` sets the number on hand, `adjust_by` changes it."""

    product_id: ProductId
    product_name: Name | None = None
    quantity: StockLevel | None = None
    adjust_by: Annotated[int, Field(ge=-MAX_STOCK, le=MAX_STOCK)] | None = None
    unit_price: Price | None = None
    low_stock_threshold: StockLevel | None = None

    @model_validator(mode="after")
    def _one_way_to_the_quantity(self) -> "UpdateInventory":
        if self.quantity is not None and self.adjust_by is not None:
            raise ValueError("give either quantity or adjust_by")
        return self


class ReserveStock(Message):
    """Set pieces aside for a line of an order; `reservation_id` is by what they are released or committed."""

    product_id: ProductId
    order_id: Uuid
    reservation_id: Uuid
    quantity: Quantity


class ReleaseStock(Message):
    """Give back what was set aside, or so many pieces of it."""

    product_id: ProductId
    order_id: Uuid
    reservation_id: Uuid
    quantity: Quantity | None = None


class CommitStock(Message):
    """What was set aside has left the house."""

    product_id: ProductId
    order_id: Uuid
    reservation_id: Uuid


InventoryCommand = UpdateInventory | ReserveStock | ReleaseStock | CommitStock


class Inventory(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the rules must know of a product's stock; `product_name` is None before there is one.

    `reservations` are the quantities of the open ones by their id, `reserved` is their sum. A product in demand has
    thousands of them: the map shares its structure with the one before, so that no event copies it.
    """

    product_name: str | None = None
    quantity: int = 0
    reserved: int = 0
    reservations: Map[str, int] = msgspec.field(default_factory=Map)
    unit_price: Money | None = None
    low_stock_threshold: int = 0

    @property
    def available(self) -> int:
        return self.quantity - self.reserved

    @property
    def is_low(self) -> bool:
        return self.available <= self.low_stock_threshold


def decide(command: InventoryCommand, inventory: Inventory, context: Context) -> tuple[InventoryEvent, ...]:
    match command:
        case UpdateInventory():
            return _update(command, inventory)
        case ReserveStock():
            return _reserve(command, inventory)
        case ReleaseStock():
            return _release(command, inventory)
        case CommitStock():
            return _commit(command, inventory)
    assert_never(command)


def _update(command: UpdateInventory, inventory: Inventory) -> tuple[InventoryEvent, ...]:
    if inventory.product_name is None and command.product_name is None:
        raise UnknownReference(
            "unknown_product",
            f"There is no product {command.product_id} yet; give product_name to begin its inventory.",
        )
    quantity = command.quantity if command.adjust_by is None else inventory.quantity + command.adjust_by
    if quantity is not None:
        _check_quantity(quantity, inventory)
    updated = InventoryUpdated(
        product_id=command.product_id,
        product_name=_changed(command.product_name, inventory.product_name),
        quantity=_changed(quantity, inventory.quantity if inventory.product_name else None),
        unit_price=_changed(command.unit_price, inventory.unit_price),
        low_stock_threshold=_changed(command.low_stock_threshold, inventory.low_stock_threshold),
    )
    if updated == InventoryUpdated(product_id=command.product_id):
        return ()
    return (updated, *_low_stock(inventory, evolve(inventory, updated), command.product_id))


def _changed(wanted: T | None, current: T | None) -> T | None:
    return None if wanted == current else wanted


def _check_quantity(quantity: int, inventory: Inventory) -> None:
    if quantity < inventory.reserved:
        raise CommandRejected(
            "below_reserved", f"{inventory.reserved} pieces are reserved; the stock cannot be {quantity}."
        )
    if quantity > MAX_STOCK:
        raise CommandRejected("too_much_stock", f"A stock is at most {MAX_STOCK} pieces.")


def _low_stock(before: Inventory, after: Inventory, product_id: int) -> tuple[InventoryEvent, ...]:
    was_low = before.product_name is not None and before.is_low
    if was_low or not after.is_low:
        return ()
    return (LowStockDetected(product_id=product_id, available=after.available, threshold=after.low_stock_threshold),)


def _reserve(command: ReserveStock, inventory: Inventory) -> tuple[InventoryEvent, ...]:
    if inventory.product_name is None:
        raise UnknownReference("unknown_product", f"There is no product {command.product_id}.")
    if command.reservation_id in inventory.reservations:
        return ()
    if command.quantity > inventory.available:
        raise CommandRejected(
            "insufficient_stock",
            f"Of product {command.product_id}, {command.quantity} are wanted and {inventory.available} are available.",
        )
    if inventory.unit_price is None:
        raise CommandRejected("no_price", f"Product {command.product_id} has no price yet.")
    reserved = StockReserved(
        product_id=command.product_id,
        order_id=command.order_id,
        reservation_id=command.reservation_id,
        quantity=command.quantity,
        unit_price=inventory.unit_price,
        product_name=inventory.product_name,
    )
    return (reserved, *_low_stock(inventory, evolve(inventory, reserved), command.product_id))


def _release(command: ReleaseStock, inventory: Inventory) -> tuple[InventoryEvent, ...]:
    reserved = inventory.reservations.get(command.reservation_id)
    if reserved is None:
        return ()
    quantity = min(command.quantity or reserved, reserved)
    return (
        StockReleased(
            product_id=command.product_id,
            order_id=command.order_id,
            reservation_id=command.reservation_id,
            quantity=quantity,
        ),
    )


def _commit(command: CommitStock, inventory: Inventory) -> tuple[InventoryEvent, ...]:
    quantity = inventory.reservations.get(command.reservation_id)
    if quantity is None:
        raise CommandRejected(
            "unknown_reservation", f"Product {command.product_id} has no open reservation {command.reservation_id}."
        )
    return (
        StockCommitted(
            product_id=command.product_id,
            order_id=command.order_id,
            reservation_id=command.reservation_id,
            quantity=quantity,
        ),
    )


def evolve(inventory: Inventory, event: InventoryEvent) -> Inventory:
    match event:
        case InventoryUpdated():
            return _updated(inventory, event)
        case StockReserved():
            return replace(
                inventory,
                reserved=inventory.reserved + event.quantity,
                reservations=inventory.reservations.set(event.reservation_id, event.quantity),
            )
        case StockReleased():
            return _closed(inventory, event)
        case StockCommitted():
            return replace(_closed(inventory, event), quantity=inventory.quantity - event.quantity)
        case LowStockDetected():
            return inventory
    assert_never(event)


def _updated(inventory: Inventory, event: InventoryUpdated) -> Inventory:
    threshold = event.low_stock_threshold
    return replace(
        inventory,
        product_name=event.product_name or inventory.product_name,
        quantity=inventory.quantity if event.quantity is None else event.quantity,
        unit_price=event.unit_price or inventory.unit_price,
        low_stock_threshold=inventory.low_stock_threshold if threshold is None else threshold,
    )


def _closed(inventory: Inventory, event: StockReleased | StockCommitted) -> Inventory:
    """Without so many pieces of the reservation."""
    reservations, left = inventory.reservations, inventory.reservations[event.reservation_id] - event.quantity
    rest = reservations.set(event.reservation_id, left) if left else reservations.delete(event.reservation_id)
    return replace(inventory, reserved=inventory.reserved - event.quantity, reservations=rest)


INVENTORY: Decider[InventoryCommand, Inventory, InventoryEvent] = Decider(
    context="inventory",
    id_field="product_id",
    initial=Inventory(),
    decide=decide,
    evolve=evolve,
    status=lambda _: None,
)
