"""The door of a replica set's member: who says of himself that he is a member can be shut out, clients cannot."""

import asyncio
from collections.abc import AsyncIterator

import bson
import pytest

from stack.ports import LOOPBACK
from tests.chaos.cluster.door import Door

SILENCE_SECONDS, ENOUGH_SECONDS = 0.1, 5.0
MEMBER, OTHER_MEMBER = 27101, 27102
A_CLIENT = bson.encode({"hello": 1, "client": {"driver": {"name": "PyMongo"}}})


def a_member(port: int) -> bytes:
    return bson.encode({"hello": 1, "hostInfo": f"some.machine:{port}", "internalClient": {"minWireVersion": 0}})


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async def say_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1000):
            writer.write(piece)
        writer.close()

    server = await asyncio.start_server(say_back, LOOPBACK, 0)
    async with Door(server.sockets[0].getsockname()[1]) as door:
        yield door
    server.close()


async def said_back(door: Door, words: bytes, *, within_seconds: float = ENOUGH_SECONDS) -> bytes:
    reader, writer = await asyncio.open_connection(LOOPBACK, door.port)
    writer.write(words)
    try:
        async with asyncio.timeout(within_seconds):
            return await reader.readexactly(len(words))
    finally:
        writer.close()


async def test_everybody_is_let_in(door: Door) -> None:
    for words in (A_CLIENT, a_member(MEMBER)):
        assert await said_back(door, words) == words


async def test_a_member_that_is_shut_out_hears_nothing(door: Door) -> None:
    door.shut(MEMBER)
    with pytest.raises(TimeoutError):
        await said_back(door, a_member(MEMBER), within_seconds=SILENCE_SECONDS)


async def test_the_others_and_clients_are_not_shut_out(door: Door) -> None:
    door.shut(MEMBER)
    for words in (A_CLIENT, a_member(OTHER_MEMBER)):
        assert await said_back(door, words) == words


async def test_what_was_said_meanwhile_arrives_when_the_door_is_open_again(door: Door) -> None:
    door.shut(MEMBER)
    answer = asyncio.create_task(said_back(door, a_member(MEMBER)))
    await asyncio.wait((answer,), timeout=SILENCE_SECONDS)
    assert not answer.done()
    door.open()
    assert await answer == a_member(MEMBER)
