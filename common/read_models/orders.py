"""An order as people look at it, and what it adds to the user's, the day's and the product's sums."""

from dataclasses import dataclass, replace
from datetime import datetime

from common.events import Event
from common.events.orders import OrderCancelled, OrderImported, OrderInitiated
from common.read_models.inventory import PRODUCT_DEMAND
from common.read_models.order_statistics import DAYS
from common.read_models.shapes import Contribution, Index, ReadModel, SummaryKey, Told
from common.read_models.users import USER_PRODUCTS, USERS
from common.values import Money

_AWAITING_STOCK = frozenset({"PENDING", "VALIDATED", "PAID"})  # what still waits for a product's stock to leave


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLineView:
    product_id: int
    quantity: int
    unit_price: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    event: str
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """`total` is None until the lines have prices; `captured` is what was paid, in minor units."""

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
    cancel_reason: str | None = None
    timeline: tuple[TimelineEntry, ...]


def project(order: OrderView | None, event: Event, told: Told) -> OrderView:
    match event:
        case OrderInitiated():
            return _initiated(event, told)
        case OrderImported():
            return _imported(event, told)
        case OrderCancelled() if order:
            return _moved(order, "CANCELLED", told, cancel_reason=event.reason)
    raise ValueError(f"{type(event).__name__} says nothing about this order")


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


def _moved(order: OrderView, status: str, told: Told, *, cancel_reason: str | None = None) -> OrderView:
    return replace(
        order,
        status=status,
        is_pending=status in _AWAITING_STOCK,
        updated_at=told.recorded_at,
        cancel_reason=cancel_reason or order.cancel_reason,
        timeline=(*order.timeline, _entry(told)),
    )


def _number(told: Told, placed_at: datetime) -> str:
    return f"ORD-{placed_at.year}-{told.position}"


def _entry(told: Told) -> TimelineEntry:
    return TimelineEntry(event=told.event_type, timestamp=told.recorded_at)


def contribute(order: OrderView) -> Contribution:
    """An order counts for its user and its day, its lines as the user's favourites and, while pending, as demand."""
    money = (
        {} if order.captured is None else {f"spent.{order.captured.currency}": order.captured.amount, "paid_orders": 1}
    )
    counted = {"total_orders": 1, f"statuses.{order.status}": 1, **money}
    day = order.placed_at.date().isoformat()
    sums: dict[SummaryKey, dict[str, int]] = {
        SummaryKey(USERS, (order.user_id,)): counted,
        SummaryKey(DAYS, (day,)): {**counted, "total_items": order.item_count},
    }
    for line in order.items:
        sums[SummaryKey(USER_PRODUCTS, (order.user_id, line.product_id))] = {"orders": 1, "quantity": line.quantity}
        if order.is_pending:
            sums[SummaryKey(PRODUCT_DEMAND, (line.product_id,))] = {"pending_orders": 1}
    return sums


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
