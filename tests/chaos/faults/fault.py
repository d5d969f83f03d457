"""What a fault is: something that breaks a part of the world, lets it burn for a while, and mends it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tests.chaos.stage import Stage
from tests.chaos.world import World

S = TypeVar("S", bound=Stage)
Strike = Callable[[World], Awaitable[None]]
"""Returns when it has mended what it broke; from then on the system heals alone."""


@dataclass(frozen=True, slots=True)
class Fault(Generic[S]):
    id: str  # as in FAULTS.md
    what: str
    strike: Callable[[S], Awaitable[None]]
    is_usual: bool = False  # one of those that every run has
    fills_disks: bool = False

    def __str__(self) -> str:
        return f"{self.id} {self.what}"


class Impossible(Exception):
    """This machine cannot have this fault; the text says why."""


class Misbehaved(Exception):
    """The system did what it must not do under this fault; the text says what."""
