"""The fault proxy: each kind of bad link is what it says, on real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable

import pytest

from stack.ports import LOOPBACK
from tests.chaos.proxy import Link, Way, Weather

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SILENCE_SECONDS = 0.1
SOON_SECONDS = 30.0


class Echo:
    """A server that says everything back, and keeps what it heard."""

    def __init__(self) -> None:
        self.heard = b""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1000):
            self.heard += piece
            writer.write(piece)
        writer.close()


@pytest.fixture
async def echo() -> Echo:
    return Echo()


@pytest.fixture
async def link(echo: Echo) -> AsyncIterator[Link]:
    server = await asyncio.start_server(echo.answer, LOOPBACK, 0)
    async with Link(server.sockets[0].getsockname()[1]) as link:
        yield link
    server.close()


async def dial(link: Link) -> Connection:
    return await asyncio.open_connection(LOOPBACK, link.port)


async def said_back(connection: Connection, words: bytes) -> bytes:
    reader, writer = connection
    writer.write(words)
    async with asyncio.timeout(SOON_SECONDS):
        return await reader.readexactly(len(words))


async def is_silent(answer: Awaitable[bytes]) -> bool:
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            await answer
    except TimeoutError:
        return True
    return False


async def test_a_clear_link_carries_everything_both_ways(link: Link) -> None:
    words = bytes(range(256)) * 10_000
    assert await said_back(await dial(link), words) == words


async def test_the_end_of_one_side_is_the_end_of_the_other(link: Link) -> None:
    reader, writer = await dial(link)
    writer.close()
    async with asyncio.timeout(SOON_SECONDS):
        assert await reader.read() == b""


async def test_latency_delays_each_way(link: Link) -> None:
    link.weather = Weather(latency_seconds=0.1)
    began = time.monotonic()
    await said_back(await dial(link), b"hello")
    assert 0.2 <= time.monotonic() - began < 1


async def test_a_lost_piece_comes_late(link: Link) -> None:
    link.weather = Weather(loss=1.0)
    began = time.monotonic()
    await said_back(await dial(link), b"hello")
    assert time.monotonic() - began >= 0.4


async def test_a_dripping_link_lets_a_few_bytes_through_at_a_time(link: Link) -> None:
    link.weather = Weather(drip_bytes=1, drip_seconds=0.02)
    began = time.monotonic()
    await said_back(await dial(link), b"0123456789")
    assert time.monotonic() - began >= 0.2


async def test_what_was_held_arrives_after_the_release(link: Link, echo: Echo) -> None:
    connection = await dial(link)
    link.hold()
    assert await is_silent(said_back(connection, b"held"))
    assert echo.heard == b""
    link.release()
    async with asyncio.timeout(SOON_SECONDS):
        assert await connection[0].readexactly(4) == b"held"


async def test_one_way_can_be_held_alone(link: Link, echo: Echo) -> None:
    link.hold(Way.BACK)
    assert await is_silent(said_back(await dial(link), b"heard"))
    assert echo.heard == b"heard"


async def test_what_was_held_is_forgotten_by_a_reset(link: Link, echo: Echo) -> None:
    connection = await dial(link)
    link.hold(Way.THERE)
    assert await is_silent(said_back(connection, b"never"))
    link.reset()
    link.release()
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await said_back(connection, b"more")
    assert echo.heard == b""


async def test_a_half_open_connection_swallows_and_stays_silent_while_a_new_one_is_good(link: Link, echo: Echo) -> None:
    old = await dial(link)
    await said_back(old, b"before ")
    link.lose_servers()
    assert await is_silent(said_back(old, b"swallowed"))
    assert await said_back(await dial(link), b"after") == b"after"
    assert echo.heard == b"before after"


async def test_a_reset_ends_connections_and_leaves_the_door_open(link: Link) -> None:
    old = await dial(link)
    await said_back(old, b"hello")
    link.reset()
    with pytest.raises(ConnectionResetError):
        await old[0].read()
    assert await said_back(await dial(link), b"hello") == b"hello"


async def test_a_refusing_link_can_be_opened_again_on_its_port(link: Link) -> None:
    port = link.port
    await link.refuse()
    with pytest.raises(ConnectionRefusedError):
        await dial(link)
    await link.accept()
    assert link.port == port
    assert await said_back(await dial(link), b"hello") == b"hello"


async def test_a_link_to_nobody_hangs_up(link: Link) -> None:
    async with Link(1) as nowhere:
        reader, _ = await dial(nowhere)
        with pytest.raises(ConnectionResetError):
            await reader.read()
