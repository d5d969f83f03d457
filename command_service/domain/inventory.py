"""The rules of a product's stock."""

from typing import assert_never

from command_service.domain.decider import Context, Decider
from command_service.domain.inventory_commands import (
    MAX_STOCK,
    AttachInventoryMedia,
    CommitStock,
    CreateInventory,
    InventoryCommand,
    ReleaseStock,
    RemoveInventoryMedia,
    ReserveStock,
    RollbackInventory,
    StockCommand,
    UpdateInventory,
)
from command_service.domain.inventory_state import Inventory, evolve
from command_service.domain.product_rules import changed, is_new_file
from common.errors import CommandRejected, Contradiction, NotFound, UnknownReference
from common.events.inventory import (
    InventoryCreated,
    InventoryEvent,
    InventoryMediaAttached,
    InventoryMediaRemoved,
    InventoryRolledBack,
    InventoryUpdated,
    LowStockDetected,
    StockCommitted,
    StockReleased,
    StockReserved,
)
from common.product_values import MediaFile


def decide(command: InventoryCommand, inventory: Inventory, context: Context) -> tuple[InventoryEvent, ...]:
    product_id = int(context.subject)
    match command:
        case CreateInventory():
            return _create(command, inventory, product_id)
        case UpdateInventory():
            return _update(command, inventory)
        case RollbackInventory():
            return _roll_back(inventory, product_id)
        case AttachInventoryMedia():
            return _attach(command, inventory, product_id)
        case RemoveInventoryMedia():
            return _remove(command, inventory, product_id)
        case ReserveStock() | ReleaseStock() | CommitStock():
            return _move(command, inventory, product_id)
    assert_never(command)


def _create(command: CreateInventory, inventory: Inventory, product_id: int) -> tuple[InventoryEvent, ...]:
    created = InventoryCreated(
        product_id=product_id,
        product_name=command.product_name,
        quantity=command.quantity,
        sku=command.sku,
        unit_price=command.unit_price,
        low_stock_threshold=command.low_stock_threshold,
    )
    if inventory.product_name is None:
        return (created, *_low_stock(inventory, evolve(inventory, created), product_id))
    if created == inventory.created_as:
        return ()
    raise CommandRejected("inventory_exists", f"Product {product_id} has an inventory already.")


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
        product_name=changed(command.product_name, inventory.product_name),
        quantity=changed(quantity, inventory.quantity if inventory.product_name else None),
        unit_price=changed(command.unit_price, inventory.unit_price),
        low_stock_threshold=changed(command.low_stock_threshold, inventory.low_stock_threshold),
        sku=changed(command.sku, inventory.sku),
        status=changed(command.status, inventory.status),
    )
    if updated == InventoryUpdated(product_id=command.product_id):
        return ()
    return (updated, *_low_stock(inventory, evolve(inventory, updated), command.product_id))


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


def _roll_back(inventory: Inventory, product_id: int) -> tuple[InventoryEvent, ...]:
    """What is not there is rolled back quietly: who undoes may not know what was done."""
    if inventory.product_name is None:
        return ()
    if inventory.reservations:
        raise CommandRejected("stock_reserved", f"Of product {product_id}, {inventory.reserved} pieces are reserved.")
    if inventory.sold:
        raise CommandRejected("stock_sold", f"Of product {product_id}, {inventory.sold} pieces were sold.")
    return (InventoryRolledBack(product_id=product_id),)


def _attach(command: AttachInventoryMedia, inventory: Inventory, product_id: int) -> tuple[InventoryEvent, ...]:
    if inventory.product_name is None:
        raise NotFound("unknown_inventory", f"Product {product_id} has no inventory.")
    file = MediaFile(bucket=command.bucket, key=command.key, url=command.url, type=command.type)
    if not is_new_file(file, inventory.files):
        return ()
    return (InventoryMediaAttached(product_id=product_id, file=file),)


def _remove(command: RemoveInventoryMedia, inventory: Inventory, product_id: int) -> tuple[InventoryEvent, ...]:
    """Quiet for what is not there, as a roll-back is."""
    if all(file.name != (command.bucket, command.key) for file in inventory.files):
        return ()
    return (InventoryMediaRemoved(product_id=product_id, bucket=command.bucket, key=command.key),)


def _move(command: StockCommand, inventory: Inventory, product_id: int) -> tuple[InventoryEvent, ...]:
    if command.product_id not in (None, product_id):
        raise Contradiction("another_product", f"This is product {product_id}, not {command.product_id}.")
    match command:
        case ReserveStock():
            return _reserve(command, inventory, product_id)
        case ReleaseStock():
            return _release(command, inventory, product_id)
        case CommitStock():
            return _commit(command, inventory, product_id)
    assert_never(command)


def _reserve(command: ReserveStock, inventory: Inventory, product_id: int) -> tuple[InventoryEvent, ...]:
    if inventory.product_name is None:
        raise UnknownReference("unknown_product", f"There is no product {product_id}.")
    if command.reservation_id in inventory.reservations:
        return ()
    if inventory.status == "INACTIVE":
        raise CommandRejected(
            "inventory_inactive", f"Nothing is reserved of product {product_id} while it is inactive."
        )
    if command.quantity > inventory.available:
        raise CommandRejected(
            "insufficient_stock",
            f"Of product {product_id}, {command.quantity} are wanted and {inventory.available} are available.",
        )
    if inventory.unit_price is None:
        raise CommandRejected("no_price", f"Product {product_id} has no price yet.")
    reserved = StockReserved(
        product_id=product_id,
        order_id=command.order_id,
        reservation_id=command.reservation_id,
        quantity=command.quantity,
        unit_price=inventory.unit_price,
        product_name=inventory.product_name,
    )
    return (reserved, *_low_stock(inventory, evolve(inventory, reserved), product_id))


def _release(command: ReleaseStock, inventory: Inventory, product_id: int) -> tuple[InventoryEvent, ...]:
    reserved = inventory.reservations.get(command.reservation_id)
    if reserved is None:
        return ()
    quantity = min(command.quantity or reserved, reserved)
    return (
        StockReleased(
            product_id=product_id,
            order_id=command.order_id,
            reservation_id=command.reservation_id,
            quantity=quantity,
        ),
    )


def _commit(command: CommitStock, inventory: Inventory, product_id: int) -> tuple[InventoryEvent, ...]:
    quantity = inventory.reservations.get(command.reservation_id)
    if quantity is None:
        raise CommandRejected(
            "unknown_reservation", f"Product {product_id} has no open reservation {command.reservation_id}."
        )
    return (
        StockCommitted(
            product_id=product_id,
            order_id=command.order_id,
            reservation_id=command.reservation_id,
            quantity=quantity,
        ),
    )


INVENTORY: Decider[InventoryCommand, Inventory, InventoryEvent] = Decider(
    context="inventory",
    id_field="product_id",
    initial=Inventory(),
    state=Inventory,
    decide=decide,
    evolve=evolve,
    status=lambda _: None,
)
