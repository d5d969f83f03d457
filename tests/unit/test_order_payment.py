"""Paying an order and getting the money back: each command happens, is refused, stays quiet."""

from typing import Any

import pytest
from pydantic import ValidationError

from command_service.domain.order_commands import ConfirmPayment, ConfirmRefund, FailPayment, RequestPayment
from command_service.domain.orders import ORDERS
from common.values import Message, Money, PaymentKind, PaymentMethod
from tests.support.order_facts import (
    A_CANCELLED_ORDER,
    A_DELIVERED_ORDER,
    A_PAID_ORDER,
    A_PENDING_ORDER,
    A_REFUNDED_ORDER,
    A_REJECTED_ORDER,
    A_SHIPPED_ORDER,
    A_VALIDATED_ORDER,
    AN_ORDER_BEING_PAID,
    CANCELLED,
    FAILED,
    FIRST,
    PAID,
    REFUNDED,
    REQUESTED,
    SECOND,
    TOTAL,
    Facts,
)
from tests.support.rules import SUBJECT, given

PAY = RequestPayment(order_id=SUBJECT, card_token="tok_approve")
CONFIRM = ConfirmPayment(payment_id=FIRST, amount=TOTAL)
FAIL = FailPayment(payment_id=FIRST, code="insufficient_funds", reason="Declined.")
REFUND = ConfirmRefund(payment_id=FIRST, amount=TOTAL)
CANCELLED_WHILE_PAYING: Facts = (*AN_ORDER_BEING_PAID, CANCELLED)
A_DECLINED_ORDER: Facts = (*AN_ORDER_BEING_PAID, FAILED)


@pytest.mark.parametrize("command", [PAY, CONFIRM, FAIL, REFUND])
def test_an_order_that_does_not_exist_is_not_paid(command: Message) -> None:
    given(ORDERS).when(command).rejects("unknown_order")


@pytest.mark.parametrize("amount", [None, TOTAL])
def test_a_payment_of_the_whole_total_is_requested(amount: Money | None) -> None:
    command = RequestPayment(order_id=SUBJECT, amount=amount, card_token="tok_approve")
    given(ORDERS, *A_VALIDATED_ORDER).when(command).then(REQUESTED)


@pytest.mark.parametrize("kind", ["card", "wallet", "bank_transfer"])
def test_there_are_several_ways_to_pay(kind: PaymentKind) -> None:
    method = PaymentMethod(kind=kind, token="tok_approve")
    fact = REQUESTED.model_copy(update={"method": kind})
    given(ORDERS, *A_VALIDATED_ORDER).when(RequestPayment(order_id=SUBJECT, payment_method=method)).then(fact)


@pytest.mark.parametrize(
    "ways",
    [
        {},
        {"card_token": "tok", "payment_method": {"kind": "card", "token": "tok"}},
        {"payment_method": {"kind": "card"}},
        {"payment_method": {"kind": "barter", "token": "goat"}},
    ],
)
def test_one_way_is_chosen(ways: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RequestPayment.model_validate({"order_id": SUBJECT, **ways})


def test_after_a_failed_payment_another_one_is_requested_under_its_own_id() -> None:
    second = REQUESTED.model_copy(update={"payment_id": SECOND, "attempt": 2})
    given(ORDERS, *A_DECLINED_ORDER).when(PAY).then(second)


@pytest.mark.parametrize(
    "amount",
    [Money(amount=9997, currency="EUR"), Money(amount=9999, currency="EUR"), Money(amount=9998, currency="USD")],
)
def test_another_amount_than_the_total_is_refused(amount: Money) -> None:
    command = RequestPayment(order_id=SUBJECT, amount=amount, card_token="tok_approve")
    given(ORDERS, *A_VALIDATED_ORDER).when(command).rejects("wrong_amount")


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (A_PENDING_ORDER, "order_not_validated"),
        (AN_ORDER_BEING_PAID, "payment_in_progress"),
        (A_PAID_ORDER, "already_paid"),
        (A_SHIPPED_ORDER, "already_paid"),
        (A_DELIVERED_ORDER, "already_paid"),
        (A_REJECTED_ORDER, "order_rejected"),
        (A_CANCELLED_ORDER, "order_cancelled"),
        (A_REFUNDED_ORDER, "order_cancelled"),
    ],
)
def test_a_payment_that_is_not_due_is_refused(facts: Facts, code: str) -> None:
    given(ORDERS, *facts).when(PAY).rejects(code)


@pytest.mark.parametrize("token", ["", " ", "x" * 201, "tok\u200bapprove"])
def test_a_card_token_is_text_that_can_be_seen(token: str) -> None:
    with pytest.raises(ValidationError):
        RequestPayment(order_id=SUBJECT, card_token=token)


def test_the_open_payment_is_confirmed() -> None:
    given(ORDERS, *AN_ORDER_BEING_PAID).when(CONFIRM).then(PAID)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (CANCELLED_WHILE_PAYING, "order_cancelled"),
        (A_VALIDATED_ORDER, "unknown_payment"),
        (A_DECLINED_ORDER, "unknown_payment"),
        (A_PENDING_ORDER, "order_not_validated"),
    ],
)
def test_a_payment_that_nobody_waits_for_is_not_confirmed(facts: Facts, code: str) -> None:
    given(ORDERS, *facts).when(CONFIRM).rejects(code)


def test_an_order_is_paid_by_one_payment_only() -> None:
    given(ORDERS, *A_PAID_ORDER).when(ConfirmPayment(payment_id=SECOND, amount=TOTAL)).rejects("already_paid")


@pytest.mark.parametrize("facts", [A_PAID_ORDER, A_SHIPPED_ORDER, A_CANCELLED_ORDER, A_REFUNDED_ORDER])
def test_a_payment_that_paid_is_not_confirmed_again(facts: Facts) -> None:
    given(ORDERS, *facts).when(CONFIRM).stays_quiet()


def test_the_open_payment_of_a_cancelled_order_has_an_end_too() -> None:
    given(ORDERS, *CANCELLED_WHILE_PAYING).when(FAIL).then(FAILED)


def test_the_open_payment_fails_and_the_order_stays_validated() -> None:
    given(ORDERS, *AN_ORDER_BEING_PAID).when(FAIL).then(FAILED)
    order = ORDERS.initial
    for fact in A_DECLINED_ORDER:
        order = ORDERS.evolve(order, fact)
    assert ORDERS.status(order) == "VALIDATED"


@pytest.mark.parametrize("facts", [A_DECLINED_ORDER, A_PAID_ORDER, A_PENDING_ORDER])
def test_a_payment_that_nobody_waits_for_fails_quietly(facts: Facts) -> None:
    given(ORDERS, *facts).when(FAIL).stays_quiet()


def test_an_order_cancelled_after_it_was_paid_is_refunded() -> None:
    given(ORDERS, *A_CANCELLED_ORDER).when(REFUND).then(REFUNDED)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (A_PAID_ORDER, "order_not_cancelled"),
        (CANCELLED_WHILE_PAYING, "payment_not_captured"),
        (A_SHIPPED_ORDER, "order_shipped"),
    ],
)
def test_an_order_that_keeps_its_payment_or_has_none_is_not_refunded(facts: Facts, code: str) -> None:
    given(ORDERS, *facts).when(REFUND).rejects(code)


def test_a_refunded_order_is_not_refunded_again() -> None:
    given(ORDERS, *A_REFUNDED_ORDER).when(REFUND).stays_quiet()
