"""What a saga is made of: values, and pure functions over them (PROTOCOL S)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid5

import msgspec

from common.events import Event

SAGA_NAMESPACE = UUID("2f0a4c7e-5d1b-5c39-9a44-6f1f0c8e7b21")  # never changes: stored command ids are made with it
S = TypeVar("S")


class Want(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A command that a saga wants done: stored once, sent unchanged until it has an outcome.

    `command` names a row of the dispatcher's table, `subject` is the id of what it is about, `body` is its fields as
    JSON has them. `round` is counted from the saga's own events.
    """

    step: str
    round: int = 0
    command: str
    subject: str
    body: Mapping[str, Any]


class Happened(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event of the saga's own partition."""

    event: Event
    at: datetime


class Accepted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A want was done: these events say so, recorded then; none when its goal was reached already."""

    step: str
    round: int = 0
    events: tuple[Event, ...]
    at: datetime | None = None


class Refused(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A want met a rule that says no, for ever."""

    step: str
    round: int = 0
    code: str
    detail: str


class TimeIsUp(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The moment that the saga waited for has passed."""


Input = Happened | Accepted | Refused | TimeIsUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Saga(Generic[S]):
    """The rules of one kind of saga: one for every subject of `context` that an event of type `begins_with` is about.

    `react` takes an input in, `plan` says what is wanted next, all of it at once, when nothing is open; `waits_until`
    when TimeIsUp is due, `waits_for` what must come from outside, in a word; `is_over` whether nothing more is known to
    come, `trouble` what a person must look at. A saga has the id of its subject, behind `id_prefix`: its name and a
    colon, where nothing else is said.
    """

    name: str
    context: str
    begins_with: str
    id_prefix: str | None = None
    state: type[S]
    initial: Callable[[str], S]
    react: Callable[[S, Input], S]
    plan: Callable[[S], tuple[Want, ...]]
    is_over: Callable[[S], bool]
    waits_until: Callable[[S], datetime | None] = lambda _: None
    waits_for: Callable[[S], str | None] = lambda _: None
    trouble: Callable[[S], str | None] = lambda _: None

    def id_of(self, subject: str) -> str:
        return self._prefix + subject

    def subject_of(self, saga_id: str) -> str:
        return saga_id.removeprefix(self._prefix)

    @property
    def _prefix(self) -> str:
        return f"{self.name}:" if self.id_prefix is None else self.id_prefix


def want_id(saga: str, saga_id: str, step: str, round_: int = 0) -> str:
    """The command id of a step (S2): the same however often the saga is folded again."""
    return str(uuid5(uuid5(SAGA_NAMESPACE, f"{saga}/{saga_id}"), f"{step}/{round_}"))
