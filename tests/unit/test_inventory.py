"""The rules of a product's stock: the command happens, is refused, stays quiet."""

from typing import Any

import pytest

from command_service.domain.inventory import INVENTORY
from command_service.domain.inventory_commands import (
    AttachInventoryMedia,
    CreateInventory,
    RemoveInventoryMedia,
    RollbackInventory,
    UpdateInventory,
)
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
from common.product_values import MAX_FILES
from common.values import Money
from tests.support.product_facts import IN_STOCK, SHELF, WITH_INVENTORY_MEDIA, a_file
from tests.support.rules import SUBJECT, given

PRICE = Money(amount=4999, currency="EUR")


def a_stock(quantity: int = 100, threshold: int = 5) -> InventoryUpdated:
    return InventoryUpdated(
        product_id=456, product_name="Keyboard", quantity=quantity, unit_price=PRICE, low_stock_threshold=threshold
    )


def update(**fields: object) -> UpdateInventory:
    return UpdateInventory.model_validate({"product_id": 456, **fields})


def test_an_inventory_begins_with_a_name() -> None:
    command = update(product_name="Keyboard", quantity=100, unit_price="49.99", low_stock_threshold=5)
    given(INVENTORY).when(command).then(a_stock())


def test_only_what_changes_is_said() -> None:
    given(INVENTORY, a_stock()).when(update(quantity=70, product_name="Keyboard")).then(
        InventoryUpdated(product_id=456, quantity=70)
    )


def test_a_stock_is_adjusted() -> None:
    given(INVENTORY, a_stock()).when(update(adjust_by=-10)).then(InventoryUpdated(product_id=456, quantity=90))


def test_falling_to_the_threshold_is_detected_once() -> None:
    low = InventoryUpdated(product_id=456, quantity=5)
    given(INVENTORY, a_stock()).when(update(quantity=5)).then(
        low, LowStockDetected(product_id=456, available=5, threshold=5)
    )
    given(INVENTORY, a_stock(), low).when(update(quantity=4)).then(InventoryUpdated(product_id=456, quantity=4))


def test_an_unknown_product_without_a_name_is_refused() -> None:
    given(INVENTORY).when(update(quantity=1)).rejects("unknown_product")


def test_a_stock_cannot_fall_below_what_is_reserved() -> None:
    given(INVENTORY, a_stock()).when(update(adjust_by=-101)).rejects("below_reserved")


def test_a_stock_has_a_limit() -> None:
    given(INVENTORY, a_stock()).when(update(adjust_by=10**9)).rejects("too_much_stock")


def test_what_is_so_already_is_not_said_again() -> None:
    given(INVENTORY, a_stock()).when(update(quantity=100, unit_price="49.99")).stays_quiet()


def test_the_sku_and_the_status_are_set() -> None:
    set_ = InventoryUpdated(product_id=456, sku="KB-456", status="INACTIVE")
    given(INVENTORY, a_stock()).when(update(sku="KB-456", status="INACTIVE")).then(set_)
    given(INVENTORY, a_stock(), set_).when(update(status="ACTIVE")).then(
        InventoryUpdated(product_id=456, status="ACTIVE")
    )


def test_an_inventory_is_active_until_somebody_says_otherwise() -> None:
    given(INVENTORY, a_stock()).when(update(status="ACTIVE")).stays_quiet()


def create(**changes: Any) -> CreateInventory:
    said = IN_STOCK.model_dump(exclude={"product_id", "unit_price"}) | {"unit_price": "49.99"}
    return CreateInventory.model_validate(said | changes)


def test_an_inventory_is_created() -> None:
    given(INVENTORY).when(create()).then(IN_STOCK)


def test_an_inventory_that_is_created_empty_is_low() -> None:
    empty = InventoryCreated(product_id=456, product_name="Keyboard", quantity=0, low_stock_threshold=0)
    given(INVENTORY).when(CreateInventory(product_name="Keyboard")).then(
        empty, LowStockDetected(product_id=456, available=0, threshold=0)
    )


