"""A part of the log as a person names it: by positions or times, a stream, types of events."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from common.events import EVENT_TYPES
from common.log import MongoLog
from common.log_history import position_at
from common.republishing import Selection
from stack.errors import StackError

A_TICK = timedelta(milliseconds=1)  # instants in the log are whole ones


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text} is no time; write it like 2026-01-31T08:30:00Z") from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text} lacks its zone; write it like 2026-01-31T08:30:00Z")
    return moment.astimezone(UTC)


FirstPosition = Annotated[int | None, typer.Option(min=1, metavar="N", help="From here on; else from the beginning.")]
LastPosition = Annotated[int | None, typer.Option(min=1, metavar="N", help="Up to here; else to the head of the log.")]
FirstMoment = Annotated[
    datetime | None, typer.Option(parser=_instant, metavar="TIME", help="From then on, like 2026-01-31T08:30:00Z.")
]
LastMoment = Annotated[datetime | None, typer.Option(parser=_instant, metavar="TIME", help="Up to then.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for, before the log says what it means."""

    from_position: int | None
    from_time: datetime | None
    to_position: int | None
    to_time: datetime | None
    stream: str | None
    types: frozenset[str]

    def __post_init__(self) -> None:
        for one, other in (("from_position", "from_time"), ("to_position", "to_time")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise typer.BadParameter(f"give a position or a time, not both ({one[:-9]})")
        if unknown := sorted(self.types - EVENT_TYPES.keys()):
            raise typer.BadParameter(f"there is no event {unknown[0]}", param_hint="--type")

    async def selection(self, log: MongoLog) -> Selection:
        """StackError where the log does not go so far, or has no such stream."""
        head = await log.head()
        first, last = self.from_position or 1, self.to_position or head
        if self.from_time:
            first = await position_at(log.database, self.from_time - A_TICK, head) + 1
        if self.to_time:
            last = await position_at(log.database, self.to_time, head)
        if max(self.from_position or 0, self.to_position or 0) > head:
            raise StackError(f"the log ends at position {head}")
        if self.stream is not None and not await log.has_version(self.stream, 1):
            raise StackError(
                f"there is no stream {self.stream}; a name is like order-57410cad-6e90-5177-96c8-1152331f01bb"
            )
        return Selection(first=first, last=last, stream=self.stream, types=self.types)
