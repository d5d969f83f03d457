"""Changing an order while that can still be done: each command happens, is refused, stays quiet."""

from typing import Any

import pytest
from pydantic import ValidationError

from command_service.domain.order_commands import (
    MAX_LINES,
    MAX_PIECES,
    AddOrderItem,
    CreateOrder,
    RemoveOrderItem,
    UpdateShippingAddress,
    ValidateOrder,
)
from command_service.domain.orders import ORDERS
from common.events.orders import (
    AddressPersonal,
    OrderInitiated,
    OrderItemAdded,
    OrderItemRemoved,
    OrderLine,
    OrderPersonal,
    OrderValidated,
    PricedLine,
    ShippingAddressUpdated,
)
from common.postal import Address
from common.values import Money
from tests.support.order_facts import (
    A_CANCELLED_ORDER,
    A_DELIVERED_ORDER,
    A_PAID_ORDER,
    A_PENDING_ORDER,
    A_REJECTED_ORDER,
    A_SHIPPED_ORDER,
    A_VALIDATED_ORDER,
    AN_ORDER_BEING_PAID,
    FAILED,
    PRICED,
    Facts,
)
from tests.support.rules import SUBJECT, given

BERLIN = Address(line1="Unter den Linden 1", postal_code="10117", city="Berlin", country="DE")
PARIS = Address(line1="5 avenue Anatole France", postal_code="75007", city="Paris", country="FR")
ADD = AddOrderItem(product_id=456, quantity=1)
ADDED = OrderItemAdded(order_id=SUBJECT, product_id=456, quantity=1)
REMOVE = RemoveOrderItem(product_id=456, quantity=1, reason="one is enough")
REMOVED = OrderItemRemoved(order_id=SUBJECT, product_id=456, quantity=1, reason="one is enough")
REDIRECT = UpdateShippingAddress(shipping_address=PARIS)
REDIRECTED = ShippingAddressUpdated(order_id=SUBJECT, personal=AddressPersonal(shipping_address=PARIS))
PAID_OR_OVER = [
    (A_PAID_ORDER, "already_paid"),
    (A_SHIPPED_ORDER, "order_shipped"),
    (A_DELIVERED_ORDER, "order_shipped"),
    (A_CANCELLED_ORDER, "order_cancelled"),
    (A_REJECTED_ORDER, "order_rejected"),
]


def test_an_order_tells_who_ordered_and_where_it_goes() -> None:
    command = CreateOrder(
        user_id=123,
        product_id=456,
        quantity=2,
        customer_name="Ada Lovelace",
        user_email="ada@example.org",
        user_username="ada",
        shipping_address=BERLIN,
        notes="Ring twice.",
    )
    personal = OrderPersonal(
        name="Ada Lovelace", email="ada@example.org", username="ada", shipping_address=BERLIN, notes="Ring twice."
    )
    fact = OrderInitiated(
        order_id=SUBJECT, user_id=123, items=(OrderLine(product_id=456, quantity=2),), personal=personal
    )
    given(ORDERS).knowing("inventory-456").when(command).then(fact)


@pytest.mark.parametrize("facts", [A_PENDING_ORDER, A_VALIDATED_ORDER, (*AN_ORDER_BEING_PAID, FAILED)])
def test_an_unpaid_order_takes_more(facts: Facts) -> None:
    given(ORDERS, *facts).knowing("inventory-456").when(ADD).then(ADDED)


def test_an_unpaid_order_takes_another_product() -> None:
    fact = OrderItemAdded(order_id=SUBJECT, product_id=9, quantity=3)
    given(ORDERS, *A_VALIDATED_ORDER).knowing("inventory-9").when(AddOrderItem(product_id=9, quantity=3)).then(fact)


