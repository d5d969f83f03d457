"""Answers without an end: they are passed on piece by piece, as the reader takes them."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import aiohttp
from aiohttp import web
from yarl import URL

from common.access.policies import KNOWN_IF_TOLD
from common.access.routes import add_route
from common.addresses import in_any_order
from common.errors import Unavailable
from common.streaming import LOOK_SECONDS, MOST_STREAMS, has_left, write_within
from gateway.headers import forwarded, kept
from gateway.session import open_session

SILENCE_SECONDS = 45.0  # three missed signs of life
CONNECT_SECONDS = 2.0
WRITE_SECONDS = 15.0  # a reader who takes nothing for so long is left
RETRY_MILLISECONDS = 3000
_SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("streams", aiohttp.ClientSession)
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)


def add_stream(app: web.Application, upstreams: Sequence[URL]) -> None:
    """Pass on what the first of these answers that can be reached; all that is open ends when the gateway does.

    Streams have connections of their own: they hold them, and nobody else is to wait for one.
    """
    running: set[asyncio.Task[object]] = set()

    async def session(_: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=0)
        async with open_session(connector, _TIMEOUT) as opened:
            app[_SESSION] = opened
            yield

    async def follow(http: web.Request) -> web.StreamResponse:
        if len(running) >= MOST_STREAMS:
            raise Unavailable("As many follow as this gateway has room for; ask again later.", code="too_many_streams")
        task = asyncio.current_task()
        assert task
        running.add(task)
        try:
            return await _pass_on(http, app[_SESSION], upstreams)
        finally:
            running.discard(task)

    async def let_go(_: web.Application) -> None:
        for task in running:
            task.cancel()

    app.cleanup_ctx.append(session)
    app.on_shutdown.append(let_go)
    add_route(app, "GET", "/cqrs/queries/stream", follow, KNOWN_IF_TOLD)


async def _pass_on(http: web.Request, session: aiohttp.ClientSession, upstreams: Sequence[URL]) -> web.StreamResponse:
    failure: Exception | None = None
    for upstream in (order := in_any_order(upstreams)):
        target = URL(f"{upstream}?{http.rel_url.raw_query_string}", encoded=True)
        try:
            async with session.request(http.method, target, headers=forwarded(http), allow_redirects=False) as answer:
                if answer.status == 503 and upstream is not order[-1]:
                    continue
                if answer.status != 200:
                    return web.Response(body=await answer.read(), status=answer.status, headers=kept(answer.headers))
                return await _pass_pieces(http, answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            failure = error
    if "text/event-stream" in http.headers.get("Accept", ""):
        return _later()
    raise Unavailable("The service behind this path cannot be reached; send the same request again.") from failure


def _later() -> web.Response:
    """A browser that is refused never comes again by itself; who is told nothing does, with the position it had."""
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    return web.Response(body=b"retry: %d\n\n" % RETRY_MILLISECONDS, headers=headers)


async def _pass_pieces(http: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(headers=kept(answer.headers))
    await response.prepare(http)
    if http.method == "HEAD":
        return response
    async for piece in _pieces(http, answer):
        await write_within(WRITE_SECONDS, http, response, piece)
    return response


async def _pieces(http: web.Request, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Until the service ends it, falls silent or dies: the reader comes again, and is given the rest."""
    while not has_left(http):
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                piece = await answer.content.readany()
        except aiohttp.ClientError:
            return
        except TimeoutError:
            continue
        if not piece:
            return
        yield piece
