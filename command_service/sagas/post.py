"""Errands between processes: many in one request, sealed with the system's key; the runner has no appender (ADR 13)."""

import asyncio
import hmac
import random
from collections import deque
from typing import Self

import aiohttp
import msgspec
import structlog
from aiohttp import web
from bson.int64 import Int64
from yarl import URL

from command_service.sagas.errands import COMMAND_SECONDS, Done, Errand, Errands
from common.access.policies import OPEN
from common.access.routes import add_route
from common.addresses import each_address
from common.bodies import read_body
from common.envelope import Seal
from common.errors import BadRequest, LeveretError, NotFound, Unavailable
from common.tasks import end, look_at

PATH = "/internal/errands"
SEAL_HEADER = "Leveret-Seal"
MOST_ERRANDS = 100  # in one request
MOST_BYTES = 60 * 1024  # of one request
MOST_REQUESTS = 4  # at once
TIMEOUT_SECONDS = COMMAND_SECONDS + 2.0

log = structlog.get_logger(__name__)


class Undone(msgspec.Struct, frozen=True, gc=False, tag="undone"):
    """Nothing can be said about the outcome."""

    reason: str


_ERRANDS = msgspec.json.Decoder(list[Errand])
_RESULTS = msgspec.json.Decoder(list[Done | Undone])


def _plain(value: object) -> int:
    """A number over 31 bits comes out of MongoDB as a type of its own."""
    if isinstance(value, Int64):
        return int(value)
    raise NotImplementedError(type(value).__name__)


_encode = msgspec.json.Encoder(enc_hook=_plain).encode


class ErrandPost:
    """Brings errands to any command service. What comes up while requests are under way goes together in the next."""

    def __init__(self, command_url: str, seal: Seal) -> None:
        self._urls = [URL(url) / PATH.lstrip("/") for url in each_address(command_url)]
        self._seal = seal
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))
        self._queue: deque[tuple[bytes, asyncio.Future[Done]]] = deque()
        self._requests: set[asyncio.Task[None]] = set()
        self._is_due = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await end(*self._requests)
        await self._http.close()

    async def do(self, errand: Errand) -> Done:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Done] = loop.create_future()
        self._queue.append((_encode(errand), outcome))
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._send)
        return await outcome

    def _send(self) -> None:
        self._is_due = False
        while self._queue and len(self._requests) < MOST_REQUESTS:
            task = asyncio.create_task(self._request(self._next_batch()))
            self._requests.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._requests.discard(task)
        self._send()

    def _next_batch(self) -> list[tuple[bytes, asyncio.Future[Done]]]:
        batch = [self._queue.popleft()]
        size_bytes = len(batch[0][0])
        while self._queue and len(batch) < MOST_ERRANDS and size_bytes + len(self._queue[0][0]) < MOST_BYTES:
            batch.append(self._queue.popleft())
            size_bytes += len(batch[-1][0]) + 1
        return batch

    async def _request(self, batch: list[tuple[bytes, asyncio.Future[Done]]]) -> None:
        for (_, outcome), result in zip(batch, await self._results([errand for errand, _ in batch]), strict=True):
            if outcome.done():
                continue
            if isinstance(result, Done):
                outcome.set_result(result)
            else:
                outcome.set_exception(Unavailable(result.reason))
                look_at(outcome)

    async def _results(self, errands: list[bytes]) -> list[Done | Undone]:
        """One for each; an answer that is none, or none at all, says nothing about any of them."""
        body = b"[" + b",".join(errands) + b"]"
        headers = {"Content-Type": "application/json", SEAL_HEADER: _mac(self._seal, body)}
        try:
            async with self._http.post(random.choice(self._urls), data=body, headers=headers) as answer:
                reason = f"The command service answered {answer.status}."
                results = _RESULTS.decode(await answer.read()) if answer.ok else []
        except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError) as error:
            reason, results = f"The command service cannot be reached: {type(error).__name__}.", []
        return results if len(results) == len(errands) else [Undone(reason)] * len(errands)


def add_errands(app: web.Application, errands: Errands, seal: Seal) -> None:
    """Serve what ErrandPost sends. To whoever has not the seal there is nothing here."""

    async def handle(http: web.Request) -> web.Response:
        body = await read_body(http)
        if not _is_sealed(seal, body, http.headers.get(SEAL_HEADER, "")):
            raise NotFound("no_such_path", "Nothing is served under this path.")
        try:
            received = _ERRANDS.decode(body)
        except msgspec.DecodeError as error:
            raise BadRequest("invalid_errands", f"These are no errands of this version: {error}") from error
        results = await asyncio.gather(*(_result(errands, errand) for errand in received))
        return web.Response(body=_encode(results), content_type="application/json")

    add_route(app, "POST", PATH, handle, OPEN)  # the seal is its door


async def _result(errands: Errands, errand: Errand) -> Done | Undone:
    try:
        return await errands.do(errand)
    except LeveretError as error:
        return Undone(error.detail)
    except Exception as error:  # a mistake of ours is no outcome (S3): it is tried again, and can be seen
        log.exception("errand_failed", **errand.told)
        return Undone(type(error).__name__)


def _is_sealed(seal: Seal, body: bytes, given: str) -> bool:
    return hmac.compare_digest(_mac(seal, body).encode(), given.encode("utf-8", "surrogateescape"))


def _mac(seal: Seal, body: bytes) -> str:
    """It says which log is meant; a message of the broker says more, so that neither can pass for the other."""
    return seal.mac({"log_id": seal.log_id}, body)
