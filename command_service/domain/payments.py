"""The rules of a payment: it is noted down before the provider is asked, and so is what the provider said."""

from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec.structs import replace
from pydantic import model_validator

from command_service.domain.decider import Context, Decider
from common.errors import CommandRejected, NotFound
from common.events.payments import (
    PaymentEvent,
    PaymentFailed,
    PaymentInitiated,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRefundInitiated,
)
from common.values import CardPersonal, CardToken, Code, Message, Money, Name, Reason, Uuid


class ProcessPayment(Message):
    """Charge the card; its token may have been erased since the payment was requested."""

    payment_id: Uuid
    order_id: Uuid
    amount: Money
    card_token: CardToken | None = None


class RecordPaymentResult(Message):
    """What the provider said: approved with its reference, or not with a code."""

    approved: bool
    provider_reference: Name | None = None
    code: Code | None = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def _with_what_it_needs(self) -> "RecordPaymentResult":
        if (self.provider_reference if self.approved else self.code) is None:
            raise ValueError("an approval needs its provider_reference, any other result a code")
        return self


class RefundPayment(Message):
    pass


class RecordRefundResult(Message):
    provider_reference: Name


PaymentCommand = ProcessPayment | RecordPaymentResult | RefundPayment | RecordRefundResult


class PaymentStatus(StrEnum):
    INITIATED = "INITIATED"
    PROCESSED = "PROCESSED"
    FAILED = "FAILED"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"


class Payment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the rules must know of a payment once there is one."""

    status: PaymentStatus
    order_id: str
    amount: Money


def decide(command: PaymentCommand, payment: Payment | None, context: Context) -> tuple[PaymentEvent, ...]:
    if isinstance(command, ProcessPayment):
        return () if payment else (_initiated(command, context),)
    if payment is None:
        raise NotFound("unknown_payment", f"There is no payment {context.subject}.")
    match command:
        case RecordPaymentResult():
            return _record_result(command, payment, context)
        case RefundPayment():
            return _refund(payment, context)
        case RecordRefundResult():
            return _record_refund(command, payment, context)
    assert_never(command)


def _initiated(command: ProcessPayment, context: Context) -> PaymentInitiated:
    if command.card_token is None:
        raise CommandRejected("card_token_erased", "The card of this payment is not known any more; pay again.")
    return PaymentInitiated(
        payment_id=context.subject,
        order_id=command.order_id,
        amount=command.amount,
        personal=CardPersonal(card_token=command.card_token),
    )


def _record_result(command: RecordPaymentResult, payment: Payment, context: Context) -> tuple[PaymentEvent, ...]:
    """The first result stands; the provider gives the same one for ever."""
    if payment.status is not PaymentStatus.INITIATED:
        return ()
    if command.approved and command.provider_reference:
        return (
            PaymentProcessed(
                payment_id=context.subject,
                order_id=payment.order_id,
                amount=payment.amount,
                provider_reference=command.provider_reference,
            ),
        )
    return (
        PaymentFailed(
            payment_id=context.subject,
            order_id=payment.order_id,
            code=command.code or "declined",
            reason=command.reason,
        ),
    )


def _refund(payment: Payment, context: Context) -> tuple[PaymentEvent, ...]:
    match payment.status:
        case PaymentStatus.PROCESSED:
            return (
                PaymentRefundInitiated(payment_id=context.subject, order_id=payment.order_id, amount=payment.amount),
            )
        case PaymentStatus.REFUNDING | PaymentStatus.REFUNDED:
            return ()
        case PaymentStatus.INITIATED | PaymentStatus.FAILED:
            raise CommandRejected("payment_not_captured", f"Payment {context.subject} has captured nothing.")
    assert_never(payment.status)


def _record_refund(command: RecordRefundResult, payment: Payment, context: Context) -> tuple[PaymentEvent, ...]:
    match payment.status:
        case PaymentStatus.REFUNDING:
            return (
                PaymentRefunded(
                    payment_id=context.subject,
                    order_id=payment.order_id,
                    amount=payment.amount,
                    provider_reference=command.provider_reference,
                ),
            )
        case PaymentStatus.REFUNDED:
            return ()
        case PaymentStatus.INITIATED | PaymentStatus.PROCESSED | PaymentStatus.FAILED:
            raise CommandRejected("refund_not_initiated", f"No refund of payment {context.subject} was asked for.")
    assert_never(payment.status)


def evolve(payment: Payment | None, event: PaymentEvent) -> Payment:
    match event:
        case PaymentInitiated():
            return Payment(status=PaymentStatus.INITIATED, order_id=event.order_id, amount=event.amount)
        case PaymentProcessed():
            return _moved(payment, PaymentStatus.PROCESSED)
        case PaymentFailed():
            return _moved(payment, PaymentStatus.FAILED)
        case PaymentRefundInitiated():
            return _moved(payment, PaymentStatus.REFUNDING)
        case PaymentRefunded():
            return _moved(payment, PaymentStatus.REFUNDED)
    assert_never(event)


def _moved(payment: Payment | None, status: PaymentStatus) -> Payment:
    if payment is None:
        raise ValueError(f"a payment was {status} before it was initiated")
    return replace(payment, status=status)


PAYMENTS: Decider[PaymentCommand, Payment | None, PaymentEvent] = Decider(
    context="payment",
    id_field="payment_id",
    initial=None,
    decide=decide,
    evolve=evolve,
    status=lambda payment: payment.status if payment else None,
)
