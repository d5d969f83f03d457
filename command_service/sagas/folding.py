"""How a saga's document grows: one input at a time, and what is wanted next as soon as nothing is open; pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from command_service.sagas.shapes import Accepted, Happened, Input, Refused, Saga, TimeIsUp, Want, want_id
from common.codec import decode_event
from common.envelope import Commit

MOST_STEPS = 100  # the newest; a payment may be tried again and again


class Step(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A want that was stored; `outcome` is `accepted`, or the code of the refusal.

    `caused_by` is the command whose commit, or whose outcome, made the saga want it; None where time did.
    """

    command_id: str
    want: Want
    asked_at: datetime
    done_at: datetime | None = None
    outcome: str | None = None
    caused_by: str | None = None


class Doc(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One saga; `rev` 0 is not stored yet. The last of the steps are the open wants, while they have no outcome."""

    saga_id: str
    saga: str
    partition: int
    partition_key: int
    position: int = 0  # of the last commit that told anything new
    rev: int = 0
    state: Any
    steps: tuple[Step, ...] = ()
    trouble: str | None = None  # why it stands still: its rules say so, or what it was told could not be understood
    started_at: datetime
    updated_at: datetime
    traceparent: str | None = (
        None  # of the last commit that told anything new, if it had one: what is wanted stands in it
    )

    @property
    def open(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.outcome is None)


def begins(saga: Saga[Any], commit: Commit) -> bool:
    """Whether there is a saga from this commit on; the event may stand anywhere in it."""
    return any(record.type == saga.begins_with for record in commit.events)


def begun(saga: Saga[Any], commit: Commit) -> Doc:
    return Doc(
        saga_id=saga.id_of(commit.subject),
        saga=saga.name,
        partition=commit.partition,
        partition_key=commit.partition_key,
        state=saga.initial(commit.subject),
        started_at=commit.recorded_at,
        updated_at=commit.recorded_at,
    )


def took(saga: Saga[Any], doc: Doc, commit: Commit, now: datetime) -> Doc:
    """After a commit of the saga's own partition; one it has seen changes nothing."""
    if commit.position <= doc.position:
        return doc
    events = (Happened(event=decode_event(record), at=commit.recorded_at) for record in commit.events)
    after = _reacted(saga, doc, events, f"at position {commit.position}")
    if (after.state, after.trouble) == (doc.state, doc.trouble):  # an outcome said the same before
        return doc
    after = replace(after, position=commit.position, traceparent=commit.traceparent or doc.traceparent)
    return _planned(saga, after, now, caused_by=commit.command_id)


def answered(saga: Saga[Any], doc: Doc, command_id: str, answer: Accepted | Refused, now: datetime) -> Doc:
    """After the outcome of an open want; that of any other is old news."""
    step = next((step for step in doc.open if step.command_id == command_id), None)
    if step is None:
        return doc
    outcome = answer.code if isinstance(answer, Refused) else "accepted"
    done = replace(step, done_at=now, outcome=outcome)
    steps = tuple(done if each is step else each for each in doc.steps)
    doc = _reacted(saga, doc, (answer,), f"at the outcome of {step.want.step}")
    return _planned(saga, replace(doc, steps=steps), now, caused_by=command_id)


def instead(saga: Saga[Any], doc: Doc, now: datetime) -> Doc:
    """As if the open wants had never been stored: with what is wanted in their place."""
    caused_by = next((step.caused_by for step in doc.open), None)
    return _planned(saga, replace(doc, steps=tuple(step for step in doc.steps if step.outcome)), now, caused_by)


def overdue(saga: Saga[Any], doc: Doc, now: datetime) -> Doc:
    due_at = saga.waits_until(doc.state)
    if due_at is None or due_at > now:
        return doc
    return _planned(saga, replace(doc, state=saga.react(doc.state, TimeIsUp())), now)


def _reacted(saga: Saga[Any], doc: Doc, inputs: Iterable[Input], where: str) -> Doc:
    state, trouble = doc.state, doc.trouble
    try:
        for told in inputs:
            state = saga.react(state, told)
    except Exception as error:  # noqa: BLE001 - what one saga cannot understand must not stop the others
        trouble = f"{type(error).__name__} {where}: {error}"[:500]
    return replace(doc, state=state, trouble=trouble)


def _planned(saga: Saga[Any], doc: Doc, now: datetime, caused_by: str | None = None) -> Doc:
    doc = replace(doc, updated_at=now, trouble=doc.trouble or saga.trouble(doc.state))
    if doc.open or doc.trouble:
        return doc
    steps = [
        Step(
            command_id=want_id(saga.name, doc.saga_id, want.step, want.round),
            want=want,
            asked_at=now,
            caused_by=caused_by,
        )
        for want in saga.plan(doc.state)
    ]
    return replace(doc, steps=(*doc.steps, *steps)[-MOST_STEPS:]) if steps else doc
