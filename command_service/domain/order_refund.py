"""The rules of giving back what was paid: never more than that, and one refund after the other."""

from typing import assert_never
from uuid import UUID, uuid5

from command_service.domain.decider import Context
from command_service.domain.order_commands import ConfirmRefund, RefundOrder
from command_service.domain.order_state import Order
from command_service.domain.order_status import OrderStatus, refusal
from common.errors import CommandRejected
from common.events.orders import OrderEvent, OrderRefunded, RefundRequested
from common.values import Money

RefundStep = RefundOrder | ConfirmRefund
_REFUNDABLE = frozenset({OrderStatus.DELIVERED, OrderStatus.COMPLETED})


def decide_refund(command: RefundStep, order: Order, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    match command:
        case RefundOrder():
            return _request(command, order, status, context)
        case ConfirmRefund():
            return _confirm(command, order, status, context)
    assert_never(command)


def _request(command: RefundOrder, order: Order, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    """What a cancelled order has paid goes back by itself."""
    if command.payment_id not in (None, order.captured_payment):
        raise CommandRejected("payment_not_captured", f"Payment {command.payment_id} did not pay this order.")
    if status is OrderStatus.REFUNDED or (status is OrderStatus.CANCELLED and order.captured):
        return ()
    if status is OrderStatus.CANCELLED or (status in _REFUNDABLE and not order.captured):
        raise CommandRejected("nothing_paid", f"Order {context.subject} has paid nothing here.")
    if status not in _REFUNDABLE:
        raise CommandRejected(
            "order_not_delivered", f"Order {context.subject} is {status}; it can be cancelled at most."
        )
    if order.open_refund:
        raise CommandRejected("refund_in_progress", f"Refund {order.open_refund} has no outcome yet.")
    number = order.refunds + 1
    return (
        RefundRequested(
            order_id=context.subject,
            payment_id=order.captured_payment or "",
            refund_id=str(uuid5(UUID(context.subject), f"refund/{number}")),
            number=number,
            amount=_amount(command, order),
            reason=command.reason,
        ),
    )


def _amount(command: RefundOrder, order: Order) -> Money:
    currency = order.captured.currency if order.captured else ""
    left = Money(amount=order.left_to_refund, currency=currency)
    amount = command.amount or left
    if amount.currency != left.currency or not 0 < amount.amount <= left.amount:
        raise CommandRejected("more_than_paid", f"{left.decimal_text()} {left.currency} can be refunded, not more.")
    return amount


def _confirm(command: ConfirmRefund, order: Order, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    if status is OrderStatus.REFUNDED or _is_old_news(command, order):
        return ()
    if command.refund_id is None and status is not OrderStatus.CANCELLED:
        raise refusal(status, context, otherwise="order_not_cancelled")
    if order.captured_payment != command.payment_id:
        raise CommandRejected("payment_not_captured", f"Payment {command.payment_id} did not pay this order.")
    return (
        OrderRefunded(
            order_id=context.subject,
            payment_id=command.payment_id,
            amount=command.amount,
            refund_id=command.refund_id,
        ),
    )


def _is_old_news(command: ConfirmRefund, order: Order) -> bool:
    return command.refund_id is not None and command.refund_id != order.open_refund