@pytest.mark.parametrize("command", [ADD, REMOVE])
@pytest.mark.parametrize(
    ("facts", "code"), [*PAID_OR_OVER, (AN_ORDER_BEING_PAID, "payment_in_progress"), ((), "unknown_order")]
)
def test_what_is_paid_or_over_keeps_its_items(command: Any, facts: Facts, code: str) -> None:
    given(ORDERS, *facts).knowing("inventory-456").when(command).rejects(code)


def test_a_product_that_is_not_known_is_not_added() -> None:
    given(ORDERS, *A_PENDING_ORDER).when(AddOrderItem(product_id=9, quantity=1)).rejects("unknown_product")


def test_an_order_does_not_grow_for_ever() -> None:
    many = tuple(OrderLine(product_id=product_id, quantity=1) for product_id in range(1, MAX_LINES + 1))
    full = OrderInitiated(order_id=SUBJECT, user_id=1, items=many)
    given(ORDERS, full).knowing("inventory-456").when(ADD).rejects("order_too_large")
    large = OrderInitiated(order_id=SUBJECT, user_id=1, items=(OrderLine(product_id=1, quantity=MAX_PIECES),))
    given(ORDERS, large).knowing("inventory-456").when(ADD).rejects("order_too_large")


def test_some_pieces_of_a_line_are_removed() -> None:
    given(ORDERS, *A_VALIDATED_ORDER).when(REMOVE).then(REMOVED)


def test_a_whole_line_is_removed() -> None:
    mice = OrderItemAdded(order_id=SUBJECT, product_id=9, quantity=3)
    command = RemoveOrderItem(product_id=9, reason="no mice")
    fact = OrderItemRemoved(order_id=SUBJECT, product_id=9, quantity=3, reason="no mice")
    given(ORDERS, *A_PENDING_ORDER, mice).when(command).then(fact)


def test_what_is_not_in_the_order_is_removed_already() -> None:
    given(ORDERS, *A_PENDING_ORDER).when(RemoveOrderItem(product_id=9, reason="no mice")).stays_quiet()


@pytest.mark.parametrize(
    ("quantity", "code"), [(3, "not_so_many"), (2, "order_would_be_empty"), (None, "order_would_be_empty")]
)
def test_an_order_is_never_emptied_this_way(quantity: int | None, code: str) -> None:
    command = RemoveOrderItem(product_id=456, quantity=quantity, reason="none at all")
    given(ORDERS, *A_PENDING_ORDER).when(command).rejects(code)


def test_a_changed_order_waits_for_its_stock_again() -> None:
    changed = (*A_VALIDATED_ORDER, ADDED)
    three = PricedLine(product_id=456, quantity=1, unit_price=Money(amount=5100, currency="EUR"))
    given(ORDERS, *changed).when(ValidateOrder(items=(PRICED,))).rejects("items_changed")
    command = ValidateOrder(items=(PRICED, three))
    given(ORDERS, *changed).when(command).then(OrderValidated(order_id=SUBJECT, items=(PRICED, three)))


@pytest.mark.parametrize("facts", [A_PENDING_ORDER, A_VALIDATED_ORDER, AN_ORDER_BEING_PAID, A_PAID_ORDER])
def test_an_order_that_is_here_can_go_elsewhere(facts: Facts) -> None:
    given(ORDERS, *facts).when(REDIRECT).then(REDIRECTED)


@pytest.mark.parametrize(("facts", "code"), PAID_OR_OVER[1:])
def test_a_parcel_that_left_keeps_its_address(facts: Facts, code: str) -> None:
    given(ORDERS, *facts).when(REDIRECT).rejects(code)


def test_the_same_address_is_no_news() -> None:
    given(ORDERS, *A_PENDING_ORDER, REDIRECTED).when(REDIRECT).stays_quiet()


@pytest.mark.parametrize(
    "nonsense",
    [{"country": "XX"}, {"country": "de"}, {"city": " "}, {"line1": ""}, {"postal_code": "-1"}, {"planet": "Earth"}],
)
def test_an_address_refuses_nonsense(nonsense: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Address.model_validate({**BERLIN.model_dump(), **nonsense})
