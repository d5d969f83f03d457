"""The gateway: one address for clients, `/cqrs/…` in front of the services behind it.

Of several processes of one service it asks one by chance, and the next one when that one cannot be reached.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from common.access.door import Door
from common.access.policies import KNOWN_IF_TOLD
from common.access.routes import Handler, add_route
from common.addresses import each_address, in_any_order
from common.bodies import read_all
from common.errors import NotFound, Unavailable
from common.web import add_operations, json_response, make_app
from gateway.console_pages import add_console
from gateway.contract import SIDES, add_contract
from gateway.cors import allow_origins
from gateway.headers import forwarded, kept
from gateway.problem_pages import add_problem_pages
from gateway.session import open_session
from gateway.streaming import add_stream
from gateway.waiting import ENDING, Look, answer_when_shown, asked_seconds

MORE_SECONDS = 0.5  # than the service behind it needs at most
CONNECT_SECONDS = 2.0
IDLE_SECONDS = 1.0  # of a kept connection; if all went silent at once, only those in use cost somebody the whole wait
NOT_ROUNDED = 3600.0  # seconds: the library rounds longer times up to a whole second, by its own choice all over 5
NEEDED = ("commands", "queries")  # for the gateway to be ready
OPERATIONS_BEHIND = {
    "events": "queries",
    "correlations": "queries",
    "aggregates": "commands",
    "sagas": "commands",
    "projections": "projections",
    "parked": "projections",
    "pipeline": "monitoring",
    "samples": "monitoring",
    "alerts": "monitoring",
    "queues": "monitoring",
    "lab": "lab",
}
"""First word behind `/cqrs/ops` → the side that answers."""
_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
Proxy = Callable[[web.Request], Awaitable[web.Response]]
SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("session", aiohttp.ClientSession)


def make_gateway_app(
    addresses: Mapping[str, str], door: Door, *, answer_seconds: float = 5.0, origins: Sequence[str] = ()
) -> web.Application:
    """`addresses` are those of each of the SIDES; nothing is served of one whose address is empty.

    `answer_seconds` is how long a service may take; one that is silent for longer is given up.

    Web pages of these `origins` may ask, too.
    """
    app = make_app(door, name="gateway")
    upstreams = {side: _urls(addresses[side]) for side in SIDES if addresses[side]}
    needed = {side: upstreams[side] for side in NEEDED}

    async def session(_: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(
            total=answer_seconds + MORE_SECONDS, connect=CONNECT_SECONDS, ceil_threshold=NOT_ROUNDED
        )
        connector = aiohttp.TCPConnector(limit=200, keepalive_timeout=IDLE_SECONDS)
        async with open_session(connector, timeout) as opened:
            app[SESSION] = opened
            yield

    async def ready() -> Mapping[str, bool]:
        answers = await asyncio.gather(*(_get(app, urls, "readyz") for urls in needed.values()), return_exceptions=True)
        return {name: not isinstance(answer, BaseException) for name, answer in zip(needed, answers, strict=True)}

    async def positions(_: web.Request) -> web.Response:
        return json_response(await _positions(app, needed))

    app.cleanup_ctx.append(session)
    add_operations(app, ready)
    if origins:
        allow_origins(app, origins)
    add_route(app, "GET", "/cqrs/ops/positions", positions, KNOWN_IF_TOLD)
    add_stream(app, [url / "queries/stream" for url in upstreams["queries"]])
    _add_proxies(app, needed)
    _add_operations_behind(app, upstreams)
    add_contract(app, lambda side, path: _get(app, upstreams.get(side, ()), path))
    _add_pages(app)
    return app


def _add_pages(app: web.Application) -> None:
    """What people look at."""
    add_problem_pages(app)
    add_console(app)


def _add_proxies(app: web.Application, upstreams: Mapping[str, Sequence[URL]]) -> None:
    ending = app[ENDING] = asyncio.Event()

    async def end_waits(_: web.Application) -> None:
        ending.set()

    app.on_shutdown.append(end_waits)
    look = _looking(app, [url / "queries" for url in upstreams["queries"]])
    for side, urls in upstreams.items():
        proxy = _proxy(app, [url / side for url in urls])
        handle = _waiting(proxy, look) if side == "commands" else proxy
        add_route(app, "*", f"/cqrs/{side}/{{path:.*}}", handle, KNOWN_IF_TOLD)


def _add_operations_behind(app: web.Application, upstreams: Mapping[str, Sequence[URL]]) -> None:
    """What those who operate the system ask, where it is answered."""
    for name, side in OPERATIONS_BEHIND.items():
        if side not in upstreams:
            continue
        proxy = _proxy(app, [url / "ops" for url in upstreams[side]])
        add_route(app, "*", f"/cqrs/ops/{name}{{path:(?:/.*)?}}", proxy, KNOWN_IF_TOLD)


def _urls(addresses: str) -> Sequence[URL]:
    return [URL(address) for address in each_address(addresses)]


def _waiting(proxy: Proxy, look: Look) -> Handler:
    async def handle(http: web.Request) -> web.Response:
        answer = await proxy(http)
        seconds = asked_seconds(http) if answer.status in (200, 201) else 0
        return await answer_when_shown(http, answer, seconds, look) if seconds else answer

    return handle


def _looking(app: web.Application, upstreams: Sequence[URL]) -> Look:
    async def look(place: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        for upstream in in_any_order(upstreams):
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with app[SESSION].get(upstream / place, headers=headers) as answer:
                    return answer.status, answer.headers, await answer.read()
        return 503, {}, b""

    return look


def _proxy(app: web.Application, upstreams: Sequence[URL]) -> Proxy:
    async def handle(http: web.Request) -> web.Response:
        rest, headers = _rest(http), forwarded(http)
        body = await read_all(http) if http.can_read_body else None
        failure: Exception | None = None
        for upstream in in_any_order(upstreams):
            target = _target(upstream, rest, http.rel_url.raw_query_string)
            try:
                async with app[SESSION].request(
                    http.method, target, headers=headers, data=body, allow_redirects=False
                ) as answer:
                    return web.Response(body=await answer.read(), status=answer.status, headers=kept(answer.headers))
            except (aiohttp.ClientError, TimeoutError) as error:
                failure = error
                if not _may_go_to_another(http, error):
                    break
        raise Unavailable("The service behind this path cannot be reached; send the same request again.") from failure

    return handle


def _may_go_to_another(http: web.Request, error: Exception) -> bool:
    """It never left, or the connection broke and it may come twice. Who took it and is silent may still be at it."""
    if isinstance(error, _NEVER_SENT):
        return True
    is_repeatable = http.method in ("GET", "HEAD") or "Idempotency-Key" in http.headers
    return is_repeatable and not isinstance(error, TimeoutError)


def _rest(http: web.Request) -> str:
    """The path behind `/cqrs/commands`, `/cqrs/queries` or `/cqrs/ops`, exactly as it was sent."""
    if ".." in http.match_info["path"].split("/"):
        raise NotFound("no_such_path", "Nothing is served under this path.")
    return "/" + http.rel_url.raw_path.split("/", 3)[3]


def _target(upstream: URL, rest: str, query: str) -> URL:
    """Put together of parts that are split already: to parse it once more costs four times as much."""
    authority, path = upstream.raw_authority, upstream.raw_path + rest
    return URL.build(scheme=upstream.scheme, authority=authority, path=path, query_string=query, encoded=True)


async def _get(app: web.Application, upstreams: Sequence[URL], path: str) -> Any:
    """What the first one says that can be reached and is well."""
    for url in in_any_order(upstreams):
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with app[SESSION].get(url / path) as answer:
                answer.raise_for_status()
                return await answer.json()
    raise Unavailable("No service on this side can be reached.")


async def _positions(app: web.Application, upstreams: Mapping[str, Sequence[URL]]) -> dict[str, Any]:
    """Put together what each side knows; a side that is down is left out, and nothing is said of the lag behind it."""
    written, read = await asyncio.gather(
        *(_get(app, urls, "ops/positions") for urls in upstreams.values()), return_exceptions=True
    )
    positions: dict[str, Any] = {"head": None, "relay": None, "groups": {}}
    if not isinstance(written, BaseException):
        positions |= written
    if not isinstance(read, BaseException):
        positions |= read
    for group in positions["groups"].values():
        head = positions["head"]
        group["lag"] = None if head is None else max(0, head - group["position"])
    return positions
