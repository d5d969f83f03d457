"""What the monitor shows."""

from datetime import datetime
from typing import Annotated, Literal, TypedDict

from msgspec import Meta

State = Literal["ok", "slow", "down", "unknown"]
Severity = Literal["warning", "critical"]
PerSecond = float | None


class Stage(TypedDict):
    """A part of the way from a command to its views; `depth` is how many commits or messages wait there."""

    name: Annotated[str, Meta(examples=["relay"])]
    state: State
    rate: PerSecond
    depth: int | None
    lag_ms: float | None
    detail: str


class Pipeline(TypedDict):
    """`at` is when it was looked at; null until the first time."""

    at: datetime | None
    stages: list[Stage]


class SampleView(TypedDict):
    """Null is what nobody could tell. A point that stands for several has their mean rates and their worst lags."""

    at: datetime
    accepted: PerSecond
    refused: PerSecond
    conflicted: PerSecond
    stored: PerSecond
    published: PerSecond
    projected: PerSecond
    write_to_read_p50_ms: float | None
    write_to_read_p95_ms: float | None
    write_to_read_p99_ms: float | None
    queue_messages: int | None
    relay_lag: int | None
    projection_lag: int | None
    parked: int | None
    sagas_open: int | None
    sagas_stuck: int | None


class Samples(TypedDict):
    """Oldest first; `step_seconds` is what one point stands for."""

    step_seconds: int
    data: list[SampleView]


class Alert(TypedDict):
    """`advice` says which command to run, or where to look."""

    name: Annotated[str, Meta(examples=["parked_documents"])]
    severity: Severity
    since: datetime
    summary: str
    advice: str


class Alerts(TypedDict):
    """The critical ones first."""

    data: list[Alert]


class Queue(TypedDict):
    """`messages` is those `ready` and those `unacknowledged`; the rates are RabbitMQ's own."""

    name: str
    type: str
    messages: int
    ready: int
    unacknowledged: int
    consumers: int
    published_per_second: PerSecond
    delivered_per_second: PerSecond
    state: str


class Queues(TypedDict):
    """Nothing is said of the queues where RabbitMQ's management API does not answer, or is not named."""

    is_available: bool
    management_url: str | None
    data: list[Queue]
