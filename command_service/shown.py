"""What a sender is told of a command, and of a batch of them."""

from datetime import datetime
from typing import Annotated, Any, TypedDict

from msgspec import Meta


class Accepted(TypedDict):
    """A command that was accepted; the id of what it is about stands beside. Without `changed` all was so already."""

    command_id: str
    version: Annotated[int, Meta(ge=0, description="Of the stream, afterwards.")]
    position: Annotated[int, Meta(ge=0, description="Of the stream's last commit in the log.")]
    partition: int | None
    token: Annotated[str, Meta(description="The Consistency-Token.")]
    status: Annotated[str | None, Meta(examples=["PENDING"])]
    changed: bool


class RefusedField(TypedDict):
    pointer: str
    detail: str


class RefusedLine(TypedDict):
    """`line` is its number in the batch."""

    line: int
    code: str
    detail: str
    errors: list[RefusedField]


class ImportReport(TypedDict):
    """What came of a batch: `accepted` now, `replayed` as they were accepted before."""

    accepted: int
    replayed: int
    rejected: list[RefusedLine]
    position: int
    token: str


class AggregateState(TypedDict):
    """A stream after `version` commits, as the rules see it; money is in minor units. A saga's stream has no state."""

    stream: str
    version: int
    position: Annotated[int, Meta(description="Of the last of these commits; 0 before the first.")]
    recorded_at: Annotated[datetime | None, Meta(description="Of the same.")]
    state: dict[str, Any] | None
