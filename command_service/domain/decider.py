"""What every context of the domain gives to the command handler."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from common.access.actors import Actor

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")


class Context(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a rule may know besides the command and the state.

    `subject` is the id of what the command is about (the order's, the product's), `actor` who sent it;
    `known_streams` are those of the streams the command refers to that exist.
    """

    subject: str
    now: datetime
    actor: Actor
    known_streams: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider(Generic[C, S, E]):
    """The rules of one context: pure functions over its commands, state and events.

    `state` is the type of the states, of which `initial` is the first.
    `decide` returns the events the command causes, or `()` when its goal is reached already, or raises a Refusal.
    `references` names the streams whose existence `decide` asks about, and so does `owner`: a context, whose stream of
    the same subject this one belongs to. `status` is the word the client is told. With `outgrows` a small command may
    cause large events.
    """

    context: str
    id_field: str
    initial: S
    state: Any
    decide: Callable[[C, S, Context], tuple[E, ...]]
    evolve: Callable[[S, E], S]
    status: Callable[[S], str | None]
    references: Callable[[C], frozenset[str]] = lambda _: frozenset()
    owner: str | None = None
    outgrows: bool = False

    @property
    def is_about_a_product(self) -> bool:
        return self.id_field == "product_id"
