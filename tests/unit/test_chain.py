"""A link says all that a commit is, but for what may change."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from common.chain import link
from common.envelope import RecordedEvent
from tests.support.commits import RECORDED_AT, a_commit, an_event

COMMIT = a_commit(7, "order-1", 3, actor="ada", correlation_id="story")
BEFORE = b"x" * 32


def with_data(**data: object) -> tuple[RecordedEvent, ...]:
    return (RecordedEvent(type="OrderInitiated", schema=1, data=data),)


@pytest.mark.parametrize(
    "change",
    [
        {"stream": "order-2"},
        {"version": 4},
        {"partition_key": 457},
        {"events": (an_event("Mouse"),)},
        {"events": (an_event(), an_event())},
        {"command_id": "another"},
        {"fingerprint": "another"},
        {"recorded_at": RECORDED_AT + timedelta(milliseconds=1)},
        {"actor": "bob"},
        {"correlation_id": None},
        {"causation_id": "story"},
        {"traceparent": "story"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_is_changed_changes_the_link(change: dict[str, object]) -> None:
    assert link(BEFORE, replace(COMMIT, **change)) != link(BEFORE, COMMIT)


def test_what_stood_before_changes_it_too() -> None:
    assert len({link(before, COMMIT) for before in (None, BEFORE, b"y" * 32)}) == 3


def test_its_place_in_the_log_is_not_in_it() -> None:
    assert link(BEFORE, replace(COMMIT, position=8, partition=5)) == link(BEFORE, COMMIT)


def test_what_may_be_erased_is_not_in_it() -> None:
    told, erased = with_data(order_id="1", personal={"email": "a@example.org"}), with_data(order_id="1", personal={})
    assert link(None, replace(COMMIT, events=told)) == link(None, replace(COMMIT, events=erased))
    assert link(None, replace(COMMIT, events=told)) != link(None, replace(COMMIT, events=with_data(order_id="2")))


def test_the_order_of_names_is_not_in_it() -> None:
    one, other = with_data(a=1, b={"c": 2, "d": 3}), with_data(b={"d": 3, "c": 2}, a=1)
    assert link(None, replace(COMMIT, events=one)) == link(None, replace(COMMIT, events=other))
