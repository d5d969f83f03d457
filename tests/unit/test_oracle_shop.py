"""The judge finds what is wrong with stock and money, and what has not come to rest (O4, O5, O9)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.chaos.oracle.facts import Facts
from tests.support.imagined_day import SCARCE
from tests.support.planting import (
    Fault,
    Plant,
    add,
    append,
    charge_of,
    commits_with,
    data_of,
    first,
    found_by,
    last,
    list_of,
    saga_of,
    view,
)

SET_BACK = {"_id": "views/0", "partition": 0, "position": 1, "command_id": None}


def release_twice(facts: Facts) -> Facts:
    """What is reserved falls below 0."""
    released = next(c for c in commits_with(facts, "StockReleased") if c["stream"] == f"inventory-{SCARCE}")
    return append(facts, released)


def reserve_too_much(facts: Facts) -> None:
    data_of(first(facts, "StockReserved"))["quantity"] = 51


def oversell(facts: Facts) -> None:
    """More pieces left than there were; at the head nothing is reserved any more."""
    for commit in (first(facts, "StockReserved"), first(facts, "StockCommitted")):
        data_of(commit)["quantity"] = 1000


def break_a_promise_for_a_moment(facts: Facts) -> None:
    """Less is on hand than is reserved, and then enough again."""
    append_stock(facts, 1)
    append_stock(facts, 50)


def append_stock(facts: Facts, quantity: int) -> None:
    commit = append(facts, first(facts, "InventoryUpdated")).commits[-1]
    data_of(commit)["quantity"] = quantity
    list_of(facts.commits).append(commit)


def sell_a_reservation_again(facts: Facts) -> Facts:
    return append(facts, last(facts, "StockCommitted"))


def capture_a_cent_less(facts: Facts) -> None:
    charge_of(facts, 1, 0)["amount"] -= 1


def capture_a_fraction(facts: Facts) -> None:
    charge_of(facts, 1, 0)["amount"] += 0.0


def show_a_cent_less(facts: Facts) -> None:
    view(facts, "orders", status="PAID")["captured"]["amount"] -= 1


def capture_in_another_currency(facts: Facts) -> None:
    charge_of(facts, 1, 0)["currency"] = "USD"


def charge_what_nobody_wanted(facts: Facts) -> None:
    list_of(facts.books).append(charge_of(facts, 1, 0) | {"payment_id": "unheard-of"})


def capture_twice(facts: Facts) -> None:
    charge_of(facts, 1, 1)["captured_count"] = 2


def give_back_twice(facts: Facts) -> None:
    charge = charge_of(facts, 1, 1)
    charge |= {"refunded_count": 2, "refunded_amount": 2 * charge["amount"]}


def keep_the_money(facts: Facts) -> None:
    charge_of(facts, 1, 1).update(refunded_count=0, refunded_amount=0)


def tell_a_capture_twice(facts: Facts) -> Facts:
    return append(facts, last(facts, "PaymentProcessed"))


def leave_lag(facts: Facts) -> None:
    facts.positions["groups"]["views"]["lag"] = 3


def leave_the_relay_behind(facts: Facts) -> None:
    facts.positions["relay"]["lag"] = 3


def lose_a_group(facts: Facts) -> None:
    del facts.positions["groups"]["sagas"]


def leave_a_want_open(facts: Facts) -> None:
    saga_of(facts, "PAID")["is_open"] = True


def leave_a_charge_open(facts: Facts, seconds_left: float) -> None:
    saga = saga_of(facts, "PAID")
    until = facts.looked_at + timedelta(seconds=seconds_left)
    saga |= {"is_open": True, "steps": [{"want": {"step": "charge", "body": {"until": until.isoformat()}}}]}


def leave_a_saga_behind(facts: Facts) -> None:
    """It has not heard that its order was completed."""
    saga = saga_of(facts, "COMPLETED")
    saga |= {"state_word": "running", "waits_for": "completion"}
    saga["state"]["status"] = "DELIVERED"


def leave_a_saga_stuck(facts: Facts) -> None:
    saga_of(facts, "REFUNDED").update(state_word="stuck", trouble="release: unknown_reservation")


def lose_a_saga(facts: Facts) -> None:
    list_of(facts.sagas).remove(saga_of(facts, "REFUNDED"))


def miss_the_time(facts: Facts) -> Facts:
    return replace(facts, looked_at=facts.looked_at + timedelta(minutes=1))


def keep_the_stock_of(event_type: str) -> Plant:
    """The reservation is not closed, whatever the saga says of it."""

    def keep(facts: Facts) -> None:
        for commit in commits_with(facts, event_type):
            commit["events"].clear()

    return keep


def keep_a_piece(facts: Facts) -> None:
    data_of(first(facts, "StockReleased"))["quantity"] -= 1


FAULTS: dict[str, Fault] = {
    "what is reserved falls below 0": (release_twice, "O4", "-2 are reserved"),
    "more is reserved than there is": (reserve_too_much, "O4", "51 are reserved"),
    "more is sold than there was": (oversell, "O4", "1000 sold of"),
    "less is on hand than reserved for a moment": (break_a_promise_for_a_moment, "O4", "inventory/1: at position 62"),
    "a reservation is sold again": (sell_a_reservation_again, "O4", "was not open"),
    "the books are off by a cent": (capture_a_cent_less, "O5", "the log keeps"),
    "the books have fractions": (capture_a_fraction, "O5", "is no integer"),
    "a view is off by a cent": (show_a_cent_less, "O5", "the view keeps"),
    "the books have another currency": (capture_in_another_currency, "O5", "USD"),
    "the books have what the log has not": (charge_what_nobody_wanted, "O5", "charge unheard-of"),
    "a payment is captured twice": (capture_twice, "O9", "capture of"),
    "a double capture is also money": (capture_twice, "O5", "the log keeps 0"),
    "a payment is given back twice": (give_back_twice, "O9", "refund of"),
    "the money of a cancelled order is kept": (keep_the_money, "O9", "REFUNDED, and the provider has its money"),
    "a capture is told twice": (tell_a_capture_twice, "O9", "PaymentProcessed"),
    "a group has lag": (leave_lag, "O9", "group views"),
    "the relay has lag": (leave_the_relay_behind, "O9", "group relay"),
    "a group is not there": (lose_a_group, "O9", "group sagas"),
    "a checkpoint went back": (add("checkpoints", SET_BACK), "O9", "checkpoint views/0"),
    "a request is left": (add("requests", {"_id": "rebuild/1"}), "O9", "request rebuild/1"),
    "a want has no outcome": (leave_a_want_open, "O9", "has no outcome"),
    "a charge is open when its time is over": (lambda facts: leave_a_charge_open(facts, -1), "O9", "step charge has"),
    "a saga has not heard the end": (leave_a_saga_behind, "O9", "and the order is COMPLETED"),
    "a saga is stuck": (leave_a_saga_stuck, "O9", "it is stuck"),
    "a saga is missing": (lose_a_saga, "O9", "there is none"),
    "a saga has missed its time": (miss_the_time, "O9", "since its time was over"),
    "a cancelled order holds stock": (keep_the_stock_of("StockReleased"), "O9", "are reserved for it"),
    "a cancelled order keeps a piece": (keep_a_piece, "O9", "1 of product"),
    "a shipped order holds stock": (keep_the_stock_of("StockCommitted"), "O9", "it is COMPLETED, and 2 of product"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_its_rule(fault: str) -> None:
    plant, rule, said = FAULTS[fault]
    found = found_by(rule, plant)
    assert any(said in violation for violation in found), found


def test_a_charge_may_be_open_while_there_is_time_for_it() -> None:
    assert found_by("O9", lambda facts: leave_a_charge_open(facts, 1)) == []


def test_a_generation_that_is_kept_may_stand_where_it_was_left() -> None:
    assert found_by("O9", add("checkpoints", SET_BACK | {"_id": "orders@2/0"})) == []
