"""What the rules must know of an order, and how its events make it."""

from typing import assert_never

import msgspec
from msgspec.structs import replace

from command_service.domain.order_status import OrderStatus
from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderDeleted,
    OrderDelivered,
    OrderEvent,
    OrderImported,
    OrderInitiated,
    OrderItemAdded,
    OrderItemRemoved,
    OrderLine,
    OrderPaid,
    OrderPaymentFailed,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
    PaymentRequested,
    PricedLine,
    RefundRequested,
    ShippingAddressUpdated,
)
from common.postal import Address
from common.values import Money

_MOVES: dict[type[OrderEvent], OrderStatus] = {
    OrderRejected: OrderStatus.REJECTED,
    OrderShipped: OrderStatus.SHIPPED,
    OrderDelivered: OrderStatus.DELIVERED,
    OrderCompleted: OrderStatus.COMPLETED,
    OrderCancelled: OrderStatus.CANCELLED,
}


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`status` is None before there is an order, `total` while its lines have no prices.

    `open_payment` is the id of the payment that was requested and has no end yet, `captured_payment` of the one that
    paid; `attempts` counts the payments that were requested. `open_refund`, `refunds` and `refunded` (minor units) are
    the same of what goes back.
    """

    status: OrderStatus | None = None
    user_id: int = 0
    is_deleted: bool = False
    lines: tuple[OrderLine, ...] = ()  # a product stands in one of them
    total: Money | None = None
    shipping_address: Address | None = None
    attempts: int = 0
    open_payment: str | None = None
    captured_payment: str | None = None
    captured: Money | None = None
    refunds: int = 0
    open_refund: str | None = None
    refunded: int = 0

    @property
    def left_to_refund(self) -> int:
        """Minor units."""
        return self.captured.amount - self.refunded if self.captured else 0


def evolve(order: Order, event: OrderEvent) -> Order:
    match event:
        case OrderInitiated() | OrderImported():
            return _placed(event)
        case OrderItemAdded() | OrderItemRemoved() | ShippingAddressUpdated() | OrderDeleted():
            return _amended(order, event)
        case OrderValidated():
            return replace(order, status=OrderStatus.VALIDATED, total=total_of(event.items))
        case PaymentRequested() | OrderPaid() | OrderPaymentFailed():
            return _paying(order, event)
        case RefundRequested() | OrderRefunded():
            return _refunding(order, event)
        case OrderRejected() | OrderShipped() | OrderDelivered() | OrderCompleted() | OrderCancelled():
            return replace(order, status=_MOVES[type(event)])
    assert_never(event)


def _placed(event: OrderInitiated | OrderImported) -> Order:
    match event:
        case OrderInitiated():
            address = event.personal.shipping_address
            return Order(status=OrderStatus.PENDING, user_id=event.user_id, lines=event.items, shipping_address=address)
        case OrderImported():
            return Order(status=OrderStatus.COMPLETED, user_id=event.user_id, lines=event.items, total=event.paid)
    assert_never(event)


def _amended(order: Order, event: OrderItemAdded | OrderItemRemoved | ShippingAddressUpdated | OrderDeleted) -> Order:
    match event:
        case OrderItemAdded():
            return _with_items(order, event.product_id, event.quantity)
        case OrderItemRemoved():
            return _with_items(order, event.product_id, -event.quantity)
        case ShippingAddressUpdated():
            return replace(order, shipping_address=event.personal.shipping_address)
        case OrderDeleted():
            return replace(order, is_deleted=True)
    assert_never(event)


def _with_items(order: Order, product_id: int, more: int) -> Order:
    """What was reserved and priced before is not what is wanted now."""
    return replace(order, status=OrderStatus.PENDING, lines=changed_lines(order.lines, product_id, more), total=None)


def changed_lines(lines: tuple[OrderLine, ...], product_id: int, more: int) -> tuple[OrderLine, ...]:
    """The lines with so many pieces more of this product, or less; in the place where it stood, or at the end."""
    quantities = {line.product_id: line.quantity for line in lines}
    quantities[product_id] = quantities.get(product_id, 0) + more
    return tuple(
        OrderLine(product_id=product, quantity=quantity) for product, quantity in quantities.items() if quantity
    )


def _paying(order: Order, event: PaymentRequested | OrderPaid | OrderPaymentFailed) -> Order:
    match event:
        case PaymentRequested():
            return replace(order, attempts=event.attempt, open_payment=event.payment_id)
        case OrderPaid():
            paid = replace(order, captured_payment=event.payment_id, captured=event.amount)
            return replace(paid, status=OrderStatus.PAID, open_payment=None)
        case OrderPaymentFailed():
            return replace(order, open_payment=None)
    assert_never(event)


def _refunding(order: Order, event: RefundRequested | OrderRefunded) -> Order:
    """An order of which all went back is REFUNDED; of which some did, it stays what it is."""
    if isinstance(event, RefundRequested):
        return replace(order, refunds=event.number, open_refund=event.refund_id)
    after = replace(order, open_refund=None, refunded=order.refunded + event.amount.amount)
    return after if after.left_to_refund else replace(after, status=OrderStatus.REFUNDED)


def total_of(lines: tuple[PricedLine, ...]) -> Money:
    """The sum of the lines, which must be of one currency and together at most MAX_MINOR_UNITS."""
    amount = sum(line.unit_price.amount * line.quantity for line in lines)
    return Money(amount=amount, currency=lines[0].unit_price.currency)
