"""The facts of a product's stock."""

from typing import Annotated, ClassVar

from pydantic import Field

from common.values import Message, Money, Name, ProductId, Quantity

StockLevel = Annotated[int, Field(ge=0, le=10**9)]


class InventoryUpdated(Message):
    """What was set; a field that is None stays as it was. `quantity` is the new number on hand."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId
    product_name: Name | None = None
    quantity: StockLevel | None = None
    unit_price: Money | None = None
    low_stock_threshold: StockLevel | None = None


class LowStockDetected(Message):
    """The available quantity fell to the threshold or below, having been above it."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId
    available: StockLevel
    threshold: StockLevel


class StockReserved(Message):
    """Pieces were set aside for a line of an order, at the price they have now."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId
    order_id: str
    reservation_id: str
    quantity: Quantity
    unit_price: Money
    product_name: Name | None = None


class StockReleased(Message):
    """What was set aside, or so many pieces of it, may be had by others again."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId
    order_id: str
    reservation_id: str
    quantity: Quantity


class StockCommitted(Message):
    """What was set aside has left the house."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId
    order_id: str
    reservation_id: str
    quantity: Quantity


InventoryEvent = InventoryUpdated | LowStockDetected | StockReserved | StockReleased | StockCommitted
