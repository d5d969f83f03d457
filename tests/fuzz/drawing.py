"""How Hypothesis draws here: evenly of every kind, since of one choice among many it takes the first far too often."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

T = TypeVar("T")
AT_ONCE = 16
EXAMPLES = 20  # of the same kinds, before others are taken; the first of them is the simplest there is
_settings = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],  # type: ignore[list-item]
)


def draw_evenly(kinds: Sequence[st.SearchStrategy[T]], wanted: int, take: Callable[[Sequence[T]], None]) -> None:
    """Give `take` some of different kinds at a time, at most AT_ONCE, until it has had so many.

    A kind that stands there several times is drawn so many times as often.
    """
    chance, taken = Random(), 0
    while taken < wanted:
        mixed = chance.sample(kinds, len(kinds))
        for first in range(0, len(mixed), AT_ONCE):
            some = mixed[first : first + AT_ONCE]
            _draw(some, take)
            taken += EXAMPLES * len(some)


def _draw(kinds: Sequence[st.SearchStrategy[T]], take: Callable[[Sequence[T]], None]) -> None:
    @_settings
    @given(st.tuples(*kinds))
    def go(some: tuple[T, ...]) -> None:
        take(some)

    go()
