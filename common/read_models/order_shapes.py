"""The shape of an order as people look at it. What stands at its default is left out where the view is stored."""

from datetime import datetime

import msgspec

from common.values import Money

STATUSES = ("PENDING", "VALIDATED", "PAID", "SHIPPED", "DELIVERED", "COMPLETED", "REJECTED", "CANCELLED", "REFUNDED")
AWAITING_STOCK = ("PENDING", "VALIDATED", "PAID")  # what still waits for a product's stock to leave


class OrderLineView(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """`unit_price` and `product_name` are None until the pieces are reserved."""

    product_id: int
    quantity: int
    unit_price: Money | None = None
    product_name: str | None = None


class PaymentView(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The order's latest payment. `status` is REQUESTED, CAPTURED, FAILED or REFUNDED; `code` and `reason` say why."""

    payment_id: str
    status: str
    amount: Money
    method: str = "card"
    code: str | None = None
    reason: str | None = None


class RefundView(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """`status` is REQUESTED or REFUNDED."""

    refund_id: str
    status: str
    amount: Money
    reason: str | None = None


class ShipmentView(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    carrier: str
    tracking_number: str
    tracking_url: str | None = None


class AddressView(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    recipient: str | None = None
    line1: str
    line2: str | None = None
    postal_code: str | None = None
    city: str
    region: str | None = None
    country: str


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    event: str
    timestamp: datetime


class OrderView(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """`total` is None while the lines have no prices; `captured` is what was paid and not given back, None for nothing.

    A product stands in several lines where its pieces were reserved at several prices. `words` are what the order is
    found by in a search.
    """

    order_id: str
    order_number: str
    user_id: int
    user_email: str | None = None
    user_username: str | None = None
    customer_name: str | None = None
    shipping_address: AddressView | None = None
    notes: str | None = None
    status: str
    is_deleted: bool
    items: tuple[OrderLineView, ...]
    item_count: int
    total: Money | None
    captured: Money | None
    refunded: Money | None = None
    is_pending: bool
    placed_at: datetime
    updated_at: datetime
    payment: PaymentView | None = None
    refund: RefundView | None = None  # the latest
    shipment: ShipmentView | None = None
    reject_code: str | None = None
    reject_reason: str | None = None
    cancel_code: str | None = None
    cancel_reason: str | None = None
    words: tuple[str, ...] = ()
    timeline: tuple[TimelineEntry, ...]
