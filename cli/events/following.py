"""The live stream of commits (server-sent events), from where it was: a gateway that is lost is asked again."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from yarl import URL

from cli.gateway import NOT_NOW, detail_of, reason_of
from common.tasks import BackOff
from stack.errors import StackError

SILENCE_SECONDS = 45.0  # three missed signs of life
CONNECT_SECONDS = 5.0
LONGEST_LINE_BYTES = 2**20  # a commit has at most 256 KiB of events
PATH = "/cqrs/queries/stream"


@dataclass(slots=True)
class Following:
    """`position` is what was seen last: whoever asks again goes on behind it, without a hole and without a repeat.

    `tell` is called once for each loss.
    """

    url: str
    query: Mapping[str, str]
    tell: Callable[[], None]
    position: int | None = None
    losses: int = 0
    is_lost: bool = False
    has_begun: bool = False

    async def commits(self) -> AsyncIterator[dict[str, Any]]:
        """Until the reader has enough. StackError where the gateway was never there, or says no."""
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        back_off = BackOff()
        async with aiohttp.ClientSession(timeout=timeout, headers=_headers()) as session:
            while True:
                try:
                    async for commit in self._until_lost(session):
                        back_off.reset()
                        yield commit
                    self._lose("the stream ended")
                except (aiohttp.ClientError, TimeoutError) as error:
                    self._lose(reason_of(error))
                await back_off.pause()

    async def _until_lost(self, session: aiohttp.ClientSession) -> AsyncIterator[dict[str, Any]]:
        headers = {} if self.position is None else {"Last-Event-ID": str(self.position)}
        url = URL(self.url + PATH).with_query(dict(self.query))
        async with session.get(url, headers=headers, read_bufsize=LONGEST_LINE_BYTES) as answer:
            if answer.status in NOT_NOW:
                raise aiohttp.ClientConnectionError(detail_of(await answer.read()))
            if not answer.ok:
                raise StackError(f"GET {PATH} answered {answer.status}: {detail_of(await answer.read())}")
            self.has_begun = True
            async for position, data in _messages(answer.content):
                self.is_lost = False
                if data:
                    yield orjson.loads(data)
                self.position = position

    def _lose(self, reason: str) -> None:
        if not self.has_begun:
            raise StackError(f"no gateway answers at {self.url} ({reason}); `cqrs up` starts one")
        if not self.is_lost:
            self.is_lost = True
            self.losses += 1
            self.tell()


async def _messages(content: aiohttp.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    """Position and data of each message, as its empty line ends it (WHATWG HTML, 9.2); one that breaks off is none.

    One without data is a sign of life.
    """
    position: int | None = None
    data = b""
    async for line in content:
        name, _, value = line.rstrip(b"\r\n").partition(b": ")
        match name:
            case b"" if position is not None:
                yield position, data
                data = b""
            case b"id":
                position = int(value)
            case b"data":
                data = value


def _headers() -> dict[str, str]:
    token = os.environ.get("CQRS_TOKEN")
    return {"Accept": "text/event-stream"} | ({"Authorization": f"Bearer {token}"} if token else {})
