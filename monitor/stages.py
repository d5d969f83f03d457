"""The way from a command to its views, stage by stage: how each one does, by the newest sample."""

from collections.abc import Callable
from dataclasses import dataclass

from monitor.numbers import negated, over
from monitor.sample import Sample
from monitor.shown import Stage, State

SLOW_RELAY_COMMITS = 500
SLOW_QUEUE_MESSAGES = 1_000
SLOW_FLUSH_MS = 500.0
SLOW_PROJECTION_MS = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """`is_down` and `is_slow` are None where nobody can tell."""

    name: str
    is_down: Callable[[Sample], bool | None]
    is_slow: Callable[[Sample], bool | None]
    rate: Callable[[Sample], float | None] = lambda _: None
    depth: Callable[[Sample], int | None] = lambda _: None
    lag_ms: Callable[[Sample], float | None] = lambda _: None
    detail: Callable[[Sample], str]


def stages(sample: Sample | None) -> list[Stage]:
    """All unknown before the first sample."""
    return [_stage(row, sample) for row in _ROWS]


def _stage(row: _Row, sample: Sample | None) -> Stage:
    if sample is None:
        return {
            "name": row.name,
            "state": "unknown",
            "rate": None,
            "depth": None,
            "lag_ms": None,
            "detail": "Nobody has looked yet.",
        }
    state = _state(row, sample)
    return {
        "name": row.name,
        "state": state,
        "rate": _rounded(row.rate(sample)),
        "depth": row.depth(sample),
        "lag_ms": _rounded(row.lag_ms(sample)),
        "detail": "It does not answer." if state == "down" else row.detail(sample),
    }


def _state(row: _Row, sample: Sample) -> State:
    is_down, is_slow = row.is_down(sample), row.is_slow(sample)
    if is_down:
        return "down"
    if is_slow:
        return "slow"
    return "unknown" if is_down is None or is_slow is None else "ok"


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)


def _away(service: str) -> Callable[[Sample], bool | None]:
    return lambda sample: service in sample.away


def _sum(*numbers: float | None) -> float | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _told(number: float | None) -> str:
    return "unknown" if number is None else f"{number:.4g}"


_ROWS = (
    _Row(
        name="commands",
        is_down=_away("command"),
        is_slow=lambda s: over(s.failed, 0),
        rate=lambda s: _sum(s.accepted, s.refused, s.conflicted),
        depth=lambda s: s.waiting_commands,
        detail=lambda s: f"Refused per second: {_told(s.refused)}; answered 5xx: {_told(s.failed)}.",
    ),
    _Row(
        name="log",
        is_down=lambda s: negated(s.has_log),
        is_slow=lambda s: over(s.flush_ms or 0.0, SLOW_FLUSH_MS),
        rate=lambda s: s.stored,
        lag_ms=lambda s: s.flush_ms,
        detail=lambda s: "Nothing was written." if s.flush_ms is None else f"An insert takes {s.flush_ms:.1f} ms.",
    ),
    _Row(
        name="relay",
        is_down=_away("command"),
        is_slow=lambda s: over(s.relay_lag, SLOW_RELAY_COMMITS),
        rate=lambda s: s.published,
        depth=lambda s: s.relay_lag,
        detail=lambda s: f"Commits not published yet: {_told(s.relay_lag)}.",
    ),
    _Row(
        name="exchange",
        is_down=lambda s: negated(s.has_broker),
        is_slow=lambda _: False,
        rate=lambda s: s.published,
        detail=lambda s: "RabbitMQ answers." if s.has_broker else "Nobody tells of RabbitMQ.",
    ),
    _Row(
        name="queues",
        is_down=lambda s: negated(s.has_broker),
        is_slow=lambda s: over(s.queue_messages, SLOW_QUEUE_MESSAGES),
        rate=lambda s: s.delivered,
        depth=lambda s: s.queue_messages,
        detail=lambda s: f"Messages that wait: {_told(s.queue_messages)}; dead commands: {_told(s.dead_commands)}.",
    ),
    _Row(
        name="projector",
        is_down=_away("projector"),
        is_slow=lambda s: over(s.projector_lag_ms, SLOW_PROJECTION_MS),
        rate=lambda s: s.projected,
        depth=lambda s: s.projection_lag,
        lag_ms=lambda s: s.projector_lag_ms,
        detail=lambda s: f"Commits not in the views yet: {_told(s.projection_lag)}.",
    ),
    _Row(
        name="views",
        is_down=_away("query"),
        is_slow=lambda s: over(s.parked, 0),
        rate=lambda s: s.asked,
        lag_ms=lambda s: s.write_to_read_p95_ms,
        detail=lambda s: f"Parked documents: {_told(s.parked)}.",
    ),
    _Row(
        name="sagas",
        is_down=_away("saga"),
        is_slow=lambda s: over(s.sagas_stuck, 0),
        rate=lambda s: s.told,
        depth=lambda s: s.sagas_open,
        detail=lambda s: f"Sagas that wait for a person: {_told(s.sagas_stuck)}.",
    ),
)
