"""Two looks at the system become a sample: what has grown between them, and how it stands."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.numbers import Numbers, added, grown, total, values
from monitor.percentiles import mean, percentile
from monitor.sample import Sample
from monitor.scrape import Scrape

ACCEPTED = frozenset({"done", "replayed", "already_so"})  # outcomes of commands, as the command service counts them
CONFLICTED = frozenset({"stale_version"})
UNKNOWN = frozenset({"unavailable", "projection_lag"})  # neither taken nor refused
COMMANDS, DEAD_COMMANDS = "commands", "commands.dead"
OF_OPERATIONS = frozenset({"/livez", "/readyz", "/metrics", "/ops/positions", "/openapi.json", "unknown"})
WRITE_TO_READ = "leveret_write_to_read_seconds"


@dataclass(frozen=True, slots=True)
class _Between:
    """What has happened between two looks."""

    seconds: float
    growth: Mapping[str, Numbers]  # of services of which a process answered both times

    def rate(self, service: str, counted: Callable[[Numbers], float]) -> float | None:
        growth = self.growth.get(service)
        return None if growth is None else counted(growth) / self.seconds


def sample(at: datetime, before: Scrape | None, now: Scrape) -> Sample:
    """`before` None: the first look, after which nothing is known to have grown."""
    between = _between(before, now) if before else _Between(1.0, {})
    broker = _broker(now)
    return Sample(
        at=at,
        away=tuple(name for name, processes in now.services.items() if not any_answers(processes)),
        **_commands(between),
        **_positions(before, now, between.seconds),
        **_relay(before, now, between.seconds, is_needed=broker["has_broker"] is not None),
        **_views(between, now),
        **_sagas(between, now),
        **broker,
        failed=_failed(between),
    )


def any_answers(processes: Mapping[str, Numbers | None]) -> bool:
    return any(numbers is not None for numbers in processes.values())


def _between(before: Scrape, now: Scrape) -> _Between:
    growth: dict[str, Numbers] = {}
    for service, processes in now.services.items():
        earlier = before.services.get(service, {})
        both = [(earlier.get(at), numbers) for at, numbers in processes.items()]
        parts = [grown(old, new) for old, new in both if old is not None and new is not None]
        if parts:
            growth[service] = added(parts)
    return _Between(max(now.taken_at - before.taken_at, 0.001), growth)


def _commands(between: _Between) -> dict[str, Any]:
    def of(is_meant: Callable[[str], bool]) -> float | None:
        return between.rate("command", lambda growth: _outcomes(growth, is_meant))

    flush = mean(between.growth.get("command", {}), "leveret_log_flush_seconds")
    return {
        "accepted": of(lambda outcome: outcome in ACCEPTED),
        "conflicted": of(lambda outcome: outcome in CONFLICTED),
        "refused": of(lambda outcome: outcome not in ACCEPTED | CONFLICTED | UNKNOWN),
        "flush_ms": _in_ms(flush),
    }


def _outcomes(growth: Numbers, is_meant: Callable[[str], bool]) -> float:
    counted = values(growth, "leveret_commands_total")
    return sum(value for labels, value in counted if is_meant(labels["outcome"]))


def _positions(before: Scrape | None, now: Scrape, seconds: float) -> dict[str, Any]:
    head = _head(now)
    answers = any_answers(now.services.get("command", {}))
    return {
        "has_log": head is not None if answers else None,
        "stored": _speed(_head(before) if before else None, head, seconds),
        "projection_lag": _behind(head, _shown(now)),
    }


def _relay(before: Scrape | None, now: Scrape, seconds: float, *, is_needed: bool) -> dict[str, Any]:
    """Where there is no broker, nothing waits to be published."""
    if not is_needed:
        return {}
    relayed = _relayed(now)
    return {
        "published": _speed(_relayed(before) if before else None, relayed, seconds),
        "relay_lag": _behind(_head(now), relayed),
    }


def _head(scrape: Scrape) -> int | None:
    return max((said["head"] for said in scrape.written), default=None)


def _relayed(scrape: Scrape) -> int | None:
    return max((said["relay"]["position"] for said in scrape.written), default=None)


def _shown(scrape: Scrape) -> int | None:
    return max((said["groups"]["views"]["position"] for said in scrape.read if "views" in said["groups"]), default=None)


def _speed(before: int | None, now: int | None, seconds: float) -> float | None:
    """A position that went back is of another log."""
    return None if before is None or now is None or now < before else (now - before) / seconds


def _behind(head: int | None, position: int | None) -> int | None:
    return None if head is None or position is None else max(0, head - position)


def _views(between: _Between, now: Scrape) -> dict[str, Any]:
    growth, numbers = between.growth.get("projector"), now.numbers("projector")
    waits = {share: _in_ms(percentile(growth or {}, WRITE_TO_READ, share / 100)) for share in (50, 95, 99)}
    lags = [value for of_one in numbers for _, value in values(of_one, "leveret_projector_lag_seconds")]
    return {
        **{f"write_to_read_p{share}_ms": wait for share, wait in waits.items()},
        "projected": between.rate("projector", lambda grew: total(grew, "leveret_projector_commits_total")),
        "parked": int(max(_parked(numbers))) if numbers else None,
        "projector_lag_ms": _in_ms(max(lags)) if lags else None,
        "differences": None if growth is None else int(total(growth, "leveret_projector_differences_total")),
        "asked": between.rate("query", lambda grew: _answered(grew, lambda _: True)),
    }


def _parked(numbers: Iterable[Numbers]) -> Iterable[float]:
    """Every projector that holds partitions counts those of all: the same number each."""
    return (total(of_one, "leveret_projector_parked_documents") for of_one in numbers)


def _sagas(between: _Between, now: Scrape) -> dict[str, Any]:
    numbers = now.numbers("saga")
    stuck, wanted = (
        sum(total(of_one, name) for of_one in numbers) for name in ("leveret_sagas_stuck", "leveret_saga_wants_open")
    )
    return {
        "sagas_open": int(wanted) if numbers else None,
        "sagas_stuck": int(stuck) if numbers else None,
        "told": between.rate("saga", lambda grew: total(grew, "leveret_saga_inputs_total")),
    }


def _broker(now: Scrape) -> dict[str, Any]:
    if now.queues is None:
        is_connected = any(said["relay"]["connected"] for said in now.written)
        return {"has_broker": is_connected or (False if now.asks_broker else None)}
    by_name = {queue["name"]: queue for queue in now.queues}
    waiting, dead = by_name.get(COMMANDS), by_name.get(DEAD_COMMANDS)
    rates = [rate for queue in now.queues if (rate := queue["delivered_per_second"]) is not None]
    return {
        "has_broker": True,
        "queue_messages": sum(queue["messages"] for queue in now.queues if queue is not dead),
        "delivered": sum(rates) if rates else None,
        "waiting_commands": waiting["messages"] if waiting else None,
        "dead_commands": dead["messages"] if dead else None,
    }


def _failed(between: _Between) -> float | None:
    """As clients saw it where the gateway is watched; else of the services behind it."""
    services = ("gateway",) if "gateway" in between.growth else ("command", "query", "projector")
    rates = [between.rate(name, lambda grew: _answered(grew, lambda status: status >= "500")) for name in services]
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None


def _answered(growth: Numbers, is_meant: Callable[[str], bool]) -> float:
    return sum(
        value
        for labels, value in values(growth, "leveret_http_requests_total")
        if labels["route"] not in OF_OPERATIONS and is_meant(labels["status"])
    )


def _in_ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
