"""The rules of a product's stock: the command happens, is refused, stays quiet."""

from command_service.domain.inventory import INVENTORY, UpdateInventory
from common.events.inventory import InventoryUpdated, LowStockDetected
from common.values import Money
from tests.support.rules import given

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
