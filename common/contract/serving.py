"""Serves a document that was made at the start and never changes."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from common.access.policies import OPEN
from common.access.routes import add_route


def add_document(app: web.Application, path: str, document: Mapping[str, Any]) -> None:
    body = orjson.dumps(document)

    async def show(http: web.Request) -> web.Response:
        return document_response(http, body)

    add_route(app, "GET", path, show, OPEN)


def document_response(http: web.Request, body: bytes) -> web.Response:
    """The JSON, or 304 for who has it."""
    tag = hashlib.blake2b(body, digest_size=12).hexdigest()
    headers = {"ETag": f'"{tag}"', "Cache-Control": "no-cache"}
    if any(known.value in (tag, "*") for known in http.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers, content_type="application/json")
