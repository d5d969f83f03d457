"""What the audit trail tells of a commit, and what it never tells."""

from typing import Any

from common.codec import encode_event
from common.envelope import Commit
from common.events.orders import OrderCancelled, OrderEvent, OrderPersonal
from common.postal import Address
from query_service.commits import show_commit
from tests.support.order_facts import INITIATED, PAID, REQUESTED, VALIDATED
from tests.support.rules import NOW, SUBJECT


def told(*events: OrderEvent) -> dict[str, Any]:
    commit = Commit(
        position=7,
        stream=f"order-{SUBJECT}",
        version=2,
        partition_key=1,
        partition=1,
        events=tuple(map(encode_event, events)),
        command_id="the-command",
        fingerprint="secret-fingerprint",
        recorded_at=NOW,
        actor="ada",
        correlation_id="the-correlation",
    )
    return show_commit(commit)


def test_a_commit_is_told_with_who_when_why_and_its_ids() -> None:
    commit = told(OrderCancelled(order_id=SUBJECT, code="requested", reason="too slow"))
    assert commit == {
        "version": 2,
        "position": 7,
        "recorded_at": NOW,
        "actor": "ada",
        "reason": "too slow",
        "command_id": "the-command",
        "correlation_id": "the-correlation",
        "causation_id": None,
        "events": [
            {
                "event": "OrderCancelled",
                "schema": 2,
                "data": {"order_id": SUBJECT, "code": "requested", "reason": "too slow"},
            },
        ],
    }


def test_amounts_are_told_as_people_write_them() -> None:
    (validated, paid) = told(VALIDATED, PAID)["events"]
    assert validated["data"]["items"][0]["unit_price"] == {"amount": "49.99", "currency": "EUR"}
    assert paid["data"]["amount"] == {"amount": "99.98", "currency": "EUR"}
    assert told(PAID)["reason"] is None


def test_neither_the_customer_nor_the_card_is_told() -> None:
    address = Address(line1="Unter den Linden 1", city="Berlin", country="DE")
    personal = OrderPersonal(name="Ada Lovelace", email="ada@example.org", shipping_address=address, notes="Ring.")
    placed = INITIATED.model_copy(update={"personal": personal})
    text = str(told(placed, REQUESTED))
    for secret in ("Ada", "example.org", "Linden", "Ring", "tok_approve", "personal", "secret-fingerprint"):
        assert secret not in text
