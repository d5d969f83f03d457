"""Giving back what a delivered order has paid: it happens, is refused, stays quiet, and never more than was paid."""

from uuid import UUID, uuid5

import pytest

from command_service.domain.order_commands import ConfirmRefund, RefundOrder
from command_service.domain.orders import ORDERS
from common.events.orders import OrderCompleted, OrderImported, OrderRefunded, RefundRequested
from common.values import Money
from tests.support.order_facts import (
    A_CANCELLED_ORDER,
    A_DELIVERED_ORDER,
    A_PAID_ORDER,
    A_PENDING_ORDER,
    A_REFUNDED_ORDER,
    A_REJECTED_ORDER,
    A_SHIPPED_ORDER,
    AN_ORDER_BEING_PAID,
    CANCELLED,
    FIRST,
    SECOND,
    TOTAL,
    Facts,
)
from tests.support.rules import NOW, SUBJECT, given

REFUNDS = [str(uuid5(UUID(SUBJECT), f"refund/{number}")) for number in (1, 2)]
PART = Money(amount=2500, currency="EUR")
REST = Money(amount=TOTAL.amount - PART.amount, currency="EUR")
A_COMPLETED_ORDER: Facts = (*A_DELIVERED_ORDER, OrderCompleted(order_id=SUBJECT))


def requested(number: int, amount: Money, reason: str | None = None) -> RefundRequested:
    return RefundRequested(
        order_id=SUBJECT,
        payment_id=FIRST,
        refund_id=REFUNDS[number - 1],
        number=number,
        amount=amount,
        reason=reason,
    )


def refunded(number: int, amount: Money) -> OrderRefunded:
    return OrderRefunded(order_id=SUBJECT, payment_id=FIRST, amount=amount, refund_id=REFUNDS[number - 1])


def confirm(number: int, amount: Money) -> ConfirmRefund:
    return ConfirmRefund(payment_id=FIRST, amount=amount, refund_id=REFUNDS[number - 1])


PARTLY_REFUNDED: Facts = (*A_DELIVERED_ORDER, requested(1, PART), refunded(1, PART))


@pytest.mark.parametrize("facts", [A_DELIVERED_ORDER, A_COMPLETED_ORDER])
def test_a_delivered_order_gives_back_all_or_a_part(facts: Facts) -> None:
    given(ORDERS, *facts).when(RefundOrder(reason="broken")).then(requested(1, TOTAL, "broken"))
    given(ORDERS, *facts).when(RefundOrder(amount=PART)).then(requested(1, PART))


def test_what_is_left_can_go_back_later() -> None:
    given(ORDERS, *PARTLY_REFUNDED).when(RefundOrder()).then(requested(2, REST))


@pytest.mark.parametrize(
    "amount",
    [Money(amount=REST.amount + 1, currency="EUR"), Money(amount=1, currency="USD"), Money(amount=0, currency="EUR")],
)
def test_never_more_than_was_paid_goes_back(amount: Money) -> None:
    given(ORDERS, *PARTLY_REFUNDED).when(RefundOrder(amount=amount)).rejects("more_than_paid")


def test_one_refund_comes_after_the_other() -> None:
    given(ORDERS, *A_DELIVERED_ORDER, requested(1, PART)).when(RefundOrder()).rejects("refund_in_progress")


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (A_PENDING_ORDER, "order_not_delivered"),
        (A_PAID_ORDER, "order_not_delivered"),
        (A_SHIPPED_ORDER, "order_not_delivered"),
        (A_REJECTED_ORDER, "order_not_delivered"),
        ((*A_PENDING_ORDER, CANCELLED), "nothing_paid"),
        ((), "unknown_order"),
    ],
)
def test_what_was_not_paid_and_delivered_is_not_refunded(facts: Facts, code: str) -> None:
    given(ORDERS, *facts).when(RefundOrder()).rejects(code)


def test_what_was_paid_elsewhere_goes_back_elsewhere() -> None:
    imported = OrderImported(
        order_id=SUBJECT, user_id=7, source="shop", line_number=1, placed_at=NOW, item_count=3, paid=TOTAL
    )
    given(ORDERS, imported).when(RefundOrder()).rejects("nothing_paid")


@pytest.mark.parametrize("facts", [A_DELIVERED_ORDER, A_COMPLETED_ORDER])
def test_the_payment_that_paid_may_be_named(facts: Facts) -> None:
    given(ORDERS, *facts).when(RefundOrder(payment_id=FIRST, amount=PART)).then(requested(1, PART))


@pytest.mark.parametrize(
    "facts",
    [A_DELIVERED_ORDER, A_CANCELLED_ORDER, A_REFUNDED_ORDER, PARTLY_REFUNDED, AN_ORDER_BEING_PAID, A_PENDING_ORDER],
)
def test_a_payment_that_has_not_paid_the_order_is_not_refunded(facts: Facts) -> None:
    given(ORDERS, *facts).when(RefundOrder(payment_id=SECOND)).rejects("payment_not_captured")


def test_a_payment_that_is_under_way_is_not_refunded() -> None:
    given(ORDERS, *AN_ORDER_BEING_PAID).when(RefundOrder(payment_id=FIRST)).rejects("payment_not_captured")


@pytest.mark.parametrize("facts", [A_CANCELLED_ORDER, A_REFUNDED_ORDER])
def test_the_payment_of_a_cancelled_order_goes_back_by_itself(facts: Facts) -> None:
    given(ORDERS, *facts).when(RefundOrder(payment_id=FIRST)).stays_quiet()


@pytest.mark.parametrize("facts", [A_CANCELLED_ORDER, A_REFUNDED_ORDER])
def test_what_a_cancelled_order_has_paid_goes_back_by_itself(facts: Facts) -> None:
    given(ORDERS, *facts).when(RefundOrder()).stays_quiet()


def test_the_order_is_told_once_that_the_money_is_back() -> None:
    asked = (*A_DELIVERED_ORDER, requested(1, PART))
    given(ORDERS, *asked).when(confirm(1, PART)).then(refunded(1, PART))
    given(ORDERS, *asked, refunded(1, PART)).when(confirm(1, PART)).stays_quiet()
    given(ORDERS, *PARTLY_REFUNDED, requested(2, REST)).when(confirm(1, PART)).stays_quiet()


def test_of_a_payment_that_is_not_its_own_an_order_hears_nothing() -> None:
    other = ConfirmRefund(payment_id=REFUNDS[1], amount=PART, refund_id=REFUNDS[0])
    given(ORDERS, *A_DELIVERED_ORDER, requested(1, PART)).when(other).rejects("payment_not_captured")


def test_an_order_is_refunded_when_everything_is_back_and_not_before() -> None:
    everything = (*PARTLY_REFUNDED, requested(2, REST), refunded(2, REST))
    status = []
    for facts in (PARTLY_REFUNDED, everything):
        state = ORDERS.initial
        for fact in facts:
            state = ORDERS.evolve(state, fact)
        status.append(ORDERS.status(state))
    assert status == ["DELIVERED", "REFUNDED"]
