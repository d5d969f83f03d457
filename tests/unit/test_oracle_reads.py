"""The judge finds stale, late and failed answers (O7, O10)."""

from typing import Any

import pytest
from msgspec.structs import replace as changed

from tests.chaos.history import Record
from tests.chaos.oracle.facts import Facts
from tests.support.imagined_facts import SECOND
from tests.support.planting import (
    Fault,
    answered,
    found_by,
    with_more,
    with_record,
)


def read_of(facts: Facts, version: int) -> Record:
    return next(record for record in facts.records if record.op == "read" and record.version == version)


def list_read(facts: Facts) -> Record:
    return next(record for record in facts.records if record.op == "list")


def read_older_than_the_token(facts: Facts) -> Facts:
    """Right for whoever knows nothing, wrong for whoever has this token."""
    return with_record(facts, read_of(facts, 2), version=0)


def find_nothing_with_a_token(facts: Facts) -> Facts:
    return with_record(facts, read_of(facts, 2), type="fail", status=404, version=None)


def leave_an_order_out_of_a_list(facts: Facts) -> Facts:
    record = list_read(facts)
    return with_record(facts, record, body={**record.body, "data": record.body["data"][1:]})


def list_an_old_order(facts: Facts) -> Facts:
    record = list_read(facts)
    old, *others = record.body["data"]
    return with_record(facts, record, body={**record.body, "data": [{**old, "version": 1}, *others]})


def read_what_is_not_in_the_log(facts: Facts) -> Facts:
    return with_record(facts, read_of(facts, 2), version=200)


def go_back_to_an_earlier_version(facts: Facts) -> Facts:
    """Without a token, so that only the client's own memory tells."""
    seen = max((r for r in facts.records if r.op == "read"), key=lambda record: record.version or 0)
    return with_more(facts, _afterwards(seen, version=1, token=None))


def go_back_to_nothing(facts: Facts) -> Facts:
    seen = read_of(facts, 2)
    return with_more(facts, _afterwards(seen, version=None, token=None, type="fail", status=404))


def go_back_in_the_log(facts: Facts) -> Facts:
    seen = read_of(facts, 2)
    return with_more(facts, _afterwards(seen, position=(seen.position or 0) - 1, version=None, token=None))


def _afterwards(record: Record, **change: Any) -> Record:
    return changed(record, invoke_ns=record.complete_ns + 1, complete_ns=record.complete_ns + 2, **change)


def answer_late(facts: Facts) -> Facts:
    record = answered(facts, "DeliverOrder")
    return with_record(facts, record, complete_ns=record.invoke_ns + int(6.1 * SECOND))


def fail_in_calm_weather(facts: Facts) -> Facts:
    record = list_read(facts)
    return with_record(facts, record, type="info", status=503)


def fail_long_after_the_fault(facts: Facts) -> Facts:
    stormy = next(record for record in facts.records if record.status == 503)
    begin_ns = 4 * SECOND + 15 * SECOND + 1
    return with_record(facts, stormy, invoke_ns=begin_ns, complete_ns=begin_ns + SECOND)


FAULTS: dict[str, Fault] = {
    "a read is older than its token": (read_older_than_the_token, "O7", "the token has seen"),
    "a read with a token finds nothing": (find_nothing_with_a_token, "O7", "is shown at version 0"),
    "a list lacks an order": (leave_an_order_out_of_a_list, "O7", "is shown at version 0"),
    "a list has an old order": (list_an_old_order, "O7", "is shown at version 1"),
    "a read has what the log has not": (read_what_is_not_in_the_log, "O7", "no version 200"),
    "a version goes back": (go_back_to_an_earlier_version, "O7", "is 1, and was"),
    "an order that was seen is gone": (go_back_to_nothing, "O7", "is 0, and was"),
    "a projection goes back": (go_back_in_the_log, "O7", "the projection's position is"),
    "an answer is late": (answer_late, "O10", "it took 6.1 s"),
    "a 5xx comes in calm weather": (fail_in_calm_weather, "O10", "503 in calm weather"),
    "a 5xx comes long after the fault": (fail_long_after_the_fault, "O10", "503 in calm weather"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_its_rule(fault: str) -> None:
    plant, rule, said = FAULTS[fault]
    found = found_by(rule, plant)
    assert any(said in violation for violation in found), found
