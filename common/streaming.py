"""Answers without an end: whether somebody is still there, and a write that does not wait for ever."""

import asyncio

from aiohttp import web

LOOK_SECONDS = 1.0  # how often it is looked whether the reader is still there
MOST_STREAMS = 500  # at once in one process: half of the places that it has for requests of any kind


def has_left(request: web.BaseRequest) -> bool:
    """Whether nobody is there any more to read an answer."""
    return request.transport is None or request.transport.is_closing()


async def write_within(seconds: float, http: web.Request, response: web.StreamResponse, data: bytes) -> None:
    """Wait so long until the reader's side has room; ConnectionResetError for one who takes nothing, or has left.

    Nothing is kept beyond this piece and the connection's own buffer.
    """
    try:
        async with asyncio.timeout(seconds):
            await response.write(data)
    except (ConnectionError, TimeoutError):
        if http.transport:
            http.transport.abort()
        raise ConnectionResetError("the reader has left, or takes nothing") from None
