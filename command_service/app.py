"""The command service over HTTP: it reads a request, hands a command over, and tells what came of it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from command_service.contract import make_contract
from command_service.domain.order_commands import ImportOrder
from command_service.finding import find_subject, told_through
from command_service.handling import CommandHandler, Outcome, Request
from command_service.messages.contract import make_message_contract
from command_service.requests import (
    Sending,
    begins_a_stream,
    content_of,
    make_request,
    position_of,
    require_correlation_id,
)
from command_service.routes import IMPORT_ROUTE, ROUTES, CommandRoute, identify, keyed_identity
from command_service.shown import ImportReport, RefusedLine
from common.access.door import Door
from common.access.policies import OPEN
from common.access.routes import Handler, actor_of, add_route
from common.bodies import parse_body, read_body, read_body_if_any
from common.consistency import merge, read_token, write_token
from common.contract.serving import add_document
from common.errors import BadRequest, InvalidBody, LeveretError, Refusal
from common.log import Log
from common.tracing import carried
from common.web import add_operations, json_response, make_app, single_header

MAX_IMPORT_LINES = 1000  # in one batch
_IF_MATCH = re.compile(r'"(\d{1,15})(?:-\d{1,19}(?:-[0-9a-f]{8})?)?"', re.ASCII)
_PLACES = {
    "order": "orders/{}",
    "inventory": "inventory/{}",
    "product": "products/{}",
    "media": "products/{}/media",
    "attributes": "products/{}/attributes",
}
"""Context → where a query shows what is new there."""

Positions = Callable[[], Awaitable[Mapping[str, Any]]]


class CommandApi:
    """The handlers of one process; `deadline_seconds` bounds every command."""

    def __init__(self, handler: CommandHandler, log: Log, *, partitions: int, deadline_seconds: float) -> None:
        self._handler = handler
        self._log = log
        self._partitions = partitions
        self._deadline_seconds = deadline_seconds

    def handle(self, route: CommandRoute) -> Handler:
        async def handle(http: web.Request) -> web.Response:
            seen = self._seen(http)
            outcome = await self._handler.handle(await self._request(http, route))
            return _answer(route, outcome, seen)

        return handle

    async def import_orders(self, http: web.Request) -> web.Response:
        """Take NDJSON, one ImportOrder a line; every line is a command of its own and may be refused alone."""
        seen = self._seen(http)
        body = await read_body(http, ("application/x-ndjson", "application/ndjson"))
        lines = {number: line for number, line in enumerate(body.split(b"\n"), 1) if line.strip()}
        if not 1 <= len(lines) <= MAX_IMPORT_LINES:
            raise BadRequest("invalid_batch", f"A batch has 1 to {MAX_IMPORT_LINES} lines.")
        results = await asyncio.gather(*(self._import_line(http, line) for line in lines.values()))
        return json_response(_import_report(dict(zip(lines, results, strict=True)), seen))

    def _seen(self, http: web.Request) -> dict[int, int]:
        return read_token(single_header(http, "Consistency-Token"), self._partitions)

    async def _import_line(self, http: web.Request, line: bytes) -> Outcome | LeveretError:
        try:
            command = parse_body(ImportOrder, line)
            identity = keyed_identity(f"import\n{command.source}:{command.line_number}")
            return await self._handler.handle(make_request(IMPORT_ROUTE, self._sending(http), command, identity, line))
        except (Refusal, BadRequest, InvalidBody) as error:
            return error

    async def _request(self, http: web.Request, route: CommandRoute) -> Request:
        identity = identify(actor_of(http), single_header(http, "Idempotency-Key"))
        body = await (read_body_if_any(http) if route.method == "DELETE" else read_body(http))
        command, sending = parse_body(route.command, body), self._sending(http)
        if through := route.through:
            given = sending.ids[through.decider.id_field]
            command = told_through(through, given, command)
            found = await find_subject(self._log, through, given, sending.deadline)
            sending = replace(sending, ids={route.decider.id_field: found})
        return make_request(route, sending, command, identity, body)

    def _sending(self, http: web.Request) -> Sending:
        """Its deadline begins now."""
        return Sending(
            actor=actor_of(http),
            path=http.path,
            ids=http.match_info,
            deadline=asyncio.get_running_loop().time() + self._deadline_seconds,
            expected_version=_expected_version(http),
            correlation_id=require_correlation_id(single_header(http, "X-Correlation-ID"), "An X-Correlation-ID"),
            traceparent=carried(http),
        )


def make_command_app(
    api: CommandApi, door: Door, *, ready: Callable[[], Awaitable[Mapping[str, bool]]], positions: Positions
) -> web.Application:
    app = make_app(door, name="command")
    add_operations(app, ready)
    add_document(app, "/openapi.json", make_contract())
    add_document(app, "/asyncapi.json", make_message_contract())
    add_route(app, IMPORT_ROUTE.method, IMPORT_ROUTE.path, api.import_orders, IMPORT_ROUTE.policy)
    for route in ROUTES:
        add_route(app, route.method, _pattern(route.path), api.handle(route), route.policy)

    async def health(_: web.Request) -> web.Response:
        checks = dict(await ready())
        is_healthy = all(checks.values())
        content = {"status": "healthy" if is_healthy else "unhealthy", "service": "command", "checks": checks}
        return json_response(content, status=200 if is_healthy else 503)

    async def show_positions(_: web.Request) -> web.Response:
        return json_response(await positions())

    add_route(app, "GET", "/commands/health", health, OPEN)
    add_route(app, "GET", "/ops/positions", show_positions, OPEN)
    return app


def _pattern(path: str) -> str:
    """Where imports go is no order's path."""
    return path.removesuffix("{order_id}") + "{order_id:(?!import$)[^/]+}" if path.endswith("{order_id}") else path


def _answer(route: CommandRoute, outcome: Outcome, seen: dict[int, int]) -> web.Response:
    content = content_of(route, outcome, seen)
    headers = {"ETag": f'"{outcome.version}-{outcome.position}"', "Consistency-Token": content["token"]}
    if outcome.replayed:
        headers["Idempotent-Replayed"] = "true"
    if not begins_a_stream(outcome):
        return json_response(content, headers=headers)
    headers["Location"] = _location(route, outcome)
    return json_response(content, status=201, headers=headers)


def _expected_version(http: web.Request) -> int | None:
    given = single_header(http, "If-Match")
    if given is None:
        return None
    found = _IF_MATCH.fullmatch(given)
    if found is None:
        raise BadRequest("invalid_if_match", 'If-Match takes one ETag as this service gives them, like "3-1207".')
    return int(found[1])


def _location(route: CommandRoute, outcome: Outcome) -> str:
    return "/cqrs/queries/" + _PLACES[route.decider.context].format(outcome.subject)


def _import_report(results: dict[int, Outcome | LeveretError], seen: dict[int, int]) -> ImportReport:
    """Tell what came of each line, by its number in the batch."""
    done = [result for result in results.values() if isinstance(result, Outcome)]
    return {
        "accepted": sum(not outcome.replayed for outcome in done),
        "replayed": sum(outcome.replayed for outcome in done),
        "rejected": [
            _refused(number, result) for number, result in results.items() if isinstance(result, LeveretError)
        ],
        "position": max((outcome.position for outcome in done), default=0),
        "token": write_token(merge(seen, *map(position_of, done))),
    }


def _refused(line: int, error: LeveretError) -> RefusedLine:
    errors = error.errors if isinstance(error, InvalidBody) else ()
    return {
        "line": line,
        "code": error.code,
        "detail": error.detail,
        "errors": [{"pointer": e.pointer, "detail": e.detail} for e in errors],
    }
