"""The judge of the fuzz passes over what was reserved by hand, and over nothing else."""

import pytest

from tests.chaos.oracle import judge
from tests.chaos.oracle.facts import Facts
from tests.fuzz.judging import BY_SAGAS, wrong
from tests.support.planting import append, commits_with, data_of, first, planted

BY_HAND = "anybody"


def at_rest(facts: Facts) -> list[str]:
    return [violation.about for violation in wrong(facts) if violation.rule == "O9"]


def reserved_twice(actor: str, reservation_id: str) -> Facts:
    """Made, given back, made again under the same name, and left open, for an order that nobody knows."""
    facts = planted(lambda facts: None)
    about = {"reservation_id": reservation_id, "order_id": "nobody's"}
    for event_type, quantity in (("StockReserved", 1), ("StockReleased", 1), ("StockReserved", 2)):
        facts = append(facts, first(facts, event_type), actor=actor)
        commit = facts.commits[-1]
        commit["events"] = [event for event in commit["events"] if event["type"] == event_type]
        data_of(commit).update(about, quantity=quantity)
    return facts


def test_what_was_reserved_by_hand_is_left_open_and_made_again_as_one_likes() -> None:
    facts = reserved_twice(BY_HAND, "by hand")
    assert {"orders/nobody's", "reservation by hand"} <= {violation.about for violation in judge(facts)}
    assert at_rest(facts) == at_rest(reserved_twice(BY_HAND, "another"))
    assert not {"orders/nobody's", "reservation by hand"} & set(at_rest(facts))


def test_what_a_saga_reserved_is_not() -> None:
    assert {"orders/nobody's", "reservation by it"} <= set(at_rest(reserved_twice(BY_SAGAS, "by it")))


@pytest.mark.parametrize("event_type", ["StockReserved", "StockReleased"])
def test_stock_is_never_passed_over(event_type: str) -> None:
    """O4: a reservation is open when it is closed, and is not when it is made, whoever did it."""
    facts = reserved_twice(BY_HAND, "by hand")
    same = next(c for c in reversed(commits_with(facts, event_type)) if data_of(c)["reservation_id"] == "by hand")
    for _ in range(3):
        facts = append(facts, same)
    assert "O4" in {violation.rule for violation in wrong(facts)}
