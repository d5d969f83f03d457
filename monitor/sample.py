"""One look at the whole system, as it is stored; None stands for what nobody could tell then."""

from datetime import datetime

import msgspec


class Sample(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Rates are per second, since the sample before; numbers of commits, messages and documents are of that moment."""

    at: datetime
    accepted: float | None = None  # commands, those that were answered from the log or had nothing to do included
    refused: float | None = None
    conflicted: float | None = None  # refused because somebody was faster
    stored: float | None = None  # commits, as the next two
    published: float | None = None
    projected: float | None = None
    write_to_read_p50_ms: float | None = None
    write_to_read_p95_ms: float | None = None
    write_to_read_p99_ms: float | None = None
    queue_messages: int | None = None
    relay_lag: int | None = None  # commits, as the next
    projection_lag: int | None = None
    parked: int | None = None
    sagas_open: int | None = None  # commands of sagas that have no outcome yet
    sagas_stuck: int | None = None

    away: tuple[str, ...] = ()  # watched services none of whose processes answers
    has_log: bool | None = None
    has_broker: bool | None = None
    failed: float | None = None  # answers of 500 and more, per second
    asked: float | None = None  # queries, per second
    told: float | None = None  # what sagas were told, per second
    delivered: float | None = None  # messages, per second
    flush_ms: float | None = None  # of one insert into the log
    projector_lag_ms: float | None = None
    waiting_commands: int | None = None
    dead_commands: int | None = None
    differences: int | None = None  # found since the sample before


SHOWN = (
    *("at", "accepted", "refused", "conflicted", "stored", "published", "projected"),
    *("write_to_read_p50_ms", "write_to_read_p95_ms", "write_to_read_p99_ms"),
    *("queue_messages", "relay_lag", "projection_lag", "parked", "sagas_open", "sagas_stuck"),
)
"""What clients see of it; the rest is for stages and alerts."""
