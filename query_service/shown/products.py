"""A product and its parts, as they are shown."""

from typing import Annotated, TypedDict

from msgspec import Meta

from common.read_models.products import AttributeView, CountsView, FileView, StockView
from query_service.shown.values import Amount, Instant, Version


class Product(TypedDict):
    """A product with all that belongs to it."""

    product_id: int
    name: str
    price: Amount | None
    sku: str | None
    category: str | None
    description: str | None
    status: Annotated[str | None, Meta(examples=["ACTIVE"])]
    attributes: list[AttributeView]
    media: list[FileView]
    inventory: StockView | None
    inventory_media: list[FileView]
    counts: CountsView
    rollback_code: str | None
    rollback_reason: str | None
    created_at: Instant | None
    activated_at: Instant | None
    updated_at: Instant
    version: Version


class ProductInventory(TypedDict):
    """The product's inventory with its files; `quantity` is on hand, whether reserved or not."""

    product_id: int
    product_name: str
    sku: str | None
    status: str
    quantity: int
    low_stock_threshold: int
    media: list[FileView]