@pytest.mark.parametrize("facts", [(IN_STOCK,), (a_stock(),)], ids=["created", "begun by setting it"])
def test_a_product_has_one_inventory(facts: tuple[Any, ...]) -> None:
    given(INVENTORY, *facts).when(create(quantity=99)).rejects("inventory_exists")


def test_the_same_inventory_is_created_once_whatever_became_of_it() -> None:
    given(INVENTORY, IN_STOCK).when(create()).stays_quiet()
    given(INVENTORY, IN_STOCK, InventoryUpdated(product_id=456, quantity=3)).when(create()).stays_quiet()


ABOUT: dict[str, Any] = {"product_id": 456, "order_id": SUBJECT, "reservation_id": SUBJECT, "quantity": 3}
RESERVED = StockReserved(**ABOUT, unit_price=PRICE)
GONE = InventoryRolledBack(product_id=456)


@pytest.mark.parametrize(
    "facts", [(IN_STOCK,), (a_stock(),), (IN_STOCK, RESERVED, StockReleased(**ABOUT))], ids=["made", "set", "released"]
)
def test_an_inventory_is_rolled_back(facts: tuple[Any, ...]) -> None:
    given(INVENTORY, *facts).when(RollbackInventory()).then(GONE)


def test_an_inventory_that_is_needed_is_not_rolled_back() -> None:
    given(INVENTORY, IN_STOCK, RESERVED).when(RollbackInventory()).rejects("stock_reserved")
    given(INVENTORY, IN_STOCK, RESERVED, StockCommitted(**ABOUT)).when(RollbackInventory()).rejects("stock_sold")


@pytest.mark.parametrize("facts", [(), (IN_STOCK, GONE)], ids=["never there", "rolled back"])
def test_an_inventory_that_is_not_there_is_rolled_back_quietly(facts: tuple[Any, ...]) -> None:
    given(INVENTORY, *facts).when(RollbackInventory()).stays_quiet()


def test_after_a_rollback_an_inventory_may_begin_again_without_what_it_had() -> None:
    given(INVENTORY, IN_STOCK, WITH_INVENTORY_MEDIA, GONE).when(create()).then(IN_STOCK)
    given(INVENTORY, IN_STOCK, WITH_INVENTORY_MEDIA, GONE).when(remove()).stays_quiet()
    given(INVENTORY, IN_STOCK, GONE).when(update(quantity=1)).rejects("unknown_product")


def attach(**changes: Any) -> AttachInventoryMedia:
    return AttachInventoryMedia.model_validate(SHELF.model_dump() | changes)


def remove() -> RemoveInventoryMedia:
    return RemoveInventoryMedia(bucket=SHELF.bucket, key=SHELF.key)


def test_a_file_is_attached_to_an_inventory() -> None:
    given(INVENTORY, IN_STOCK).when(attach()).then(WITH_INVENTORY_MEDIA)


def test_a_file_is_not_attached_to_what_is_not_there_nor_over_another_nor_beyond_the_limit() -> None:
    given(INVENTORY).when(attach()).rejects("unknown_inventory")
    given(INVENTORY, IN_STOCK, WITH_INVENTORY_MEDIA).when(attach(type="video")).rejects("media_exists")
    many = [InventoryMediaAttached(product_id=456, file=a_file(str(n))) for n in range(MAX_FILES)]
    given(INVENTORY, IN_STOCK, *many).when(attach()).rejects("too_many_media")


def test_a_file_that_is_attached_is_not_attached_again() -> None:
    given(INVENTORY, IN_STOCK, WITH_INVENTORY_MEDIA).when(attach()).stays_quiet()


def test_a_file_of_an_inventory_is_removed() -> None:
    given(INVENTORY, IN_STOCK, WITH_INVENTORY_MEDIA).when(remove()).then(
        InventoryMediaRemoved(product_id=456, bucket=SHELF.bucket, key=SHELF.key)
    )


def test_a_file_that_is_not_there_is_removed_quietly() -> None:
    given(INVENTORY).when(remove()).stays_quiet()
    given(INVENTORY, IN_STOCK).when(remove()).stays_quiet()
