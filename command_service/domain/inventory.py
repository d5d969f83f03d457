"""The rules of a product's stock."""

from dataclasses import dataclass, replace
from typing import Annotated, TypeVar, assert_never

from pydantic import Field, model_validator

from command_service.domain.decider import Context, Decider
from common.errors import CommandRejected, UnknownReference
from common.events.inventory import InventoryEvent, InventoryUpdated, LowStockDetected, StockLevel
from common.values import Message, Money, Name, Price, ProductId

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


InventoryCommand = UpdateInventory


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What the rules must know of a product's stock; `product_name` is None before there is one."""

    product_name: str | None = None
    quantity: int = 0
    reserved: int = 0
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


def evolve(inventory: Inventory, event: InventoryEvent) -> Inventory:
    match event:
        case InventoryUpdated():
            return replace(
                inventory,
                product_name=event.product_name or inventory.product_name,
                quantity=inventory.quantity if event.quantity is None else event.quantity,
                unit_price=event.unit_price or inventory.unit_price,
                low_stock_threshold=(
                    inventory.low_stock_threshold if event.low_stock_threshold is None else event.low_stock_threshold
                ),
            )
        case LowStockDetected():
            return inventory
    assert_never(event)


INVENTORY: Decider[InventoryCommand, Inventory, InventoryEvent] = Decider(
    context="inventory",
    id_field="product_id",
    initial=Inventory(),
    decide=decide,
    evolve=evolve,
    status=lambda _: None,
)
