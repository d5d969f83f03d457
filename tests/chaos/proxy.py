"""A TCP proxy that makes one link of the system bad: slow, lossy, dripping, silent, half-open, reset or refused."""

import asyncio
import contextlib
import random
import socket
import struct
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from stack.ports import LOOPBACK

PIECE_BYTES = 256 * 1024
RESEND_SECONDS = (0.2, 0.6)  # what TCP needs to send a lost packet again
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset and forgets what was not yet sent


class Way(Enum):
    THERE = "to the server"
    BACK = "to the client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What happens to every piece of bytes on its way, in both directions."""

    latency_seconds: float = 0.0
    loss: float = 0.0  # share of the pieces that must be sent again
    drip_bytes: int = PIECE_BYTES  # most that go in one piece
    drip_seconds: float = 0.0  # between two pieces


CLEAR = Weather()


@dataclass(slots=True, eq=False)
class _Call:
    """One connection of a client and the one made to the server for it."""

    client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    has_no_server: bool = field(default=False)  # the client does not know


class Link:
    """Listens on `port` for the server on `target_port`, which may be told later. Use it with `async with`."""

    def __init__(self, target_port: int = 0, chance: random.Random | None = None) -> None:
        self.port = 0
        self.target_port = target_port
        self.weather = CLEAR
        self._chance = chance or random.Random()
        self._calls: set[_Call] = set()
        self._may_pass = {way: asyncio.Event() for way in Way}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self.release()
        await self.accept()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    async def accept(self) -> None:
        """Listen; after `refuse` on the same port again."""
        self._server = await asyncio.start_server(self._take, LOOPBACK, self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Reset every connection and let nobody connect."""
        if self._server:
            self._server.close()
        self.reset()

    def reset(self) -> None:
        """Cut every connection, and forget what is on its way."""
        for call in self._calls:
            for _, writer in (call.client, call.server):
                _cut(writer)

    def hold(self, *ways: Way) -> None:
        """Let nothing through; connections stay open, and what was sent arrives after `release`."""
        for way in ways or Way:
            self._may_pass[way].clear()

    def release(self) -> None:
        for may_pass in self._may_pass.values():
            may_pass.set()

    def lose_servers(self) -> None:
        """Leave every client half-open: its server is gone and nobody tells it. New connections are good."""
        for call in self._calls:
            call.has_no_server = True
            _cut(call.server[1])

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await asyncio.open_connection(LOOPBACK, self.target_port)
        except OSError:
            _cut(writer)
            return
        call = _Call((reader, writer), server)
        self._calls.add(call)
        try:
            await self._carry(call)
        finally:
            self._calls.discard(call)
            for _, end in (call.client, call.server):
                end.close()

    async def _carry(self, call: _Call) -> None:
        """Until either side has hung up; a client without a server must do so itself."""
        there = asyncio.create_task(self._pump(call, Way.THERE, call.client[0], call.server[1]))
        back = asyncio.create_task(self._pump(call, Way.BACK, call.server[0], call.client[1]))
        try:
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            if call.has_no_server:
                await there
        finally:
            there.cancel()
            back.cancel()

    async def _pump(self, call: _Call, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(self.weather.drip_bytes):
                await self._travel()
                await self._may_pass[way].wait()
                if not call.has_no_server:
                    writer.write(piece)
                    await writer.drain()

    async def _travel(self) -> None:
        weather = self.weather
        seconds = weather.latency_seconds + weather.drip_seconds
        if weather.loss and self._chance.random() < weather.loss:
            seconds += self._chance.uniform(*RESEND_SECONDS)
        if seconds:
            await asyncio.sleep(seconds)


def _cut(writer: asyncio.StreamWriter) -> None:
    raw: socket.socket | None = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    writer.transport.abort()
