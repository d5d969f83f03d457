"""What a read model declares of itself, and what its rules may know."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from common.events import Event

V = TypeVar("V")

Numbers = Mapping[str, int]
"""Dotted field → how much one document adds to it."""


class Told(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the commit says of an event besides the event."""

    event_type: str
    subject: str
    position: int
    version: int
    recorded_at: datetime


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """Fields with 1 or -1, as the database takes them; `where` is a partial filter."""

    fields: tuple[tuple[str, int], ...]
    where: Mapping[str, Any] | None = None


class Summary(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Sums of one kind. Documents are one per key, or one per key and partition where partitions share the key.

    All kinds stand in one collection (SUMS), so that a batch writes them with one statement; `of` is the kind's name
    there. `fields` are the names of the key's parts, as they stand in the document. Indexes hold this kind alone.
    """

    of: str
    fields: tuple[str, ...]
    indexes: tuple[Index, ...] = ()
    is_shared: bool = False


class SummaryKey(msgspec.Struct, frozen=True, gc=False):
    """Which document of which kind of sums; `parts` are the values of its fields."""

    summary: Summary
    parts: tuple[int | str, ...]


Contribution = Mapping[SummaryKey, Numbers]


class ReadModel(msgspec.Struct, Generic[V], frozen=True, kw_only=True, eq=False):
    """A collection of documents, each the fold of one stream of `context`; `key` makes its id of the subject.

    `project` makes the next view; `contribute` says what a view adds to the summaries.

    `also` are further contexts whose streams of the same subject and partition are folded in. A document's version is
    that of `context`: 0 while only the others have told of it, and then no query shows it. A commit of theirs after
    which `project` gives back the very view it was given leaves the document as it stands, position and all.

    `rules` is raised with every change of what the documents or sums are: a generation is folded by the rules it was
    begun with, or not at all. `summaries` are what the documents contribute to; one kind belongs to one read model.
    """

    collection: str
    context: str
    also: tuple[str, ...] = ()
    key: Callable[[str], str | int]
    view: type[V]
    project: Callable[[V | None, Event, Told], V | None]
    contribute: Callable[[V], Contribution] = lambda _: {}
    summaries: tuple[Summary, ...] = ()
    rules: int = 1
    indexes: tuple[Index, ...] = ()

    @property
    def contexts(self) -> tuple[str, ...]:
        return (self.context, *self.also)
