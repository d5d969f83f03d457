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
    """Give back all that is left, or a part of it under an id of its own."""

    refund_id: Uuid | None = None
    amount: Money | None = None

    @model_validator(mode="after")
    def _a_part_has_a_name(self) -> "RefundPayment":
        if (self.refund_id is None) != (self.amount is None):
            raise ValueError("give both refund_id and amount, or neither")
        return self


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
    """What the rules must know of a payment once there is one.

    `refunded` is in minor units of the amount's currency; `refund` is the one that was begun last.
    """

    status: PaymentStatus
    order_id: str
    amount: Money
    refunded: int = 0
    refund: PaymentRefundInitiated | None = None


def decide(command: PaymentCommand, payment: Payment | None, context: Context) -> tuple[PaymentEvent, ...]:
    if isinstance(command, ProcessPayment):
        return () if payment else (_initiated(command, context),)
    if payment is None:
        raise NotFound("unknown_payment", f"There is no payment {context.subject}.")
    match command:
        case RecordPaymentResult():
            return _record_result(command, payment, context)
        case RefundPayment():
            return _refund(command, payment, context)
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


def _refund(command: RefundPayment, payment: Payment, context: Context) -> tuple[PaymentEvent, ...]:
    if payment.refund and payment.refund.refund_id == command.refund_id:
        return ()
    match payment.status:
        case PaymentStatus.PROCESSED:
            return (_begun(command, payment, context),)
        case PaymentStatus.REFUNDING:
            raise CommandRejected("refund_in_progress", f"A refund of payment {context.subject} has no outcome yet.")
        case PaymentStatus.REFUNDED:
            raise CommandRejected("more_than_captured", f"All of payment {context.subject} went back.")
        case PaymentStatus.INITIATED | PaymentStatus.FAILED:
            raise CommandRejected("payment_not_captured", f"Payment {context.subject} has captured nothing.")
    assert_never(payment.status)


def _begun(command: RefundPayment, payment: Payment, context: Context) -> PaymentRefundInitiated:
    left = Money(amount=payment.amount.amount - payment.refunded, currency=payment.amount.currency)
    amount = command.amount or left
    if amount.currency != left.currency or not 0 < amount.amount <= left.amount:
        raise CommandRejected("more_than_captured", f"{left.decimal_text()} {left.currency} can go back, not more.")
    return PaymentRefundInitiated(
        payment_id=context.subject, order_id=payment.order_id, amount=amount, refund_id=command.refund_id
    )


def _record_refund(command: RecordRefundResult, payment: Payment, context: Context) -> tuple[PaymentEvent, ...]:
    match payment.status:
        case PaymentStatus.REFUNDING if payment.refund:
            return (
                PaymentRefunded(
                    payment_id=context.subject,
                    order_id=payment.order_id,
                    amount=payment.refund.amount,
                    provider_reference=command.provider_reference,
                    refund_id=payment.refund.refund_id,
                ),
            )
        case PaymentStatus.REFUNDED:
            return ()
    if payment.refund:
        return ()
    raise CommandRejected("refund_not_initiated", f"No refund of payment {context.subject} was asked for.")


def evolve(payment: Payment | None, event: PaymentEvent) -> Payment:
    match event:
        case PaymentInitiated():
            return Payment(status=PaymentStatus.INITIATED, order_id=event.order_id, amount=event.amount)
        case _ if payment is None:
            raise ValueError(f"{type(event).__name__} comes before the payment")
        case PaymentProcessed():
            return replace(payment, status=PaymentStatus.PROCESSED)
        case PaymentFailed():
            return replace(payment, status=PaymentStatus.FAILED)
        case PaymentRefundInitiated():
            return replace(payment, status=PaymentStatus.REFUNDING, refund=event)
        case PaymentRefunded():
            return _refunded(payment, event)
    assert_never(event)


def _refunded(payment: Payment, event: PaymentRefunded) -> Payment:
    """After a part, another part may go back."""
    refunded = payment.refunded + event.amount.amount
    status = PaymentStatus.REFUNDED if refunded == payment.amount.amount else PaymentStatus.PROCESSED
    return replace(payment, status=status, refunded=refunded)


PAYMENTS: Decider[PaymentCommand, Payment | None, PaymentEvent] = Decider(
    context="payment",
    id_field="payment_id",
    initial=None,
    state=Payment | None,
    decide=decide,
    evolve=evolve,
    status=lambda payment: payment.status if payment else None,
)
