"""What may be wished of a product's stock."""

from typing import Annotated

from pydantic import Field, model_validator

from common.product_values import Bucket, InventoryStatus, MediaType, ObjectKey, Sku, StockLevel
from common.values import Message, Name, Price, ProductId, Quantity, Url, Uuid, with_example

MAX_STOCK = 10**9


class CreateInventory(Message):
    """Begin the inventory of a product, which must have none."""

    product_name: Name
    quantity: StockLevel = 0
    sku: Sku | None = None
    unit_price: Price | None = None
    low_stock_threshold: StockLevel = 0


class UpdateInventory(Message):
    """Set what is given and leave the rest; `quantity` sets the number on hand, `adjust_by` changes it.

    With `product_name` it begins an inventory where there is none.
    """

    model_config = with_example(product_id=456, product_name="Keyboard", quantity=100, unit_price="49.99")

    product_id: ProductId
    product_name: Name | None = None
    quantity: StockLevel | None = None
    adjust_by: Annotated[int, Field(ge=-MAX_STOCK, le=MAX_STOCK)] | None = None
    unit_price: Price | None = None
    low_stock_threshold: StockLevel | None = None
    sku: Sku | None = None
    status: InventoryStatus | None = None

    @model_validator(mode="after")
    def _one_way_to_the_quantity(self) -> "UpdateInventory":
        if self.quantity is not None and self.adjust_by is not None:
            raise ValueError("give either quantity or adjust_by")
        return self


class RollbackInventory(Message):
    """Take the inventory away, and its files; not while anything is reserved of it or was sold."""


class AttachInventoryMedia(Message):
    """Add a file of the inventory, which is in its store already."""

    bucket: Bucket
    key: ObjectKey
    url: Url
    type: MediaType


class RemoveInventoryMedia(Message):
    bucket: Bucket
    key: ObjectKey


class ReserveStock(Message):
    """Set pieces aside for a line of an order; `reservation_id` is by what they are released or committed.

    Take a new one each time: that of a reservation which is over may be taken again, and what is said of it then is
    said of the new one.

    `product_id`, here and below, may be left out where the command is addressed to a product.
    """

    product_id: ProductId | None = None
    order_id: Uuid
    reservation_id: Uuid
    quantity: Quantity


class ReleaseStock(Message):
    """Give back what was set aside, or so many pieces of it."""

    product_id: ProductId | None = None
    order_id: Uuid
    reservation_id: Uuid
    quantity: Quantity | None = None


class CommitStock(Message):
    """What was set aside has left the house."""

    product_id: ProductId | None = None
    order_id: Uuid
    reservation_id: Uuid


StockCommand = ReserveStock | ReleaseStock | CommitStock
InventoryCommand = (
    CreateInventory | UpdateInventory | RollbackInventory | AttachInventoryMedia | RemoveInventoryMedia | StockCommand
)
