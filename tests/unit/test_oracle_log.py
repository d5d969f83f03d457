"""The judge finds what is wrong with the log, and with what clients were told of it (O1, O2, O8)."""

from dataclasses import replace
from random import Random

import pytest
from msgspec.structs import replace as changed

from command_service.routes import identify
from common.access.actors import NOBODY
from tests.chaos.history import Record
from tests.chaos.oracle.calls import Call, with_greatest_before
from tests.chaos.oracle.facts import Facts
from tests.support.imagined_facts import SECOND
from tests.support.planting import (
    Fault,
    answered,
    append,
    first,
    found_by,
    last,
    list_of,
    with_more,
    with_record,
    without,
)


def drop_an_event(facts: Facts) -> None:
    last(facts, "StockReserved")["events"].clear()


def double_an_event(facts: Facts) -> None:
    last(facts, "OrderCompleted")["events"] *= 2


def skip_a_position(facts: Facts) -> None:
    facts.commits[-1]["_id"] += 1


def skip_a_version(facts: Facts) -> None:
    last(facts, "OrderRefunded")["version"] += 1


def change_a_commit(facts: Facts) -> None:
    first(facts, "OrderInitiated")["fingerprint"] = "another"


def lose_a_commit(facts: Facts) -> None:
    del list_of(facts.commits)[-1]


def lose_what_was_acknowledged(facts: Facts) -> Facts:
    return without(last(facts, "OrderCancelled"), facts)


def write_what_was_refused(facts: Facts) -> Facts:
    refused = next(record for record in facts.records if record.status == 409)
    return _written(facts, refused.key)


def write_what_changed_nothing(facts: Facts) -> Facts:
    unchanged = next(record for record in facts.records if record.changed is False)
    return _written(facts, unchanged.key)


def refuse_after_an_unknown_try(facts: Facts) -> Facts:
    """It was not known whether it was done, then it was refused: it may not be there."""
    unknown = unanswered(facts)
    later = {"invoke_ns": unknown.complete_ns + 1, "complete_ns": unknown.complete_ns + 2}
    return with_more(facts, changed(unknown, type="fail", status=409, **later))


def refuse_a_success(facts: Facts) -> Facts:
    """The retry of what was done is refused by its own effect."""
    done = answered(facts, "DeliverOrder")
    later = {"invoke_ns": done.complete_ns + 1, "complete_ns": done.complete_ns + 2}
    return with_more(facts, changed(done, type="fail", status=409, changed=None, position=None, **later))


def write_an_unknown_command_twice(facts: Facts) -> Facts:
    return _written(facts, unanswered(facts).key)


def unanswered(facts: Facts) -> Record:
    """A command without any answer that is in the log."""
    answers = {record.key for record in facts.records if record.type == "ok"}
    return next(r for r in facts.records if r.op == "CreateOrder" and r.status is None and r.key not in answers)


def _written(facts: Facts, key: str) -> Facts:
    return append(facts, last(facts, "StockReserved"), command_id=identify(NOBODY, key).command_id)


def answer_with_another_position(facts: Facts) -> Facts:
    record = answered(facts, "UpdateInventory")
    return with_record(facts, record, position=(record.position or 0) + 1)


def answer_with_another_id(facts: Facts) -> Facts:
    return with_record(facts, answered(facts, "UpdateInventory"), command_id="another")


def swap_positions(facts: Facts) -> Facts:
    """What was complete before another began stands behind it."""
    early, late = answered(facts, "DeliverOrder"), answered(facts, "CompleteOrder")
    swapped = with_record(facts, early, position=late.position)
    return with_record(swapped, late, position=early.position)


def put_an_unanswered_command_too_early(facts: Facts) -> Facts:
    """Nobody saw its end, but it stands before what was complete when it began."""
    late = {"invoke_ns": 10**6 * SECOND, "complete_ns": 10**6 * SECOND + 1}
    return with_record(facts, answered(facts, "UpdateInventory"), type="info", status=None, changed=None, **late)


FAULTS: dict[str, Fault] = {
    "an event is dropped": (drop_an_event, "O3", "inventory/1"),
    "an event is doubled": (double_an_event, "O3", "orders/"),
    "a position is skipped": (skip_a_position, "O2", "position 61"),
    "a version is skipped": (skip_a_version, "O2", "order-"),
    "a commit is changed": (change_a_commit, "O2", "is not what it was"),
    "the last commit is lost": (lose_a_commit, "O3", "it should not be there"),
    "a commit has vanished": (lambda f: replace(f, earlier={**f.earlier, 62: "x"}), "O2", "position 62"),
    "an acknowledged command is lost": (lose_what_was_acknowledged, "O1", "and lost"),
    "a refused command is in the log": (write_what_was_refused, "O1", "answered 409 for good"),
    "an unchanging command is in the log": (write_what_changed_nothing, "O1", "answered 200 for good"),
    "an unknown try, then a refusal": (refuse_after_an_unknown_try, "O1", "answered 409 for good"),
    "a success is refused later": (refuse_a_success, "O1", "answered 409 for good"),
    "an unknown command is there twice": (write_an_unknown_command_twice, "O1", "it is in the log at ["),
    "an answer told another position": (answer_with_another_position, "O1", "was answered as"),
    "an answer told another command id": (answer_with_another_id, "O1", "answered as command another"),
    "positions are against real time": (swap_positions, "O8", "was complete at"),
    "an unanswered command stands too early": (put_an_unanswered_command_too_early, "O8", "was complete at"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_its_rule(fault: str) -> None:
    plant, rule, said = FAULTS[fault]
    found = found_by(rule, plant)
    assert any(said in violation for violation in found), found


def test_what_was_complete_before_is_found_as_if_all_pairs_were_compared() -> None:
    chance = Random(1)
    for _ in range(200):
        calls = [_a_call(chance) for _ in range(chance.randint(1, 12))]
        for call, before in with_greatest_before(calls):
            ended = [other for other in calls if other.end_ns is not None and other.end_ns < call.begin_ns]
            assert (before and before.value) == max((other.value for other in ended), default=None)


def _a_call(chance: Random) -> Call:
    begin_ns = chance.randrange(20)
    end_ns = None if chance.random() < 0.2 else begin_ns + chance.randrange(10)
    return Call(begin_ns, end_ns, chance.randrange(1, 10), "")
