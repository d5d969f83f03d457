"""The rules of paying an order."""

from typing import assert_never
from uuid import UUID, uuid5

from command_service.domain.decider import Context
from command_service.domain.order_commands import ConfirmPayment, FailPayment, RequestPayment
from command_service.domain.order_state import Order
from command_service.domain.order_status import PAID, OrderStatus, refusal
from common.errors import CommandRejected, Contradiction
from common.events.orders import OrderEvent, OrderPaid, OrderPaymentFailed, PaymentRequested
from common.values import CardPersonal

PaymentStep = RequestPayment | ConfirmPayment | FailPayment


def decide_payment(command: PaymentStep, order: Order, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    match command:
        case RequestPayment():
            return _request_payment(command, order, status, context)
        case ConfirmPayment():
            return _confirm_payment(command, order, status, context)
        case FailPayment():
            return _fail_payment(command, order, context)
    assert_never(command)


def _request_payment(
    command: RequestPayment, order: Order, status: OrderStatus, context: Context
) -> tuple[OrderEvent, ...]:
    """A second payment is never "already so": the client must learn that its card is not charged."""
    if status in PAID:
        raise CommandRejected("already_paid", f"Order {context.subject} is paid.")
    if status is not OrderStatus.VALIDATED or order.total is None:
        raise refusal(status, context, otherwise="order_not_validated")
    if order.open_payment:
        raise CommandRejected("payment_in_progress", f"Payment {order.open_payment} has no outcome yet.")
    if command.amount not in (None, order.total):
        raise Contradiction(
            "wrong_amount", f"The order's total is {order.total.decimal_text()} {order.total.currency}; pay that."
        )
    attempt = order.attempts + 1
    return (
        PaymentRequested(
            order_id=context.subject,
            payment_id=str(uuid5(UUID(context.subject), f"payment/{attempt}")),
            attempt=attempt,
            amount=order.total,
            method=command.kind,
            personal=CardPersonal(card_token=command.token),
        ),
    )


def _confirm_payment(
    command: ConfirmPayment, order: Order, status: OrderStatus, context: Context
) -> tuple[OrderEvent, ...]:
    if order.captured_payment == command.payment_id:
        return ()
    if status is not OrderStatus.VALIDATED:
        raise refusal(status, context, otherwise="already_paid" if status in PAID else "order_not_validated")
    if order.open_payment != command.payment_id:
        raise CommandRejected("unknown_payment", f"Payment {command.payment_id} is not the one that is waited for.")
    return (OrderPaid(order_id=context.subject, payment_id=command.payment_id, amount=command.amount),)


def _fail_payment(command: FailPayment, order: Order, context: Context) -> tuple[OrderEvent, ...]:
    """Also of an order that was cancelled meanwhile: its payment has an end then, too."""
    if order.open_payment != command.payment_id:
        return ()
    return (
        OrderPaymentFailed(
            order_id=context.subject, payment_id=command.payment_id, code=command.code, reason=command.reason
        ),
    )
