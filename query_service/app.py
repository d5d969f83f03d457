"""The query service over HTTP: it waits until the views are as fresh as the client has seen, then reads one."""

from collections.abc import Mapping
from contextlib import suppress

import msgspec
from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.access.door import Door
from common.access.policies import OPEN
from common.access.routes import Handler, add_route
from common.config import Settings
from common.consistency import read_token
from common.contract.serving import add_document
from common.errors import Unavailable
from common.mongo import reaching
from common.paging import allow_only
from common.paging.cursors import Cursors, sealing_key
from common.primary import Primary
from common.read_models.storage import CHECKPOINTS
from common.web import add_operations, json_response, make_app, single_header
from query_service.answers import Answer
from query_service.contract import make_contract
from query_service.freshness import SAGAS, VIEWS, Freshness, Reading, reaching_views
from query_service.past.asking import AS_OF
from query_service.past.serving import LookingBack
from query_service.routes import LOG_QUERIES, QUERIES, QueryRoute
from query_service.stream import add_stream
from query_service.unchanged import Unchanged
from query_service.views import ShownViews


def make_query_app(views: AsyncDatabase, events: AsyncDatabase, settings: Settings, door: Door) -> web.Application:
    app = make_app(door, name="query")
    of_views, of_log = Primary(views[CHECKPOINTS]), Primary(events[CHECKPOINTS])
    freshness = Freshness(
        views, of_views, wait_seconds=settings.consistency_wait_seconds, fresh_seconds=settings.fresh_seconds
    )
    sagas = Freshness(events, of_log, group=SAGAS)

    async def ready() -> Mapping[str, bool]:
        return {"views": await _answers(freshness)}

    async def health(_: web.Request) -> web.Response:
        checks = await ready()
        is_healthy = all(checks.values())
        content = {"status": "healthy" if is_healthy else "unhealthy", "service": "query", "checks": checks}
        return json_response(content, status=200 if is_healthy else 503)

    async def positions(_: web.Request) -> web.Response:
        readings = {VIEWS: await freshness.read()}
        with suppress(Unavailable):  # the log may be away while the views are there
            readings[SAGAS] = await sagas.read()
        return json_response({"groups": {group: _show_positions(of) for group, of in readings.items() if of.positions}})

    add_operations(app, ready)
    add_route(app, "GET", "/queries/health", health, OPEN)
    add_route(app, "GET", "/ops/positions", positions, OPEN)
    add_document(app, "/openapi.json", make_contract())
    handlers = _Handlers(freshness, Cursors(sealing_key(settings)))
    looking_back = LookingBack(views, of_views, events, of_log)
    for route in QUERIES:
        handle = handlers.of_views(route, views, of_views)
        if route.past:
            handle = _either(now=handle, then=looking_back.handler(route.past, route.parameter_names))
        add_route(app, "GET", route.path, handle, route.policy)
    add_stream(app, events)
    for route in LOG_QUERIES:
        add_route(app, "GET", route.path, handlers.of_log(route, events, of_log), route.policy)
    return app


class _Handlers:
    """What all queries of one process share."""

    def __init__(self, freshness: Freshness, cursors: Cursors) -> None:
        self._freshness = freshness
        self._cursors = cursors
        self._unchanged = Unchanged()

    def of_views(self, route: QueryRoute, views: AsyncDatabase, primary: Primary) -> Handler:
        async def handle(http: web.Request) -> web.Response:
            allow_only(http.query, *route.parameter_names)
            asked = self._cursors.opened(http)
            token = read_token(single_header(http, "Consistency-Token"))
            reading = await (self._freshness.reach(token) if token else self._freshness.current())
            if http.if_none_match and _has(http, etag := _etag(self._unchanged.etag(http, reading), reading)):
                return web.Response(status=304, headers=_headers(etag, reading))
            try:
                with reaching_views():
                    shown = ShownViews(views, reading.places)
                    answer = await primary.steadily(lambda: route.query(asked, shown))
                return self._response(http, answer, reading)
            except msgspec.ValidationError as error:
                raise Unavailable("This view cannot be read until it is made anew.", code="view_unreadable") from error

        return handle

    def of_log(self, route: QueryRoute, events: AsyncDatabase, primary: Primary) -> Handler:
        async def handle(http: web.Request) -> web.Response:
            allow_only(http.query, *route.parameter_names)
            asked = self._cursors.opened(http)
            with reaching("The log cannot be reached; ask again in a moment."):
                answer = await primary.steadily(lambda: route.query(asked, events))
            content, headers = self._cursors.sealed(http, answer.content)
            return json_response(content, headers=headers)

        return handle

    def _response(self, http: web.Request, answer: Answer, reading: Reading) -> web.Response:
        etag = _etag(answer.etag, reading)
        headers = _headers(etag, reading)
        if answer.is_parked:
            headers["Projection-State"] = "parked"
        self._unchanged.note(http, answer, reading)
        if callable(answer.content) and _has(http, etag):
            return web.Response(status=304, headers=headers)
        content, link = self._cursors.sealed(http, answer.content() if callable(answer.content) else answer.content)
        return json_response(content, headers=headers | link)


def _either(*, now: Handler, then: Handler) -> Handler:
    async def handle(http: web.Request) -> web.StreamResponse:
        return await (then if AS_OF.name in http.query else now)(http)

    return handle


def _has(http: web.Request, etag: str | None) -> bool:
    """Whether the client has this version already (RFC 9110, 13.1.2)."""
    return etag is not None and any(f'"{tag.value}"' == etag or tag.value == "*" for tag in http.if_none_match or ())


def _etag(of_document: str | None, reading: Reading) -> str | None:
    """Of the document in these views: a later log may come to the same version and position with another story."""
    return of_document and f'"{of_document}-{reading.mark}"'


def _headers(etag: str | None, reading: Reading) -> dict[str, str]:
    headers = {"Projection-Position": str(reading.position), "Projection-Lag-Ms": str(reading.lag_ms)}
    return headers | {"ETag": etag} if etag else headers


def _show_positions(reading: Reading) -> dict[str, object]:
    partitions = [
        {"partition": partition, "position": position, "seen": reading.seen_in(partition)}
        for partition, position in sorted(reading.positions.items())
    ]
    return {"position": reading.position, "lag_ms": reading.lag_ms, "partitions": partitions}


async def _answers(freshness: Freshness) -> bool:
    try:
        await freshness.read()
    except Unavailable:
        return False
    return True
