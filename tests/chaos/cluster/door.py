"""The address of a member of a replica set: clients always come in, other members only while nobody cuts them off.

A mongod with test commands says in its first words to another one which port is its own, as mongobridge wants it.
"""

import asyncio
import contextlib
import re
from collections import defaultdict
from typing import Self

from stack.ports import LOOPBACK

PIECE_BYTES = 256 * 1024
CALLING_MEMBER = re.compile(rb"hostInfo\x00.{4}[^\x00]*:(\d+)\x00", re.DOTALL)

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Door:
    """Listens on `port` for the mongod on `target_port`. Use it with `async with`."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target_port = target_port
        self._may_pass: defaultdict[int, asyncio.Event] = defaultdict(_open)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, LOOPBACK, 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()

    def shut(self, *member_ports: int) -> None:
        """Let nothing of these through, either way; connections stay, and what was sent arrives after `open`."""
        for port in member_ports:
            self._may_pass[port].clear()

    def open(self) -> None:
        for may_pass in self._may_pass.values():
            may_pass.set()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            words = await reader.read(PIECE_BYTES)
            member = CALLING_MEMBER.search(words)
            may_pass = self._may_pass[int(member[1])] if member else _open()
            server = await asyncio.open_connection(LOOPBACK, self._target_port)
            with contextlib.closing(server[1]):
                await may_pass.wait()
                server[1].write(words)
                await _carry((reader, writer), server, may_pass)


async def _carry(client: Stream, server: Stream, may_pass: asyncio.Event) -> None:
    """Until either side has hung up."""
    pumps = [
        asyncio.create_task(_pump(client[0], server[1], may_pass)),
        asyncio.create_task(_pump(server[0], client[1], may_pass)),
    ]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            await may_pass.wait()
            writer.write(piece)
            await writer.drain()


def _open() -> asyncio.Event:
    may_pass = asyncio.Event()
    may_pass.set()
    return may_pass
