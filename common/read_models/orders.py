"""An order as people look at it, and what it adds to the user's, the day's and the product's sums."""

from datetime import datetime
from typing import assert_never

import msgspec
from msgspec.structs import replace

from common.events import Event
from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderImported,
    OrderInitiated,
    OrderPaid,
    OrderPaymentFailed,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
    PaymentRequested,
)
from common.read_models.inventory import PRODUCT_DEMAND
from common.read_models.order_statistics import DAYS
from common.read_models.shapes import Contribution, Index, ReadModel, SummaryKey, Told
from common.read_models.users import USER_PRODUCTS, USERS
from common.values import Money

_AWAITING_STOCK = frozenset({"PENDING", "VALIDATED", "PAID"})  # what still waits for a product's stock to leave


class OrderLineView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    product_id: int
    quantity: int
    unit_price: Money | None = None


class PaymentView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The order's latest payment. `status` is REQUESTED, CAPTURED, FAILED or REFUNDED; `code` and `reason` say why."""

    payment_id: str
    status: str
    amount: Money
    code: str | None = None
    reason: str | None = None


class ShipmentView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    carrier: str
    tracking_number: str
    tracking_url: str | None = None


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    event: str
    timestamp: datetime


class OrderView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`total` is None until the lines have prices; `captured` is what was paid and not given back, None for nothing."""

    order_id: str
    order_number: str
    user_id: int
    user_email: str | None
    status: str
    items: tuple[OrderLineView, ...]
    item_count: int
    total: Money | None
    captured: Money | None
    is_pending: bool
    placed_at: datetime
    updated_at: datetime
    payment: PaymentView | None = None
    shipment: ShipmentView | None = None
    reject_code: str | None = None
    reject_reason: str | None = None
    cancel_reason: str | None = None
    timeline: tuple[TimelineEntry, ...]


def project(order: OrderView | None, event: Event, told: Told) -> OrderView:
    match event:
        case OrderInitiated():
            return _initiated(event, told)
        case OrderImported():
            return _imported(event, told)
        case _ if order is None:
            raise ValueError(f"{type(event).__name__} comes before the order")
        case PaymentRequested() | OrderPaid() | OrderPaymentFailed() | OrderRefunded():
            return _paying(order, event, told)
    return _moved(order, event, told)


def _initiated(event: OrderInitiated, told: Told) -> OrderView:
    return OrderView(
        order_id=event.order_id,
        order_number=_number(told, told.recorded_at),
        user_id=event.user_id,
        user_email=event.personal.email,
        status="PENDING",
        items=tuple(OrderLineView(product_id=line.product_id, quantity=line.quantity) for line in event.items),
        item_count=sum(line.quantity for line in event.items),
        total=None,
        captured=None,
        is_pending=True,
        placed_at=told.recorded_at,
        updated_at=told.recorded_at,
        timeline=(_entry(told),),
    )


def _imported(event: OrderImported, told: Told) -> OrderView:
    return OrderView(
        order_id=event.order_id,
        order_number=_number(told, event.placed_at),
        user_id=event.user_id,
        user_email=None,
        status="COMPLETED",
        items=tuple(OrderLineView(product_id=line.product_id, quantity=line.quantity) for line in event.items),
        item_count=event.item_count,
        total=event.paid,
        captured=event.paid,
        is_pending=False,
        placed_at=event.placed_at,
        updated_at=told.recorded_at,
        timeline=(_entry(told),),
    )


def _paying(
    order: OrderView, event: PaymentRequested | OrderPaid | OrderPaymentFailed | OrderRefunded, told: Told
) -> OrderView:
    match event:
        case PaymentRequested():
            payment = PaymentView(payment_id=event.payment_id, status="REQUESTED", amount=event.amount)
            return replace(_entered(order, order.status, told), payment=payment)
        case OrderPaymentFailed():
            payment = order.payment and replace(order.payment, status="FAILED", code=event.code, reason=event.reason)
            return replace(_entered(order, order.status, told), payment=payment)
        case OrderPaid():
            payment = PaymentView(payment_id=event.payment_id, status="CAPTURED", amount=event.amount)
            return replace(_entered(order, "PAID", told), payment=payment, captured=event.amount)
        case OrderRefunded():
            payment = PaymentView(payment_id=event.payment_id, status="REFUNDED", amount=event.amount)
            return replace(_entered(order, "REFUNDED", told), payment=payment, captured=_left(order, event.amount))
    assert_never(event)


def _left(order: OrderView, refunded: Money) -> Money | None:
    amount = 0 if order.captured is None else order.captured.amount - refunded.amount
    return Money(amount=amount, currency=refunded.currency) if amount > 0 else None


def _moved(order: OrderView, event: Event, told: Told) -> OrderView:
    match event:
        case OrderValidated():
            return _validated(order, event, told)
        case OrderRejected():
            return replace(_entered(order, "REJECTED", told), reject_code=event.code, reject_reason=event.reason)
        case OrderShipped():
            return _shipped(order, event, told)
        case OrderDelivered():
            return _entered(order, "DELIVERED", told)
        case OrderCompleted():
            return _entered(order, "COMPLETED", told)
        case OrderCancelled():
            return replace(_entered(order, "CANCELLED", told), cancel_reason=event.reason)
    raise ValueError(f"{type(event).__name__} says nothing about an order")


def _validated(order: OrderView, event: OrderValidated, told: Told) -> OrderView:
    prices = {line.product_id: line.unit_price for line in event.items}
    items = tuple(replace(line, unit_price=prices.get(line.product_id)) for line in order.items)
    amount = sum(line.unit_price.amount * line.quantity for line in event.items)
    total = Money(amount=amount, currency=event.items[0].unit_price.currency)
    return replace(_entered(order, "VALIDATED", told), items=items, total=total)


def _shipped(order: OrderView, event: OrderShipped, told: Told) -> OrderView:
    shipment = ShipmentView(
        carrier=event.carrier, tracking_number=event.tracking_number, tracking_url=event.tracking_url
    )
    return replace(_entered(order, "SHIPPED", told), shipment=shipment)


def _entered(order: OrderView, status: str, told: Told) -> OrderView:
    """The order in this status, with the event in its timeline."""
    return replace(
        order,
        status=status,
        is_pending=status in _AWAITING_STOCK,
        updated_at=told.recorded_at,
        timeline=(*order.timeline, _entry(told)),
    )


def _number(told: Told, placed_at: datetime) -> str:
    return f"ORD-{placed_at.year}-{told.position}"


def _entry(told: Told) -> TimelineEntry:
    return TimelineEntry(event=told.event_type, timestamp=told.recorded_at)


def contribute(order: OrderView) -> Contribution:
    """An order counts for its user and its day, its lines as the user's favourites and, while pending, as demand.

    A rejected one never came about: it counts as rejected and as nothing else.
    """
    day = order.placed_at.date().isoformat()
    statuses = {f"statuses.{order.status}": 1}
    if order.status == "REJECTED":
        return {SummaryKey(USERS, (order.user_id,)): statuses, SummaryKey(DAYS, (day,)): statuses}
    counted = {"total_orders": 1, **statuses, **_money(order.captured)}
    sums: dict[SummaryKey, dict[str, int]] = {
        SummaryKey(USERS, (order.user_id,)): counted,
        SummaryKey(DAYS, (day,)): {**counted, "total_items": order.item_count},
    }
    for line in order.items:
        sums[SummaryKey(USER_PRODUCTS, (order.user_id, line.product_id))] = {"orders": 1, "quantity": line.quantity}
        if order.is_pending:
            sums[SummaryKey(PRODUCT_DEMAND, (line.product_id,))] = {"pending_orders": 1}
    return sums


def _money(captured: Money | None) -> dict[str, int]:
    return {} if captured is None else {f"spent.{captured.currency}": captured.amount, "paid_orders": 1}


ORDERS = ReadModel(
    collection="orders",
    context="order",
    key=str,
    view=OrderView,
    project=project,
    contribute=contribute,
    indexes=(
        Index(fields=(("user_id", 1), ("placed_at", -1), ("_id", 1))),
        Index(fields=(("items.product_id", 1), ("placed_at", -1)), where={"is_pending": True}),
    ),
)
