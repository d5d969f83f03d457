"""An order, its count and its audit trail, as they are shown."""

from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

from common.read_models.order_shapes import STATUSES
from query_service.shown.values import Amount, Instant, PlainNumber, Version

OrderStatus = Annotated[str, Meta(extra_json_schema={"enum": list(STATUSES)})]


class PostalAddress(TypedDict):
    """What the customer left out is left out."""

    recipient: NotRequired[str]
    line1: str
    line2: NotRequired[str]
    postal_code: NotRequired[str]
    city: str
    region: NotRequired[str]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2.", examples=["DE"])]


class OrderedItem(TypedDict):
    """`unit_price` and `product_name` are null until the pieces are reserved."""

    product_id: int
    product_name: str | None
    quantity: int
    unit_price: Amount | None


class PaymentInfo(TypedDict):
    """The latest payment; an order that was paid elsewhere has its status and what was captured alone."""

    payment_id: NotRequired[str]
    status: Annotated[str, Meta(examples=["CAPTURED"])]
    method: NotRequired[str]
    amount: NotRequired[Amount | None]
    captured: Amount | None
    code: NotRequired[str | None]
    reason: NotRequired[str | None]


class Refund(TypedDict):
    refund_id: str
    status: str
    amount: Amount | None
    reason: str | None


class Shipment(TypedDict):
    carrier: str
    tracking_number: str
    tracking_url: str | None


class TimelineEvent(TypedDict):
    event: Annotated[str, Meta(examples=["OrderPaid"])]
    timestamp: Instant


class Order(TypedDict):
    """An order as people look at it; what is not there yet is null."""

    order_id: str
    order_number: Annotated[str, Meta(examples=["ORD-2026-1207"])]
    user_id: int
    user_email: str | None
    user_username: str | None
    customer_name: str | None
    shipping_address: PostalAddress | None
    notes: str | None
    status: OrderStatus
    is_deleted: bool
    total_amount: PlainNumber
    total: Amount | None
    refunded: Amount | None
    items: list[OrderedItem]
    items_count: int
    payment_info: PaymentInfo | None
    refund: Refund | None
    shipment: Shipment | None
    reject_code: str | None
    reject_reason: str | None
    cancel_code: str | None
    cancel_reason: str | None
    timeline: list[TimelineEvent]
    placed_at: Instant
    created_at: Instant
    updated_at: Instant
    version: Version


class OrderCount(TypedDict):
    """Where `is_exact` is false there are more."""

    count: int
    is_exact: bool


class AuditedEvent(TypedDict):
    """`data` is the event's own, without what is personal."""

    event: str
    schema: int
    data: dict[str, Any]


class AuditedCommit(TypedDict):
    """One accepted command: who, when and why, and what it did."""

    version: int
    position: int
    recorded_at: Instant
    actor: str
    reason: str | None
    command_id: str
    correlation_id: str | None
    causation_id: str | None
    events: list[AuditedEvent]


class FollowedCommit(TypedDict):
    """The same as it happens; `token` is a Consistency-Token. Who did it, and why, is told to staff alone."""

    stream: str
    version: int
    position: int
    recorded_at: Instant
    events: list[AuditedEvent]
    token: str
    reason: NotRequired[str | None]
    actor: NotRequired[str]
    command_id: NotRequired[str]
    correlation_id: NotRequired[str | None]
    causation_id: NotRequired[str | None]
