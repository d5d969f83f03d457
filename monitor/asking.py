"""What may stand in the query of a question to the monitor."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from common.contract.operations import Parameter
from common.errors import BadRequest
from common.values import Instant

LEAST_STEP_SECONDS = 5
MOST_STEP_SECONDS = 24 * 3600
_WHEN = {"type": "string", "format": "date-time"}
BEGIN = Parameter("from", _WHEN, "Samples from this instant on; 15 minutes before `to` without it.")
END = Parameter("to", _WHEN, "Samples up to this instant; now without it.")
STEP = Parameter(
    "step",
    {
        "type": "integer",
        "minimum": LEAST_STEP_SECONDS,
        "maximum": MOST_STEP_SECONDS,
        "default": LEAST_STEP_SECONDS,
    },
    "Seconds that one point stands for, at least.",
)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


def read_instant(query: Mapping[str, str], parameter: Parameter) -> datetime | None:
    text = query.get(parameter.name)
    if text is None:
        return None
    try:
        return _INSTANT.validate_python(text)
    except ValidationError as error:
        raise BadRequest(
            "invalid_filter",
            f"{parameter.name} is an instant with its zone, like 2026-01-31T08:30:00Z (a + in it is %2B).",
        ) from error


def read_step(query: Mapping[str, str]) -> int:
    text = query.get(STEP.name, str(LEAST_STEP_SECONDS))
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_STEP_SECONDS))
    if not is_number or not LEAST_STEP_SECONDS <= int(text) <= MOST_STEP_SECONDS:
        raise BadRequest("invalid_filter", f"step is a number from {LEAST_STEP_SECONDS} to {MOST_STEP_SECONDS}.")
    return int(text)
