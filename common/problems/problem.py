"""What one type of problem is, to people and to programs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`title` says what happened, `remedy` what to do; `statuses` are all the HTTP statuses it is answered with."""

    statuses: tuple[int, ...]
    title: str
    remedy: str


def slug_of(code: str) -> str:
    """The code as it stands in an address."""
    return code.replace("_", "-")
