"""A client of the stream of events: it reads server-sent events as the standard has them."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

NO_END = aiohttp.ClientTimeout(total=None, connect=5)


@dataclass(frozen=True, slots=True)
class Event:
    """What a browser would have dispatched, and the id it would come again with."""

    id: str
    content: Any


class Reader:
    """Reads event by event; `last_id` is what a browser would send as Last-Event-ID."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.last_id = ""
        self._events = self._read()

    async def take(self, count: int, *, seconds: float = 10.0) -> list[Event]:
        async with asyncio.timeout(seconds):
            return [await anext(self._events) for _ in range(count)]

    async def _read(self) -> AsyncIterator[Event]:
        data: list[str] = []
        async for raw in self.answer.content:
            name, _, value = raw.decode().rstrip("\n").partition(": ")
            match name:
                case "id":
                    self.last_id = value
                case "data":
                    data.append(value)
                case "" if data:
                    yield Event(self.last_id, json.loads("\n".join(data)))
                    data.clear()


@asynccontextmanager
async def following(
    http: aiohttp.ClientSession, url: str, headers: Mapping[str, str] | None = None, **query: str | int
) -> AsyncIterator[Reader]:
    params = {name: str(value) for name, value in query.items()}
    async with http.get(url, headers=headers, params=params, timeout=NO_END) as answer:
        yield Reader(answer)
