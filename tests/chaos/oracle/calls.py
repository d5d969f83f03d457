"""Calls side by side in time: what was known for certain before one of them began."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Call(NamedTuple):
    """`value` is what it showed: a position or a version. One whose end nobody saw has `end_ns` None."""

    begin_ns: int
    end_ns: int | None
    value: int
    about: str


def with_greatest_before(calls: Iterable[Call]) -> Iterator[tuple[Call, Call | None]]:
    """Each call with that of the greatest value among those that had ended before it began; O(n log n)."""
    by_begin = sorted(calls, key=lambda call: call.begin_ns)
    ended = sorted((call.end_ns, call.value, call) for call in by_begin if call.end_ns is not None)
    greatest: Call | None = None
    following = iter(ended)
    upcoming = next(following, None)
    for call in by_begin:
        while upcoming and upcoming[0] < call.begin_ns:
            if greatest is None or upcoming[1] > greatest.value:
                greatest = upcoming[2]
            upcoming = next(following, None)
        yield call, greatest
