"""Looks at a system, and samples of one, that tests put together."""

from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.numbers import Numbers
from monitor.sample import Sample
from monitor.scrape import Scrape
from monitor.shown import Queue

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def numbers(**counts: float) -> Numbers:
    """Names as they are counted, without `leveret_`; labels stand behind two underscores: `commands_total__done`."""
    return dict(_series(name, value) for name, value in counts.items())


def _series(name: str, value: float) -> tuple[tuple[str, frozenset[tuple[str, str]]], float]:
    called, _, label = name.partition("__")
    labels = {
        "commands_total": {"command": "CreateOrder", "outcome": label},
        "http_requests_total": {"route": "/queries/orders", "status": label},
    }.get(called, {"of": label} if label else {})
    return (f"leveret_{called}", frozenset(labels.items())), value


def written(head: int, relayed: int, *, is_connected: bool = True) -> dict[str, Any]:
    return {"head": head, "relay": {"position": relayed, "lag": head - relayed, "connected": is_connected}}


def read(position: int) -> dict[str, Any]:
    return {"groups": {"views": {"position": position}}}


def a_queue(name: str, messages: int = 0, delivered: float | None = None) -> Queue:
    return {
        "name": name,
        "type": "quorum",
        "messages": messages,
        "ready": messages,
        "unacknowledged": 0,
        "consumers": 1,
        "published_per_second": None,
        "delivered_per_second": delivered,
        "state": "running",
    }


def look(taken_at: float, **services: Numbers | None) -> Scrape:
    """One process each."""
    return Scrape(taken_at=taken_at, services={name: {"http://one": of_one} for name, of_one in services.items()})


def a_sample(seconds: float = 0.0, **known: Any) -> Sample:
    """Taken so many seconds after NOW."""
    return Sample(at=NOW + timedelta(seconds=seconds), **known)
