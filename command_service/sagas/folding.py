"""How a saga's document grows: one input at a time, a want as soon as none is open; pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from command_service.sagas.shapes import Accepted, Happened, Input, Refused, Saga, TimeIsUp, Want, want_id
from common.codec import decode_event
from common.envelope import Commit

MOST_STEPS = 100  # the newest; a payment may be tried again and again


class Step(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A want that was stored; `outcome` is `accepted`, or the code of the refusal."""

    command_id: str
    want: Want
    asked_at: datetime
    done_at: datetime | None = None
    outcome: str | None = None


class Doc(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One saga; `rev` 0 is not stored yet. The last of the steps is the open want, while it has no outcome."""

    saga_id: str
    partition: int
    partition_key: int
    position: int = 0  # of the last commit that told anything new
    rev: int = 0
    state: Any
    steps: tuple[Step, ...] = ()
    trouble: str | None = None  # why it stands still: its rules say so, or what it was told could not be understood
    started_at: datetime
    updated_at: datetime

    @property
    def open(self) -> Step | None:
        return self.steps[-1] if self.steps and self.steps[-1].outcome is None else None


def begun(saga: Saga[Any], commit: Commit) -> Doc:
    return Doc(
        saga_id=commit.subject,
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
    return _planned(saga, replace(after, position=commit.position), now)


def answered(saga: Saga[Any], doc: Doc, command_id: str, answer: Accepted | Refused, now: datetime) -> Doc:
    """After the outcome of the open want; that of any other is old news."""
    step = doc.open
    if step is None or step.command_id != command_id:
        return doc
    outcome = answer.code if isinstance(answer, Refused) else "accepted"
    steps = (*doc.steps[:-1], replace(step, done_at=now, outcome=outcome))
    doc = _reacted(saga, doc, (answer,), f"at the outcome of {step.want.step}")
    return _planned(saga, replace(doc, steps=steps), now)


def instead(saga: Saga[Any], doc: Doc, now: datetime) -> Doc:
    """As if the open want had never been stored: with what is wanted in its place."""
    return _planned(saga, replace(doc, steps=doc.steps[:-1]), now)


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


def _planned(saga: Saga[Any], doc: Doc, now: datetime) -> Doc:
    doc = replace(doc, updated_at=now, trouble=doc.trouble or saga.trouble(doc.state))
    if doc.open or doc.trouble:
        return doc
    want = saga.plan(doc.state)
    if want is None:
        return doc
    command_id = want_id(saga.name, doc.saga_id, want.step, want.round)
    return replace(doc, steps=_kept(doc.steps, Step(command_id=command_id, want=want, asked_at=now)))


def _kept(steps: Sequence[Step], step: Step) -> tuple[Step, ...]:
    return (*steps[-MOST_STEPS + 1 :], step)
