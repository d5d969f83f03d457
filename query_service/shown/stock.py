"""A product's stock, as it is shown."""

from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

from query_service.shown.orders import OrderStatus
from query_service.shown.values import Amount, Instant, Version


class PendingOrder(TypedDict):
    order_id: str
    quantity: int
    status: OrderStatus
    placed_at: Instant


class Stock(TypedDict):
    """`available_quantity` is the total without what is reserved; customers see no `pending_orders`.

    Of the past nobody is told who waited.
    """

    product_id: int
    product_name: str
    sku: str | None
    status: Annotated[str, Meta(examples=["ACTIVE"])]
    available_quantity: int
    reserved_quantity: int
    total_quantity: int
    sold_quantity: int
    low_stock_threshold: int
    low_stock_alert: bool
    unit_price: Amount | None
    media_count: int
    pending_orders_count: NotRequired[int]
    pending_orders: NotRequired[list[PendingOrder]]
    updated_at: Instant
    version: Version
