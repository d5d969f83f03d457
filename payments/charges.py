"""What becomes of a charge: the sandbox's rules, by the card that pays."""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, assert_never

from common.errors import CommandRejected
from common.values import Money


class Card(StrEnum):
    """What the sandbox does with a card; every token that is not one of these is an APPROVED one."""

    APPROVED = "tok_approve"
    DECLINED = "tok_decline"
    SLOW = "tok_slow"  # captured at once, answered after the client has given up
    TWICE = "tok_twice"  # an approved one; its clients ask twice
    FLAKY = "tok_flaky"  # the first asks fail, then it is approved
    NEVER = "tok_never"  # nothing is captured, nothing is answered


class Status(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    VOIDED = "voided"


class Manner(StrEnum):
    """How an ask is answered."""

    AT_ONCE = "at_once"
    HELD = "held"
    FAILED = "failed"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """What went back, in minor units of the charge's currency."""

    reference: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """All that is known under one payment id. The card's token is not kept, only what it makes the sandbox do."""

    payment_id: str
    amount: Money | None = None  # None: voided before anybody asked for it
    card: Card | None = None
    status: Status = Status.PENDING
    asked: int = 0
    capture_reference: str | None = None
    refunds: tuple[Refund, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money that moved: from the card (`capture`) or back to it (`refund`)."""

    payment_id: str
    kind: Literal["capture", "refund"]
    amount: Money
    reference: str


Decision = tuple[Charge, Movement | None]


def card_of(token: str) -> Card:
    return _CARDS.get(token, Card.APPROVED)


_CARDS = {card.value: card for card in Card}


def ask(charge: Charge, amount: Money, card: Card, *, failures: int) -> Decision:
    """Count the ask, and settle the charge if it can be; of a second ask only the amount matters.

    A FLAKY card's first `failures` asks leave it pending. CommandRejected when the id has another amount.
    """
    if charge.amount not in (None, amount):
        raise CommandRejected("charge_differs", "This payment_id belongs to a charge of another amount.")
    asked = replace(charge, asked=charge.asked + 1)
    if charge.status is not Status.PENDING:
        return asked, None
    first_card = charge.card or card
    return _settle(replace(asked, amount=amount, card=first_card), amount, first_card, failures)


def void(charge: Charge) -> Decision:
    """Forbid every capture under this id, unless the charge is settled already."""
    if charge.status is Status.PENDING:
        return replace(charge, status=Status.VOIDED), None
    return charge, None


def refund(charge: Charge, refund_id: str | None = None, amount: Money | None = None) -> Decision:
    """Give back so much of what was captured, or all that is left; once under each `refund_id`."""
    if charge.amount is None or charge.capture_reference is None:
        raise CommandRejected("not_captured", "Nothing was captured under this payment_id.")
    reference = refund_reference(charge.payment_id, refund_id)
    if any(refund.reference == reference for refund in charge.refunds):
        return charge, None
    left = charge.amount.amount - sum(refund.amount for refund in charge.refunds)
    back = amount or Money(amount=left, currency=charge.amount.currency)
    if back.currency != charge.amount.currency or not 0 < back.amount <= left:
        raise CommandRejected("more_than_captured", f"{left} {charge.amount.currency} in minor units can go back.")
    moved = Movement(payment_id=charge.payment_id, kind="refund", amount=back, reference=reference)
    return replace(charge, refunds=(*charge.refunds, Refund(reference=reference, amount=back.amount))), moved


def refund_reference(payment_id: str, refund_id: str | None) -> str:
    return _reference("re", payment_id if refund_id is None else f"{payment_id}/{refund_id}")


def manner_of(charge: Charge) -> Manner:
    """How the ask is answered that has just been counted."""
    match charge.status:
        case Status.PENDING:
            return Manner.SILENT if charge.card is Card.NEVER else Manner.FAILED
        case Status.APPROVED:
            return Manner.HELD if charge.card is Card.SLOW and charge.asked == 1 else Manner.AT_ONCE
        case Status.DECLINED | Status.VOIDED:
            return Manner.AT_ONCE
    assert_never(charge.status)


def _settle(charge: Charge, amount: Money, card: Card, failures: int) -> Decision:
    match card:
        case Card.APPROVED | Card.SLOW | Card.TWICE:
            return _capture(charge, amount)
        case Card.DECLINED:
            return replace(charge, status=Status.DECLINED), None
        case Card.FLAKY:
            return (charge, None) if charge.asked <= failures else _capture(charge, amount)
        case Card.NEVER:
            return charge, None
    assert_never(card)


def _capture(charge: Charge, amount: Money) -> Decision:
    reference = _reference("ch", charge.payment_id)
    moved = Movement(payment_id=charge.payment_id, kind="capture", amount=amount, reference=reference)
    return replace(charge, status=Status.APPROVED, capture_reference=reference), moved


def _reference(kind: str, name: str) -> str:
    return f"{kind}_{hashlib.blake2b(name.encode(), digest_size=12).hexdigest()}"
