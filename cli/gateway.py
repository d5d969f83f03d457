"""The gateway as commands see it. The import sends a batch until it is answered, or for so long that it is no use."""

import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from cli.errors import TooSlow, Unreachable
from common.tasks import BackOff
from stack.errors import NotRunning, StackError
from stack.folder import DataFolder

DEFAULT_ADDRESS = "http://localhost:8000"
ANSWER_SECONDS = 30.0  # for one request
PATIENCE_SECONDS = 60.0  # how long a request is sent again before the import is given up
NOT_NOW = (429, 502, 503, 504)
TRIES_IN_TIME = 2  # of a batch that could be smaller


@dataclass(frozen=True, slots=True)
class Gateway:
    """`url` ends before `/cqrs`."""

    url: str
    session: aiohttp.ClientSession

    async def positions(self) -> dict[str, Any]:
        """Ask once: Unreachable means that nobody is there now."""
        try:
            async with self.session.get(f"{self.url}/cqrs/ops/positions") as answer:
                if answer.ok:
                    return orjson.loads(await answer.read())
                raise Unreachable(f"{self.url} is no gateway of ours: GET /cqrs/ops/positions answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unreachable(f"no gateway answers at {self.url} ({reason_of(error)}); `cqrs up` starts one") from error

    async def ask(self, method: str, path: str, query: Mapping[str, str] | None = None) -> Any:
        """What is answered, asked once; StackError with the sentence of the one that says no."""
        try:
            async with self.session.request(method, self.url + path, params=query) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"no gateway answers at {self.url} ({reason_of(error)}); `cqrs up` starts one") from error
        if answer.ok:
            return orjson.loads(content)
        hint = (
            "; CQRS_TOKEN takes one, as `cqrs token issue` makes them"
            if answer.status == HTTPStatus.UNAUTHORIZED
            else ""
        )
        raise StackError(detail_of(content) + hint)

    async def import_orders(self, body: bytes, token: str | None) -> dict[str, Any]:
        """Send a batch, more than once if need be; its orders count once. The answer's token includes `token`.

        Raises TooSlow for one of several lines that is not done in time.
        """
        headers = {"Content-Type": "application/x-ndjson"} | _consistent(token)
        tries = TRIES_IN_TIME if body.count(b"\n") > 1 else None
        return orjson.loads(await self._patiently("POST", "/cqrs/commands/orders/import", body, headers, tries))

    async def shows(self, token: str) -> bool:
        """Whether the views show everything that the token has seen; waits a moment for it, and asks once."""
        path = "/cqrs/queries/inventory?limit=1"
        try:
            async with self.session.get(self.url + path, headers=_consistent(token)) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            return False
        if not answer.ok and answer.status not in NOT_NOW:
            raise Unreachable(f"GET {path} answered {answer.status}: {detail_of(content)}")
        return answer.ok

    async def _patiently(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], tries_in_time: int | None
    ) -> bytes:
        """Return the body of the 2xx answer; any other that will not change by itself raises Unreachable."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        back_off = BackOff()
        too_slow = 0
        while True:
            try:
                async with self.session.request(method, self.url + path, data=body, headers=headers) as answer:
                    content = await answer.read()
                    if answer.ok:
                        return content
                    reason = f"{method} {path} answered {answer.status}: {detail_of(content)}"
                    if answer.status not in NOT_NOW:
                        raise Unreachable(reason)
                    too_slow += answer.status == HTTPStatus.SERVICE_UNAVAILABLE
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = f"{self.url} does not answer: {reason_of(error)}"
            if too_slow == tries_in_time:
                raise TooSlow(reason)
            if time.monotonic() > give_up_at:
                raise Unreachable(f"given up after {PATIENCE_SECONDS:.0f} s; {reason}")
            await back_off.pause()


async def ask(address: str, method: str, path: str, query: Mapping[str, str] | None = None) -> Any:
    async with open_gateway(address) as gateway:
        return await gateway.ask(method, path, query)


def address_of(given: str, data: Path) -> str:
    """What was said, else the running stack's, else where one would be; without `/cqrs`."""
    try:
        address = given or DataFolder(data).running_state().addresses["gateway"] or DEFAULT_ADDRESS
    except NotRunning:
        address = DEFAULT_ADDRESS
    return address.rstrip("/").removesuffix("/cqrs")


@asynccontextmanager
async def open_gateway(url: str) -> AsyncIterator[Gateway]:
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    token = os.environ.get("CQRS_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        yield Gateway(url.rstrip("/").removesuffix("/cqrs"), session)


def _consistent(token: str | None) -> dict[str, str]:
    return {"Consistency-Token": token} if token else {}


def detail_of(content: bytes) -> str:
    try:
        return str(orjson.loads(content)["detail"])
    except (ValueError, KeyError, TypeError):
        return content[:200].decode(errors="replace")


def reason_of(error: Exception) -> str:
    return str(error) or type(error).__name__
