"""Which past is asked about: `as_of` as it is written, and the position it means."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.contract.operations import Parameter
from common.errors import BadRequest
from common.log_history import Head, position_at, read_head
from common.read_models.folding import Skips
from common.skips import read_skips_of
from query_service.answers import Answer
from query_service.moments import MOMENT, read_moment

AS_OF = Parameter(
    "as_of",
    MOMENT,
    "As it stood at this position of the log, or at this instant: after the last commit recorded by then.",
)


@dataclass(frozen=True, slots=True)
class Past:
    """Everything up to a position and nothing beyond it, and where to find it."""

    position: int
    events: AsyncDatabase
    views: AsyncDatabase

    async def skips(self) -> Skips:
        """What is passed over now was passed over then."""
        return await read_skips_of(self.views, self.events)


PastQuery = Callable[[web.Request, Past], Awaitable[Answer]]


def read_as_of(text: str) -> int | datetime:
    """A position or an instant; BadRequest where it is neither."""
    try:
        return read_moment(text)
    except ValueError as error:
        raise BadRequest("invalid_as_of", f"as_of is {error}.") from error


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
