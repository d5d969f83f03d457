"""The gateway as rude clients meet it: requests to the byte, and the check that nothing came of them."""

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from multidict import CIMultiDict
from yarl import URL

from tests.support.conformance import check_exchange
from tests.support.system import System

ANSWER_SECONDS = 10.0
PATIENCE_SECONDS = 30.0  # with views that are behind on a busy machine; each answer takes two
NDJSON = "application/x-ndjson"
GIVES_AWAY = (b"Traceback", b'File "', b"pydantic", b"aiohttp", b"pymongo")

Headers = Mapping[str, str | bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def content(self) -> Any:
        return orjson.loads(self.body)


def spell(method: str, path: str | bytes, body: bytes = b"", headers: Headers | None = None) -> bytes:
    """Write a request down; `headers` may replace Host, Content-Type and Content-Length, an empty one leaves it out."""
    lines = CIMultiDict({"Host": "localhost", "Content-Type": "application/json", "Content-Length": str(len(body))})
    lines.update({name: _latin(value) for name, value in (headers or {}).items()})
    spoken = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value or name not in _OURS)
    target = path if isinstance(path, bytes) else path.encode()
    return b"%s %s HTTP/1.1\r\n%s\r\n" % (method.encode(), target, spoken.encode("latin-1")) + body


_OURS = ("Host", "Content-Type", "Content-Length")


def _latin(value: str | bytes) -> str:
    return (value if isinstance(value, bytes) else value.encode()).decode("latin-1")


async def send(url: str, request: bytes, more: AsyncIterable[bytes] | None = None) -> Answer:
    """Send these bytes, and `more` until there is an answer, over a connection of its own."""
    address = URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(request)
    pouring = asyncio.create_task(_pour(writer, more)) if more else None
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await read_answer(reader, has_body=not request.startswith(b"HEAD"))
    finally:
        if pouring:
            pouring.cancel()
        writer.transport.abort()


async def _pour(writer: asyncio.StreamWriter, more: AsyncIterable[bytes]) -> None:
    try:
        async for piece in more:
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        return


async def read_answer(reader: asyncio.StreamReader, *, has_body: bool = True) -> Answer:
    """Read one answer; IncompleteReadError when the connection ends before it does."""
    status, headers = _parse_head(await reader.readuntil(b"\r\n\r\n"))
    length = int(headers.get("Content-Length", 0)) if has_body else 0
    return Answer(status=status, headers=headers, body=await reader.readexactly(length))


def _parse_head(head: bytes) -> tuple[int, CIMultiDict[str]]:
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    return int(first.split()[1]), CIMultiDict[str](line.split(": ", 1) for line in lines)


def is_late(answer: Answer) -> bool:
    """The views have not reached the token of who asks, and whoever asks again is answered."""
    return answer.status == 503 and answer.content["code"] == "projection_lag"


class Door:
    """Good and bad requests through the gateway; the product has an inventory."""

    def __init__(self, system: System, http: aiohttp.ClientSession, product_id: int) -> None:
        self.system = system
        self.http = http
        self.product_id = product_id

    async def post(self, path: str, body: bytes | Any, headers: Headers | None = None) -> Answer:
        """Send a command; `path` is what follows `/cqrs/commands/`."""
        body = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.send(spell("POST", f"/cqrs/commands/{path}", body, headers))

    async def get(self, path: str, headers: Headers | None = None) -> Answer:
        """Ask a query, and again where the views are behind the token; `path` is what follows `/cqrs/queries/`."""
        request, deadline = spell("GET", f"/cqrs/queries/{path}", headers=headers), time.monotonic() + PATIENCE_SECONDS
        while is_late(answer := await self.send(request)) and time.monotonic() < deadline:
            pass
        return answer

    async def send(self, request: bytes, more: AsyncIterable[bytes] | None = None) -> Answer:
        """Every answer is held to the contract."""
        answer = await send(self.system.gateway, request, more)
        check_exchange(request, answer.status, answer.headers, answer.body)
        return answer

    def order(self, **changes: Any) -> dict[str, Any]:
        """A body that is fine but for the changes."""
        return {"user_id": 1, "product_id": self.product_id, "quantity": 2} | changes

    async def place(self, **changes: Any) -> dict[str, Any]:
        """Order as a good client does; return what the answer says."""
        async with self.http.post(f"{self.system.gateway}/cqrs/commands/orders", json=self.order(**changes)) as answer:
            assert answer.status == 201, await answer.text()
            return await answer.json()

    async def import_orders(self, *lines: dict[str, Any]) -> dict[str, Any]:
        answer = await self.post("orders/import", b"\n".join(map(orjson.dumps, lines)), {"Content-Type": NDJSON})
        assert answer.status == 200, answer.body
        return answer.content

    async def seen(self, path: str, token: str) -> Any:
        """What the query says once it has caught up with the token."""
        answer = await self.get(path, {"Consistency-Token": token})
        assert answer.status == 200, answer.body
        return answer.content

    async def head(self) -> int:
        """The last position of the log."""
        async with self.http.get(f"{self.system.gateway}/cqrs/ops/positions") as answer:
            return (await answer.json())["head"]

    async def metric(self, service: str, name: str) -> float:
        """The value of the lines of a metric that begin with `name`, added up."""
        async with self.http.get(self.system.url(service) + "/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    @asynccontextmanager
    async def nothing_written(self) -> AsyncIterator[None]:
        """The log is the same afterwards, and the next good command works."""
        before = await self.head()
        yield
        assert await self.head() == before, "something was written"
        await self.place()


def require_problem(answer: Answer, *statuses: int, code: str | None = None) -> None:
    """It is one of these statuses, told as RFC 9457 wants it and without a word about what we are made of."""
    assert answer.status in statuses, (answer.status, answer.body[:500])
    assert not [clue for clue in GIVES_AWAY if clue in answer.body], answer.body[:500]
    assert answer.headers["Content-Type"] == "application/problem+json", answer.body[:500]
    problem = answer.content
    assert problem["status"] == answer.status
    assert {"type", "title", "detail", "trace_id"} < problem.keys()
    assert problem["code"] == (code or problem["code"])
