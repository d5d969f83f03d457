"""The facts of a product's stock."""

from typing import ClassVar

from common.product_values import Bucket, InventoryStatus, MediaFile, ObjectKey, Sku, StockLevel
from common.values import Message, Money, Name, ProductId, Quantity


class InventoryCreated(Message):
    """There is an inventory of the product, with so many pieces on hand."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId
    product_name: Name
    quantity: StockLevel
    sku: Sku | None = None
    unit_price: Money | None = None
    low_stock_threshold: StockLevel


class InventoryUpdated(Message):
    """What was set; a field that is None stays as it was. `quantity` is the new number on hand."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId
    product_name: Name | None = None
    quantity: StockLevel | None = None
    unit_price: Money | None = None
    low_stock_threshold: StockLevel | None = None
    sku: Sku | None = None
    status: InventoryStatus | None = None


class InventoryRolledBack(Message):
    """There is no inventory of the product any more, nor are there files of it."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId


class InventoryMediaAttached(Message):
    schema_version: ClassVar[int] = 1

    product_id: ProductId
    file: MediaFile


class InventoryMediaRemoved(Message):
    schema_version: ClassVar[int] = 1

    product_id: ProductId
    bucket: Bucket
    key: ObjectKey


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


StockEvent = StockReserved | StockReleased | StockCommitted
InventoryEvent = (
    InventoryCreated
    | InventoryUpdated
    | InventoryRolledBack
    | InventoryMediaAttached
    | InventoryMediaRemoved
    | LowStockDetected
    | StockEvent
)
