"""The contract of all services, as clients reach them through the gateway: one document over HTTP, one of messages."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from common.access.policies import KNOWN_IF_TOLD
from common.access.routes import Handler, add_route
from common.contract.serving import document_response
from common.errors import Unavailable
from common.tasks import look_at
from gateway.docs import add_docs
from gateway.operations import make_own_contract

FRESH_SECONDS = 10.0  # an upgrade of a service is seen after this time
PREFIX = "/cqrs"
REQUIRED = COMMANDS, QUERIES, PROJECTIONS = "commands", "queries", "projections"
SIDES = (*REQUIRED, "monitoring", "lab")
"""Whose paths the gateway passes on; without those that are not REQUIRED it is whole, too."""

Document = Mapping[str, Any]
Fetch = Callable[[str, str], Awaitable[Document]]
"""Side and path → what the service there says; Unavailable where none can be reached."""
_NOTHING: Document = {"paths": {}, "components": {}}


class Contract:
    """Asks the services for their documents; one that is away is told as it was seen last.

    One that is not REQUIRED and was never seen is left out.
    """

    def __init__(self, fetch: Fetch, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._seen: dict[tuple[str, str], Document] = {}
        self._made: dict[str, tuple[float, bytes]] = {}
        self._making: dict[str, asyncio.Task[bytes]] = {}

    async def openapi(self) -> bytes:
        return await self._fresh("openapi", self._merged)

    async def asyncapi(self) -> bytes:
        return await self._fresh("asyncapi", lambda: self._document(COMMANDS, "asyncapi.json"))

    async def _fresh(self, name: str, make: Callable[[], Awaitable[Document]]) -> bytes:
        """All who ask while it is made wait for the same one: a silent side costs each the same time, not the sum."""
        made_at, body = self._made.get(name, (0.0, b""))
        if body and self._clock() - made_at < FRESH_SECONDS:
            return body
        making = self._making.get(name)
        if making is None or making.done():
            making = self._making[name] = asyncio.create_task(self._make(name, make))
            making.add_done_callback(look_at)
        return await asyncio.shield(making)

    async def _make(self, name: str, make: Callable[[], Awaitable[Document]]) -> bytes:
        body = orjson.dumps(await make())
        self._made[name] = (self._clock(), body)
        return body

    async def _merged(self) -> Document:
        sides = await asyncio.gather(*(self._document(side, "openapi.json") for side in SIDES))
        return merge(make_own_contract(), *sides)

    async def _document(self, side: str, path: str) -> Document:
        try:
            self._seen[side, path] = await self._fetch(side, path)
        except Unavailable:
            if (side, path) not in self._seen and side in REQUIRED:
                raise
        return self._seen.get((side, path), _NOTHING)


def merge(own: Document, *sides: Document) -> Document:
    """The operations of the services, under the gateway's prefix, then its own."""
    paths: dict[str, Any] = {}
    components: dict[str, dict[str, Any]] = {}
    for side in sides:
        paths |= {PREFIX + path: _looking_at_tokens(item) for path, item in side["paths"].items()}
    for document in (own, *sides):
        for kind, parts in document["components"].items():
            components.setdefault(kind, {}).update(parts)
    components = {kind: dict(sorted(parts.items())) for kind, parts in components.items()}
    return {**own, "paths": paths | own["paths"], "components": components}


def _looking_at_tokens(item: Document) -> Document:
    """Nobody needs a token for what is open, but the gateway refuses a bad one."""
    return {
        method: {**operation, "security": operation["security"] or [{}, {"token": []}]}
        for method, operation in item.items()
    }


def add_contract(app: web.Application, fetch: Fetch) -> None:
    contract = Contract(fetch)
    for name, body in {"openapi": contract.openapi, "asyncapi": contract.asyncapi}.items():
        add_route(app, "GET", f"{PREFIX}/{name}.json", _showing(body), KNOWN_IF_TOLD)
    add_docs(app)


def _showing(body: Callable[[], Awaitable[bytes]]) -> Handler:
    async def show(http: web.Request) -> web.Response:
        return document_response(http, await body())

    return show
