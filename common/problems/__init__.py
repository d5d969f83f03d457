"""Every code that an answer can carry, with its statuses and what to do: the one table of problem types."""

from collections.abc import Mapping

from common.problems.problem import Problem
from common.problems.requests import REQUESTS
from common.problems.rules import RULES

PROBLEMS: Mapping[str, Problem] = {**REQUESTS, **RULES}
"""By code. tests/unit/test_problems.py compares it with what the code base raises."""


def title_of(code: str) -> str:
    """What happened, in words that are the same each time; a refusal of somebody else's may have a code of theirs."""
    problem = PROBLEMS.get(code)
    return problem.title if problem else "The request failed"
