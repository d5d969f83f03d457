"""A state that was written down is read again as it was, or not at all."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from immutables import Map

from command_service.domain.attributes import ATTRIBUTES
from command_service.domain.decider import Decider
from command_service.domain.inventory import INVENTORY
from command_service.domain.media import MEDIA
from command_service.domain.orders import ORDERS
from command_service.domain.payments import PAYMENTS
from command_service.domain.products import PRODUCTS
from command_service.domain.sagas import SAGAS
from command_service.states import from_text, hash_of, to_text
from common.events.inventory import StockReserved
from common.events.orders import OrderInitiated, OrderPersonal, RefundRequested
from common.events.payments import PaymentInitiated, PaymentProcessed, PaymentRefundInitiated
from common.events.sagas import CommandRefused
from common.postal import Address
from common.values import CardPersonal, Money
from tests.support import order_facts as order
from tests.support import product_facts as product
from tests.support.appending import MARKS

ADDRESS = Address(line1="Wöhlerstraße 7 🚚", postal_code="30163", city="Hannover", country="DE")
PLACED = OrderInitiated(
    order_id=order.SUBJECT,
    user_id=2**53 - 1,
    items=order.INITIATED.items,
    personal=OrderPersonal(shipping_address=ADDRESS),
)
REFUND = RefundRequested(
    order_id=order.SUBJECT,
    payment_id=order.FIRST,
    refund_id=order.SECOND,
    number=1,
    amount=Money(amount=1, currency="EUR"),
)
RESERVED = StockReserved(
    product_id=456, order_id=order.SUBJECT, reservation_id="a.b$c", quantity=2, unit_price=product.PRICE
)
BEGUN = PaymentInitiated(payment_id=order.FIRST, order_id=order.SUBJECT, amount=order.TOTAL, personal=CardPersonal())
DONE = PaymentProcessed(payment_id=order.FIRST, order_id=order.SUBJECT, amount=order.TOTAL, provider_reference="r-1")
BACK = PaymentRefundInitiated(payment_id=order.FIRST, order_id=order.SUBJECT, amount=order.TOTAL)

STORIES: list[tuple[Decider[Any, Any, Any], tuple[Any, ...]]] = [
    (ORDERS, (PLACED, order.VALIDATED, order.REQUESTED, order.PAID, order.SHIPPED, order.DELIVERED, REFUND)),
    (ORDERS, order.A_REFUNDED_ORDER),
    (PAYMENTS, (BEGUN, DONE, BACK)),
    (INVENTORY, (product.IN_STOCK, RESERVED, product.WITH_INVENTORY_MEDIA)),
    (PRODUCTS, (product.CREATED, product.UPDATED, product.REPRICED, product.ACTIVATED)),
    (MEDIA, (product.WITH_MEDIA,)),
    (ATTRIBUTES, (product.WITH_ATTRIBUTES,)),
    (SAGAS, (CommandRefused(step="reserve/1", round=0, code="insufficient_stock", detail="Too few."),)),
]
NAMES = [f"{decider.context}-{len(facts)}" for decider, facts in STORIES]


@pytest.mark.parametrize(("decider", "facts"), STORIES, ids=NAMES)
def test_every_state_on_the_way_is_read_as_it_was_written(
    decider: Decider[Any, Any, Any], facts: tuple[Any, ...]
) -> None:
    state = decider.initial
    for fact in (None, *facts):
        state = state if fact is None else decider.evolve(state, fact)
        again = from_text(decider, to_text(state))
        assert again == state
        assert type(again) is type(state)


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "7", "[]", "{", '"' * 3, "[" * 100_000, '{"status": "SOLD"}', '{"lines": [{"product_id": 0}]}'),
        *(
            '{"lines": [{"product_id": 1, "quantity": 1, "colour": "red"}]}',
            '{"total": {"amount": -1, "currency": "EUR"}}',
        ),
    ],
)
def test_what_is_no_state_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="no state of order"):
        from_text(ORDERS, text)


class OneFieldMore(msgspec.Struct, frozen=True):
    quantity: int = 0
    colour: str = ""


class OneField(msgspec.Struct, frozen=True):
    quantity: int = 0


def test_each_decider_has_a_hash_of_its_own() -> None:
    deciders = (ORDERS, PAYMENTS, INVENTORY, PRODUCTS, MEDIA, ATTRIBUTES, SAGAS, MARKS)
    assert len({hash_of(decider) for decider in deciders}) == len(deciders)


@pytest.mark.parametrize(
    "change",
    [{"state": OneFieldMore}, {"context": "other"}, {"evolve": ORDERS.evolve}],
    ids=["state", "context", "rules"],
)
def test_another_shape_context_or_file_of_rules_is_another_hash(change: dict[str, Any]) -> None:
    small = replace(INVENTORY, state=OneField, initial=OneField())
    assert hash_of(replace(small, **change)) != hash_of(small)
    assert hash_of(replace(small)) == hash_of(small)


def test_a_map_keeps_its_structure() -> None:
    """A dict would be copied with every event."""
    state = INVENTORY.evolve(INVENTORY.evolve(INVENTORY.initial, product.IN_STOCK), RESERVED)
    assert isinstance(from_text(INVENTORY, to_text(state)).reservations, Map)
