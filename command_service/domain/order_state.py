"""What the rules must know of an order: how its events make it, and how it stands in the way of a command."""

from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from command_service.domain.decider import Context
from common.errors import CommandRejected
from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderEvent,
    OrderImported,
    OrderInitiated,
    OrderPaid,
    OrderPaymentFailed,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
    PaymentRequested,
    PricedLine,
)
from common.values import Money


class OrderStatus(StrEnum):
    PENDING = "PENDING"
    VALIDATED = "VALIDATED"
    PAID = "PAID"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


PAID = frozenset({OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.COMPLETED})
OVER = {
    OrderStatus.SHIPPED: "order_shipped",
    OrderStatus.DELIVERED: "order_shipped",
    OrderStatus.COMPLETED: "order_completed",
    OrderStatus.REJECTED: "order_rejected",
    OrderStatus.CANCELLED: "order_cancelled",
    OrderStatus.REFUNDED: "order_cancelled",
}
"""How a command is refused that comes too late; one that comes too early names what it waits for."""

_MOVES: dict[type[OrderEvent], OrderStatus] = {
    OrderRejected: OrderStatus.REJECTED,
    OrderShipped: OrderStatus.SHIPPED,
    OrderDelivered: OrderStatus.DELIVERED,
    OrderCompleted: OrderStatus.COMPLETED,
    OrderCancelled: OrderStatus.CANCELLED,
    OrderRefunded: OrderStatus.REFUNDED,
}


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`status` is None before there is an order, `total` before its lines have prices.

    `open_payment` is the id of the payment that was requested and has no end yet, `captured_payment` of the one that
    paid; `attempts` counts the payments that were requested.
    """

    status: OrderStatus | None = None
    total: Money | None = None
    attempts: int = 0
    open_payment: str | None = None
    captured_payment: str | None = None


def evolve(order: Order, event: OrderEvent) -> Order:
    match event:
        case OrderInitiated():
            return Order(status=OrderStatus.PENDING)
        case OrderImported():
            return Order(status=OrderStatus.COMPLETED, total=event.paid)
        case OrderValidated():
            return replace(order, status=OrderStatus.VALIDATED, total=total_of(event.items))
        case PaymentRequested() | OrderPaid() | OrderPaymentFailed():
            return _paying(order, event)
        case (
            OrderRejected() | OrderShipped() | OrderDelivered() | OrderCompleted() | OrderCancelled() | OrderRefunded()
        ):
            return replace(order, status=_MOVES[type(event)])
    assert_never(event)


def _paying(order: Order, event: PaymentRequested | OrderPaid | OrderPaymentFailed) -> Order:
    match event:
        case PaymentRequested():
            return replace(order, attempts=event.attempt, open_payment=event.payment_id)
        case OrderPaid():
            return replace(order, status=OrderStatus.PAID, open_payment=None, captured_payment=event.payment_id)
        case OrderPaymentFailed():
            return replace(order, open_payment=None)
    assert_never(event)


def total_of(lines: tuple[PricedLine, ...]) -> Money:
    """The sum of the lines, which must be of one currency and together at most MAX_MINOR_UNITS."""
    amount = sum(line.unit_price.amount * line.quantity for line in lines)
    return Money(amount=amount, currency=lines[0].unit_price.currency)


def refusal(status: OrderStatus, context: Context, *, otherwise: str = "order_not_pending") -> CommandRejected:
    """Name what stands in the way: how the order ended or left, or `otherwise` while it is on its way."""
    return CommandRejected(OVER.get(status, otherwise), f"Order {context.subject} is {status}; this cannot be done.")
