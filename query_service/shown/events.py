"""The log's commits, as those who operate the system see them."""

from typing import Annotated, Any, TypedDict

from msgspec import Meta

from query_service.shown.orders import AuditedCommit, AuditedEvent
from query_service.shown.values import Instant


class LoggedCommit(AuditedCommit):
    """One accepted command of any stream."""

    stream: Annotated[str, Meta(examples=["inventory-456"])]
    partition: int


class RawEvent(TypedDict):
    """`data` as it is stored, in `schema`; `upcasted` as it is read today; `trouble` where it cannot be read."""

    event: str
    schema: int
    data: dict[str, Any]
    upcasted_schema: int
    upcasted: dict[str, Any]
    trouble: str | None


class RawCommit(TypedDict):
    """A commit field by field; `chain` is its link, in hexadecimal digits."""

    position: int
    stream: str
    version: int
    partition_key: int
    partition: int
    command_id: str
    fingerprint: str
    recorded_at: Instant
    actor: str
    correlation_id: str | None
    causation_id: str | None
    traceparent: str | None
    chain: str | None
    events: list[RawEvent]


class SagaCommand(TypedDict, total=False):
    """What is known of a saga's command besides."""

    saga_id: str
    step: str
    command: str
    outcome: str | None


class CausedCommand(SagaCommand):
    """A command, what it did, and what followed. One of a saga has its step, its name and its outcome.

    One without a stream did nothing: it has no outcome yet, or all was so already.
    """

    command_id: str
    stream: str | None
    version: int | None
    position: int | None
    recorded_at: Instant | None
    actor: str | None
    correlation_id: str | None
    causation_id: str | None
    events: list[AuditedEvent]
    caused: list["CausedCommand"]


class Correlation(TypedDict):
    """All that followed from the commands with this correlation id; those before `searched_from` may be missing."""

    correlation_id: str
    searched_from: Annotated[int, Meta(description="The oldest position that was looked at by correlation id.")]
    commands: list[CausedCommand]
