"""The way of an order from validation to completion: each command happens, is refused, stays quiet."""

import pytest
from pydantic import ValidationError

from command_service.domain.order_commands import (
    CancelOrder,
    CompleteOrder,
    DeliverOrder,
    RejectOrder,
    ShipOrder,
    ValidateOrder,
)
from command_service.domain.orders import ORDERS
from common.events.orders import OrderCompleted, OrderImported, OrderShipped, OrderValidated, PricedLine
from common.values import MAX_MINOR_UNITS, Message, Money
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
    DELIVERED,
    PRICED,
    REJECTED,
    SHIPPED,
    TOTAL,
    VALIDATED,
    Facts,
)
from tests.support.rules import NOW, SUBJECT, given

COMPLETED = OrderCompleted(order_id=SUBJECT)
A_COMPLETED_ORDER: Facts = (*A_DELIVERED_ORDER, COMPLETED)
AN_IMPORTED_ORDER: Facts = (
    OrderImported(order_id=SUBJECT, user_id=7, source="shop", line_number=1, placed_at=NOW, item_count=3, paid=TOTAL),
)
VALIDATE = ValidateOrder(items=(PRICED,))
REJECT = RejectOrder(code="insufficient_stock", reason="Too few.")
SHIP = ShipOrder(carrier="DHL", tracking_number="JD0146")


def priced(amount: int, currency: str, quantity: int = 1) -> PricedLine:
    return PricedLine(product_id=9, quantity=quantity, unit_price=Money(amount=amount, currency=currency))


@pytest.mark.parametrize("command", [VALIDATE, REJECT, SHIP, DeliverOrder(), CompleteOrder(), CancelOrder()])
def test_nothing_can_be_done_with_an_order_that_does_not_exist(command: Message) -> None:
    given(ORDERS).when(command).rejects("unknown_order")


def test_a_pending_order_is_validated_at_the_prices_of_its_lines() -> None:
    given(ORDERS, *A_PENDING_ORDER).when(VALIDATE).then(OrderValidated(order_id=SUBJECT, items=(PRICED,)))


@pytest.mark.parametrize(
    "facts", [A_VALIDATED_ORDER, AN_ORDER_BEING_PAID, A_PAID_ORDER, A_SHIPPED_ORDER, A_COMPLETED_ORDER]
)
def test_an_order_that_was_validated_is_not_validated_again(facts: Facts) -> None:
    given(ORDERS, *facts).when(VALIDATE).stays_quiet()


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ((*A_PENDING_ORDER, CANCELLED), "order_cancelled"),
        (A_REFUNDED_ORDER, "order_cancelled"),
        (A_REJECTED_ORDER, "order_rejected"),
    ],
)
def test_an_order_that_is_over_is_not_validated(facts: Facts, code: str) -> None:
    given(ORDERS, *facts).when(VALIDATE).rejects(code)


def test_an_order_is_of_one_currency() -> None:
    items = (PRICED, priced(100, "USD"))
    given(ORDERS, *A_PENDING_ORDER).when(ValidateOrder(items=items)).rejects("mixed_currencies")


def test_an_order_has_a_total_that_can_be_told() -> None:
    items = (priced(MAX_MINOR_UNITS, "EUR", quantity=2),)
    given(ORDERS, *A_PENDING_ORDER).when(ValidateOrder(items=items)).rejects("total_too_large")


def test_a_pending_order_is_rejected() -> None:
    given(ORDERS, *A_PENDING_ORDER).when(REJECT).then(REJECTED)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ((*A_PENDING_ORDER, CANCELLED), "order_cancelled"),
        (A_VALIDATED_ORDER, "order_validated"),
        (A_PAID_ORDER, "order_validated"),
        (A_SHIPPED_ORDER, "order_shipped"),
    ],
)
def test_an_order_that_is_not_pending_is_not_rejected(facts: Facts, code: str) -> None:
    given(ORDERS, *facts).when(REJECT).rejects(code)


def test_a_rejected_order_is_not_rejected_again() -> None:
    given(ORDERS, *A_REJECTED_ORDER).when(REJECT).stays_quiet()


