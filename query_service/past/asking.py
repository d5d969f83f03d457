"""Which past is asked about: `as_of` as it is written, and the position it means."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web
from pydantic import TypeAdapter, ValidationError
from pymongo.asynchronous.database import AsyncDatabase

from common.contract.operations import Parameter
from common.errors import BadRequest
from common.log_history import Head, position_at, read_head
from common.values import Instant
from query_service.answers import Answer

_POSITION = re.compile(r"[0-9]{1,18}", re.ASCII)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
AS_OF = Parameter(
    "as_of",
    {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "format": "date-time"}]},
    "As it stood at this position of the log, or at this instant: after the last commit recorded by then.",
)


@dataclass(frozen=True, slots=True)
class Past:
    """Everything up to a position and nothing beyond it, and where to find it."""

    position: int
    events: AsyncDatabase
    views: AsyncDatabase


PastQuery = Callable[[web.Request, Past], Awaitable[Answer]]


def read_as_of(text: str) -> int | datetime:
    """A position or an instant; BadRequest where it is neither."""
    if _POSITION.fullmatch(text):
        return int(text)
    try:
        return _INSTANT.validate_python(text)
    except ValidationError as error:
        raise BadRequest(
            "invalid_as_of",
            "as_of is a position of the log, like 1207, or an instant with its zone, like 2026-01-31T08:30:00Z "
            "(a + in it is written %2B).",
        ) from error


async def position_of(as_of: int | datetime, events: AsyncDatabase) -> int:
    """BadRequest for what the log has not come to yet."""
    head = await read_head(events)
    if isinstance(as_of, int):
        if as_of > head.position:
            raise BadRequest("as_of_not_yet", f"The log ends at position {head.position} so far.")
        return as_of
    if as_of > max(datetime.now(UTC), _last_time(head)):
        raise BadRequest("as_of_not_yet", "as_of lies in the future; nobody knows yet what will be then.")
    return await position_at(events, as_of, head.position)


def _last_time(head: Head) -> datetime:
    """A clock that is ahead of ours may have recorded what we have seen."""
    return head.recorded_at or datetime.min.replace(tzinfo=UTC)
