"""What the gateway itself shows: how far everything has come, what is ready, what problems there are."""

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta


class RelayPosition(TypedDict):
    position: int
    lag: int
    connected: bool


class PartitionPosition(TypedDict):
    partition: int
    position: int
    seen: int


class GroupPosition(TypedDict):
    """`lag` is in commits, and null while nobody knows the log's head."""

    position: int
    lag_ms: int
    partitions: list[PartitionPosition]
    lag: int | None


class Positions(TypedDict):
    """A side that is away is left out: then `head` and `relay` are null, or there are no groups."""

    log_id: NotRequired[str]
    partitions: NotRequired[int]
    head: int | None
    relay: RelayPosition | None
    groups: dict[str, GroupPosition]


class Alive(TypedDict):
    status: Literal["ok"]


class Readiness(TypedDict):
    status: Literal["ok", "unready"]
    checks: dict[str, bool]


class ProblemType(TypedDict):
    """`title` says what happened, `remedy` what to do."""

    type: Annotated[str, Meta(examples=["/problems/stale-version"])]
    code: str
    title: str
    remedy: str
    statuses: list[int]


class ProblemTypes(TypedDict):
    data: list[ProblemType]
