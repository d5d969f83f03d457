"""What may be asked of the monitor over HTTP: one row per question, with all that the contract tells of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from common.contract.operations import Parameter
from monitor.alerts import alerts
from monitor.asking import BEGIN, END, STEP, read_instant, read_step
from monitor.history import KEPT, History, step_for
from monitor.shown import Alerts, Pipeline, Queues, Samples
from monitor.stages import stages
from monitor.watching import Watch

DEFAULT_SPAN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Where the answers are."""

    watch: Watch
    history: History
    management_url: str | None


@dataclass(frozen=True, slots=True)
class MonitorRoute:
    path: str
    name: str
    summary: str
    ask: Callable[[Seen, web.Request], Awaitable[Any]]
    shown: Any
    parameters: tuple[Parameter, ...] = ()


async def pipeline(seen: Seen, _: web.Request) -> Pipeline:
    """By the newest look, a few seconds old; it is told while MongoDB is away, too."""
    newest = seen.watch.samples[-1] if seen.watch.samples else None
    return {"at": newest.at if newest else None, "stages": stages(newest)}


async def samples(seen: Seen, http: web.Request) -> Samples:
    """Of the last 24 hours; without `from` and `to` the last 15 minutes. At most 500 points: a longer time has
    a longer step."""
    now = datetime.now(UTC)
    end = min(read_instant(http.query, END) or now, now)
    begin = max(read_instant(http.query, BEGIN) or end - DEFAULT_SPAN, now - KEPT)
    step = step_for(begin, end, read_step(http.query))
    return {"step_seconds": step, "data": await seen.history.between(begin, end, step)}


async def what_wants_a_person(seen: Seen, _: web.Request) -> Alerts:
    """`since` reaches back an hour at most."""
    return {"data": alerts(seen.watch.samples)}


async def queues(seen: Seen, _: web.Request) -> Queues:
    """As RabbitMQ's management API told them when it was asked last, a few seconds ago; at most 500."""
    found = seen.watch.queues
    return {
        "is_available": found is not None,
        "management_url": seen.management_url,
        "data": [*found] if found is not None else [],
    }


ROUTES = (
    MonitorRoute("/ops/pipeline", "GetPipeline", "How each stage from a command to its views does", pipeline, Pipeline),
    MonitorRoute(
        "/ops/samples",
        "ListSamples",
        "Rates, lags and what waits, as time went by",
        samples,
        Samples,
        (BEGIN, END, STEP),
    ),
    MonitorRoute("/ops/alerts", "ListAlerts", "What wants a person", what_wants_a_person, Alerts),
    MonitorRoute("/ops/queues", "ListQueues", "RabbitMQ's queues", queues, Queues),
)
