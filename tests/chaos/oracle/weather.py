"""O10: how quickly answers came, and when there were none."""

from collections.abc import Iterator

from tests.chaos.history import FaultWindow, Record
from tests.chaos.oracle.facts import Facts, Finding

LATE_SECONDS = 1.0  # beyond the deadline
HEALING_SECONDS = 15.0  # after a fault
NANOSECONDS = 1_000_000_000


def o10_answers_come_in_time(facts: Facts) -> Iterator[Finding]:
    """No response later than its deadline + 1 s, no 5xx outside fault windows + 15 s.

    A call that was given up later than that had no response in time, either.
    """
    for record in facts.records:
        about = f"{record.op} {record.key} (by {record.proc})"
        took_seconds = (record.complete_ns - record.invoke_ns) / NANOSECONDS
        if took_seconds > record.deadline_s + LATE_SECONDS:
            yield about, f"it took {took_seconds:.1f} s of {record.deadline_s:.1f} s"
        if (record.status or 0) >= 500 and not any(in_window(record, fault) for fault in facts.faults):
            yield about, f"{record.status} in calm weather"


def in_window(record: Record, fault: FaultWindow) -> bool:
    """Whether the fault, or its healing, was there at any moment of the call."""
    healed_ns = fault.end_ns + int(HEALING_SECONDS * NANOSECONDS)
    return fault.begin_ns <= record.complete_ns and record.invoke_ns <= healed_ns
