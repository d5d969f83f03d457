"""Moments of the log as clients write them: a position, or an instant that becomes one (PROTOCOL Q4)."""

import re
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from common.contract.operations import Schema
from common.values import Instant

_POSITION = re.compile(r"[0-9]{1,18}", re.ASCII)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
MOMENT: Schema = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "format": "date-time"}]}


def read_moment(text: str) -> int | datetime:
    """ValueError says how it is written."""
    if _POSITION.fullmatch(text):
        return int(text)
    try:
        return _INSTANT.validate_python(text)
    except ValidationError as error:
        raise ValueError(
            "a position of the log, like 1207, or an instant with its zone, like 2026-01-31T08:30:00Z "
            "(a + in it is %2B)"
        ) from error
