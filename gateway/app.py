"""The gateway: one address for clients, `/cqrs/…` in front of the services behind it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from common.bodies import read_all
from common.errors import NotFound, Unavailable
from common.web import Handler, add_operations, json_response, make_app

UPSTREAM_SECONDS = 15.0
CONNECT_SECONDS = 2.0
_HOP_BY_HOP = frozenset(
    {"connection", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("session", aiohttp.ClientSession)


def make_gateway_app(command_url: str, query_url: str) -> web.Application:
    app = make_app()
    upstreams = {"commands": URL(command_url), "queries": URL(query_url)}

    async def session(_: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=UPSTREAM_SECONDS, connect=CONNECT_SECONDS)
        connector = aiohttp.TCPConnector(limit=200)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=False) as opened:
            app[SESSION] = opened
            yield

    async def ready() -> Mapping[str, bool]:
        answers = await asyncio.gather(
            *(_get(app, url / "readyz") for url in upstreams.values()), return_exceptions=True
        )
        return {name: not isinstance(answer, BaseException) for name, answer in zip(upstreams, answers, strict=True)}

    async def positions(_: web.Request) -> web.Response:
        return json_response(await _positions(app, upstreams))

    app.cleanup_ctx.append(session)
    add_operations(app, ready)
    app.router.add_get("/cqrs/ops/positions", positions)
    for side, url in upstreams.items():
        app.router.add_route("*", f"/cqrs/{side}/{{path:.*}}", _proxy(app, url / side))
    return app


def _proxy(app: web.Application, upstream: URL) -> Handler:
    async def handle(http: web.Request) -> web.Response:
        target = URL(str(upstream) + _rest(http), encoded=True)
        headers = _forwarded(http.headers)
        body = await read_all(http) if http.can_read_body else None
        try:
            async with app[SESSION].request(
                http.method, target, headers=headers, data=body, allow_redirects=False
            ) as answer:
                return web.Response(body=await answer.read(), status=answer.status, headers=_kept(answer.headers))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable("The service behind this path cannot be reached; send the same request again.") from error

    return handle


def _forwarded(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in _HOP_BY_HOP)


def _rest(http: web.Request) -> str:
    """The path behind `/cqrs/commands` or `/cqrs/queries`, exactly as it was sent."""
    raw = http.rel_url.raw_path_qs
    if ".." in http.match_info["path"].split("/"):
        raise NotFound("no_such_path", "Nothing is served under this path.")
    return "/" + raw.split("/", 3)[3]


def _kept(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in _HOP_BY_HOP | {"content-length"})


async def _get(app: web.Application, url: URL) -> Any:
    async with app[SESSION].get(url) as answer:
        answer.raise_for_status()
        return await answer.json()


async def _positions(app: web.Application, upstreams: Mapping[str, URL]) -> dict[str, Any]:
    """Put together what each side knows; a side that is down is left out, and nothing is said of the lag behind it."""
    written, read = await asyncio.gather(
        *(_get(app, url / "ops" / "positions") for url in upstreams.values()), return_exceptions=True
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