def test_a_paid_order_is_shipped() -> None:
    command = ShipOrder(carrier="DHL", tracking_number="JD0146", tracking_url="https://dhl.example/JD0146")
    fact = OrderShipped(
        order_id=SUBJECT, carrier="DHL", tracking_number="JD0146", tracking_url="https://dhl.example/JD0146"
    )
    given(ORDERS, *A_PAID_ORDER).when(command).then(fact)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (A_PENDING_ORDER, "order_not_paid"),
        (A_VALIDATED_ORDER, "order_not_paid"),
        (AN_ORDER_BEING_PAID, "order_not_paid"),
        (A_DELIVERED_ORDER, "order_shipped"),
        (AN_IMPORTED_ORDER, "order_completed"),
        (A_REJECTED_ORDER, "order_rejected"),
        (A_CANCELLED_ORDER, "order_cancelled"),
        (A_REFUNDED_ORDER, "order_cancelled"),
    ],
)
def test_an_order_that_is_not_paid_is_not_shipped(facts: Facts, code: str) -> None:
    given(ORDERS, *facts).when(SHIP).rejects(code)


def test_a_shipped_order_is_not_shipped_again() -> None:
    given(ORDERS, *A_SHIPPED_ORDER).when(SHIP).stays_quiet()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "dhl.example/JD0146", "https://", 'https://a"b', "https://a b"])
def test_a_tracking_url_is_an_address_of_the_web(url: str) -> None:
    with pytest.raises(ValidationError):
        ShipOrder(carrier="DHL", tracking_number="JD0146", tracking_url=url)


def test_a_shipped_order_is_delivered() -> None:
    given(ORDERS, *A_SHIPPED_ORDER).when(DeliverOrder()).then(DELIVERED)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (A_PAID_ORDER, "order_not_shipped"),
        (A_PENDING_ORDER, "order_not_shipped"),
        (A_COMPLETED_ORDER, "order_completed"),
        (A_CANCELLED_ORDER, "order_cancelled"),
    ],
)
def test_an_order_that_is_not_shipped_is_not_delivered(facts: Facts, code: str) -> None:
    given(ORDERS, *facts).when(DeliverOrder()).rejects(code)


def test_a_delivered_order_is_not_delivered_again() -> None:
    given(ORDERS, *A_DELIVERED_ORDER).when(DeliverOrder()).stays_quiet()


def test_a_delivered_order_is_completed() -> None:
    given(ORDERS, *A_DELIVERED_ORDER).when(CompleteOrder()).then(COMPLETED)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (A_PAID_ORDER, "order_not_delivered"),
        (A_SHIPPED_ORDER, "order_not_delivered"),
        (A_REJECTED_ORDER, "order_rejected"),
        (A_CANCELLED_ORDER, "order_cancelled"),
    ],
)
def test_an_order_that_is_not_delivered_is_not_completed(facts: Facts, code: str) -> None:
    given(ORDERS, *facts).when(CompleteOrder()).rejects(code)


@pytest.mark.parametrize("facts", [A_COMPLETED_ORDER, AN_IMPORTED_ORDER])
def test_a_completed_order_is_not_completed_again(facts: Facts) -> None:
    given(ORDERS, *facts).when(CompleteOrder()).stays_quiet()


@pytest.mark.parametrize("facts", [A_PENDING_ORDER, A_VALIDATED_ORDER, AN_ORDER_BEING_PAID, A_PAID_ORDER])
def test_an_order_is_cancelled_until_it_is_shipped(facts: Facts) -> None:
    given(ORDERS, *facts).when(CancelOrder()).then(CANCELLED)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (A_SHIPPED_ORDER, "order_shipped"),
        (A_DELIVERED_ORDER, "order_shipped"),
        (A_COMPLETED_ORDER, "order_completed"),
        (A_REJECTED_ORDER, "order_rejected"),
    ],
)
def test_an_order_that_left_or_never_came_about_is_not_cancelled(facts: Facts, code: str) -> None:
    given(ORDERS, *facts).when(CancelOrder()).rejects(code)


@pytest.mark.parametrize("facts", [A_CANCELLED_ORDER, A_REFUNDED_ORDER])
def test_a_cancelled_or_refunded_order_is_not_cancelled_again(facts: Facts) -> None:
    given(ORDERS, *facts).when(CancelOrder()).stays_quiet()


def test_every_fact_moves_the_order_to_its_status() -> None:
    order, statuses = ORDERS.initial, []
    for fact in (*A_PENDING_ORDER, VALIDATED, *A_PAID_ORDER[2:], SHIPPED, DELIVERED, COMPLETED):
        order = ORDERS.evolve(order, fact)
        statuses.append(ORDERS.status(order))
    assert statuses == ["PENDING", "VALIDATED", "VALIDATED", "PAID", "SHIPPED", "DELIVERED", "COMPLETED"]
