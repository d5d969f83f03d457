"""What a process counts, as Prometheus's format has it: values by series, and how they have grown."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

Series: TypeAlias = tuple[str, frozenset[tuple[str, str]]]
"""Name as it stands in the text (`…_total`, `…_bucket`), and labels."""
Numbers: TypeAlias = Mapping[Series, float]


def values(numbers: Numbers, name: str) -> list[tuple[dict[str, str], float]]:
    """Every series of this name, its labels with its value."""
    return [(dict(labels), value) for (called, labels), value in numbers.items() if called == name]


def total(numbers: Numbers, name: str) -> float:
    """Over all labels; 0 where there is none: a counter with labels appears when it first counts."""
    return sum(value for _, value in values(numbers, name))


def grown(before: Numbers, now: Numbers) -> Numbers:
    """By how much each counter has grown; one that is lower than it was began again at 0."""
    return {series: _growth(before.get(series, 0.0), value) for series, value in now.items()}


def added(parts: Iterable[Numbers]) -> Numbers:
    """Of several processes together."""
    together: dict[Series, float] = {}
    for part in parts:
        for series, value in part.items():
            together[series] = together.get(series, 0.0) + value
    return together


def over(number: float | None, limit: float) -> bool | None:
    """None where nobody can tell."""
    return None if number is None else number > limit


def negated(has: bool | None) -> bool | None:
    """None where nobody can tell."""
    return None if has is None else not has


def _growth(before: float, now: float) -> float:
    return now - before if now >= before else now
