"""The rules of an order: each command happens, is refused, stays quiet."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from command_service.domain.order_commands import CancelOrder, CreateOrder, ImportOrder
from command_service.domain.orders import ORDERS
from command_service.sagas.errands import ACTOR as SAGA
from common.access.actors import ANYBODY
from common.events.orders import OrderCancelled, OrderImported, OrderInitiated, OrderLine, OrderPersonal
from common.values import Money
from tests.support.rules import NOW, SUBJECT, given

KEYBOARDS = OrderLine(product_id=456, quantity=2)
PAID = Money(amount=2933, currency="USD")


def an_order_initiated() -> OrderInitiated:
    return OrderInitiated(order_id=SUBJECT, user_id=123, items=(KEYBOARDS,))


def an_import(**other: Any) -> ImportOrder:
    fields: dict[str, Any] = {"user_id": 7, "source": "shop", "line_number": 1, "placed_at": NOW, "item_count": 3}
    return ImportOrder(**{**fields, "total": PAID, **other})


def an_order_imported() -> OrderImported:
    return OrderImported(
        order_id=SUBJECT, user_id=7, source="shop", line_number=1, placed_at=NOW, item_count=3, paid=PAID
    )


def test_an_order_in_the_short_form_is_initiated() -> None:
    command = CreateOrder(user_id=123, product_id=456, quantity=2, user_email="a@example.org")
    fact = OrderInitiated(
        order_id=SUBJECT, user_id=123, items=(KEYBOARDS,), personal=OrderPersonal(email="a@example.org")
    )
    given(ORDERS).knowing("inventory-456").when(command).then(fact)


def test_lines_of_the_same_product_are_one_line() -> None:
    one, two = OrderLine(product_id=456, quantity=1), OrderLine(product_id=9, quantity=5)
    command = CreateOrder(user_id=123, items=(one, two, one))
    fact = OrderInitiated(order_id=SUBJECT, user_id=123, items=(KEYBOARDS, two))
    given(ORDERS).knowing("inventory-456", "inventory-9").when(command).then(fact)


def test_an_order_of_an_unknown_product_is_refused() -> None:
    given(ORDERS).when(CreateOrder(user_id=123, product_id=456, quantity=2)).rejects("unknown_product")


def test_an_order_that_is_there_is_not_initiated_again() -> None:
    given(ORDERS, an_order_initiated()).when(CreateOrder(user_id=123, product_id=456, quantity=2)).stays_quiet()


@pytest.mark.parametrize(
    "body",
    [
        {"items": (KEYBOARDS,), "product_id": 456, "quantity": 2},
        {"product_id": 456},
        {"quantity": 2},
        {},
        {"items": ()},
        {"items": (OrderLine(product_id=1, quantity=1_000_000), OrderLine(product_id=2, quantity=1))},
    ],
)
def test_an_order_has_lines_in_one_form_and_of_a_size(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CreateOrder(user_id=1, **body)


def test_a_pending_order_is_cancelled() -> None:
    given(ORDERS, an_order_initiated()).when(CancelOrder(reason="too slow")).then(
        OrderCancelled(order_id=SUBJECT, code="requested", reason="too slow")
    )


def test_whoever_cancels_may_say_why_in_a_word_for_machines() -> None:
    for by in (ANYBODY, SAGA):
        cancelled = OrderCancelled(order_id=SUBJECT, code="found_cheaper", reason="next door")
        command = CancelOrder(code="found_cheaper", reason="next door")
        given(ORDERS, an_order_initiated()).when(command, by=by).then(cancelled)


def test_the_saga_cancels_what_was_not_paid_in_time() -> None:
    overdue = OrderCancelled(order_id=SUBJECT, code="payment_overdue", reason="Too late.")
    given(ORDERS, an_order_initiated()).when(CancelOrder(reason="Too late."), by=SAGA).then(overdue)


def test_an_order_that_does_not_exist_cannot_be_cancelled() -> None:
    given(ORDERS).when(CancelOrder()).rejects("unknown_order")


def test_a_completed_order_cannot_be_cancelled() -> None:
    given(ORDERS, an_order_imported()).when(CancelOrder()).rejects("order_completed")


def test_a_cancelled_order_is_not_cancelled_again() -> None:
    cancelled = OrderCancelled(order_id=SUBJECT, code="requested")
    given(ORDERS, an_order_initiated(), cancelled).when(CancelOrder(reason="again")).stays_quiet()


def test_an_order_completed_elsewhere_is_imported() -> None:
    given(ORDERS).when(an_import()).then(an_order_imported())


def test_the_pieces_of_imported_lines_are_counted() -> None:
    fact = an_order_imported().model_copy(update={"items": (KEYBOARDS,), "item_count": 2})
    given(ORDERS).when(an_import(items=(KEYBOARDS,), item_count=None)).then(fact)


def test_an_order_from_the_future_is_not_imported() -> None:
    given(ORDERS).when(an_import(placed_at=NOW + timedelta(seconds=1))).rejects("placed_in_the_future")


def test_an_imported_order_is_not_imported_again() -> None:
    given(ORDERS, an_order_imported()).when(an_import()).stays_quiet()


@pytest.mark.parametrize("both_or_none", [{"items": (KEYBOARDS,)}, {"item_count": None}])
def test_an_import_says_its_pieces_once(both_or_none: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        an_import(**both_or_none)
