"""A way to RabbitMQ on which the first consumer hears nothing, as from a queue that lost its leader; the rest goes on.

AMQP 0-9-1: a frame has its kind, its channel and its size in seven bytes, then so many bytes, then one that ends it. A
delivery is the method Basic.Deliver, then frames of the message's header and body on the same channel.
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from yarl import URL

from common.tasks import end
from stack.ports import LOOPBACK

METHOD = 1
CONSUME_OK, DELIVER = struct.pack(">HH", 60, 21), struct.pack(">HH", 60, 60)
HEAD = struct.Struct(">BHI")
PIECE_BYTES = 64 * 1024


@dataclass(slots=True)
class Muffled:
    """`url` leads through here. `consumers` counts the sessions that consumed, `swallowed` what the first missed."""

    url: str
    consumers: int = 0
    swallowed: int = 0

    async def pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """What the broker says to one client, frame by frame, until one of them hangs up."""
        is_deaf, delivering = False, set[int]()  # channels on which a delivery is being swallowed
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                kind, channel, size = HEAD.unpack(head := await source.readexactly(HEAD.size))
                rest = await source.readexactly(size + 1)
                if kind == METHOD:
                    delivering.discard(channel)
                    is_deaf = is_deaf or self._consumes_first(rest)
                    if is_deaf and rest.startswith(DELIVER):
                        self.swallowed += 1
                        delivering.add(channel)
                if channel not in delivering:
                    target.write(head + rest)
                    await target.drain()

    def _consumes_first(self, method: bytes) -> bool:
        if not method.startswith(CONSUME_OK):
            return False
        self.consumers += 1
        return self.consumers == 1


@asynccontextmanager
async def muffled(url: str) -> AsyncIterator[Muffled]:
    """Listen for clients of the broker at `url`."""
    broker = URL(url)
    way = Muffled(url)

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, there = await asyncio.open_connection(broker.host, broker.port)
        ways = [asyncio.create_task(one) for one in (way.pass_on(back, writer), _copy(reader, there))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        await end(*ways)
        for one in (writer, there):
            one.transport.abort()

    server = await asyncio.start_server(call, LOOPBACK, 0)
    way.url = str(broker.with_host(LOOPBACK).with_port(server.sockets[0].getsockname()[1]))
    async with server:
        yield way


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(PIECE_BYTES):
            target.write(piece)
            await target.drain()
