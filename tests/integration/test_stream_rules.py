"""The stream of events at its limits: readers who take nothing, tokens that end, a service that ends."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from msgspec.structs import replace

from common.access.door import Door, open_door
from common.config import Settings
from common.log import MongoLog, open_log
from common.web import make_app
from query_service import stream, tail
from tests.support.commits import a_commit, an_event
from tests.support.following import following
from tests.support.issuing import Issuer, bearer
from tests.support.real_log import a_database
from tests.support.served import Served, served
from tests.support.system import until

ISSUER = Issuer()
DEADLINE_SECONDS = 20.0


@asynccontextmanager
async def serving(url: str, door: Door | None = None) -> AsyncIterator[tuple[Served, MongoLog]]:
    """The stream alone, on a log of its own."""
    async with a_database(url) as (client, name):
        log = await open_log(client[name], partitions=8)
        app = make_app(door or Door(None))
        stream.add_stream(app, client[name])
        async with served(app, shutdown_timeout=DEADLINE_SECONDS) as server:
            yield server, log


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def where(server: Served) -> str:
    return f"{server.url}/queries/stream"


async def until_there_is_room(http: aiohttp.ClientSession, server: Served) -> None:
    async def is_free() -> bool:
        async with following(http, where(server)) as again:
            return again.answer.status == 200

    await until(is_free, seconds=DEADLINE_SECONDS, what="who left has given back the place")


async def test_a_reader_who_takes_nothing_is_left(
    mongodb_url: str, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "WRITE_SECONDS", 0.3)
    monkeypatch.setattr(stream, "MOST_STREAMS", 1)
    big = replace(an_event(), data={"product_id": 1, "product_name": "x" * 60_000})
    async with serving(mongodb_url) as (server, log):
        for first in range(1, 401, 100):
            await log.insert([a_commit(n, f"inventory-{n}", events=(big,)) for n in range(first, first + 100)])
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /queries/stream?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until_there_is_room(http, server)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(DEADLINE_SECONDS):
            taken = await until_the_end(reader)
        assert taken < 400 * 60_000, "it was told everything after all"
        writer.close()


async def keep_telling(log: MongoLog) -> None:
    for number in itertools.count(1):
        await log.insert([a_commit(number, f"inventory-{number}")])
        await asyncio.sleep(0.02)


async def until_the_end(reader: asyncio.StreamReader) -> int:
    """How many bytes come before the connection ends."""
    taken = 0
    with suppress(ConnectionError):
        while piece := await reader.read(2**20):
            taken += len(piece)
    return taken


async def test_a_stream_ends_with_its_token(
    mongodb_url: str, http: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.1)
    settings = Settings(auth="on", message_key="a key for tests", auth_keys=str(ISSUER.write_to(tmp_path)))
    token = ISSUER.token("support", sub="sue", exp=int(time.time()) - 3)  # good for the leeway that is left
    async with serving(mongodb_url, await open_door(settings)) as (server, log):
        async with http.get(where(server)) as answer:
            assert answer.status == 401
        async with following(http, where(server), bearer(token)) as reader, asyncio.timeout(DEADLINE_SECONDS):
            assert reader.answer.status == 200
            assert b"retry" in await reader.answer.content.readline()
            telling = asyncio.create_task(keep_telling(log))
            while not reader.answer.content.at_eof():  # also while there is much to tell
                await reader.answer.content.readline()
            telling.cancel()


async def test_signs_of_life_move_where_a_browser_goes_on_from(
    mongodb_url: str, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.1)
    async with serving(mongodb_url) as (server, log), following(http, where(server), user_id=7) as reader:
        await log.insert([a_commit(n, f"inventory-{n}") for n in range(1, 4)])
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (await reader.answer.content.readline()) != b"id: 3\n":
                pass
            assert await reader.answer.content.readline() == b"\n"


async def test_a_stream_ends_when_its_service_does(mongodb_url: str, http: aiohttp.ClientSession) -> None:
    async with serving(mongodb_url) as (server, _), following(http, where(server)) as reader:
        assert b"retry" in await reader.answer.content.readline()
        started = time.monotonic()
        await server.runner.cleanup()
        assert time.monotonic() - started < DEADLINE_SECONDS / 2
        assert (await reader.answer.content.read()).strip() == b""


async def test_who_comes_when_there_is_no_room_is_told_so(
    mongodb_url: str, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_STREAMS", 2)
    async with serving(mongodb_url) as (server, _):
        async with following(http, where(server)), following(http, where(server)) as last:
            assert last.answer.status == 200
            async with http.get(where(server)) as answer:
                assert (answer.status, (await answer.json(content_type=None))["code"]) == (503, "too_many_streams")

        await until_there_is_room(http, server)


async def test_there_may_be_no_log_yet(mongodb_url: str, http: aiohttp.ClientSession) -> None:
    async with a_database(mongodb_url) as (client, name):
        app = make_app(Door(None))
        stream.add_stream(app, client[name])
        async with served(app) as server, following(http, where(server)) as reader:
            assert reader.answer.status == 200
            log = await open_log(client[name], partitions=8)
            await log.insert([a_commit(1, "inventory-1")])
            (event,) = await reader.take(1)
            assert event.id == "1"


async def test_who_is_far_behind_reads_the_log_and_then_goes_on_with_all_others(
    mongodb_url: str, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "KEPT_COMMITS", 10)
    monkeypatch.setattr(tail, "PAGE_COMMITS", 7)
    async with serving(mongodb_url) as (server, log):
        await log.insert([a_commit(n, f"inventory-{n}") for n in range(1, 101)])
        async with following(http, where(server), after=0) as behind, following(http, where(server)) as ahead:
            first = await behind.take(50)
            await log.insert([a_commit(n, f"inventory-{n}") for n in range(101, 131)])
            assert [event.id for event in await ahead.take(30)] == [str(n) for n in range(101, 131)]
            assert [event.id for event in first + await behind.take(80)] == [str(n) for n in range(1, 131)]


async def test_who_follows_a_log_that_is_replaced_begins_again(
    mongodb_url: str, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "SAME_SECONDS", 0.1)
    async with a_database(mongodb_url) as (client, name):
        log = await open_log(client[name], partitions=8)
        await log.insert([a_commit(n, f"inventory-{n}") for n in range(1, 10)])
        app = make_app(Door(None))
        stream.add_stream(app, client[name])
        async with served(app) as server, following(http, where(server), after=0) as reader:
            await reader.take(9)
            await client.drop_database(name)
            await (await open_log(client[name], partitions=8)).insert([a_commit(1, "inventory-1")])
            async with asyncio.timeout(DEADLINE_SECONDS):
                assert b"data" not in await reader.answer.content.read(), "the old log ended here"


async def test_names_of_those_who_did_it_are_for_staff(
    mongodb_url: str, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    settings = Settings(auth="on", message_key="a key for tests", auth_keys=str(ISSUER.write_to(tmp_path)))
    personal = replace(an_event(), type="OrderInitiated", data={"user_id": 42, "personal": {"customer_name": "Ada"}})
    async with serving(mongodb_url, await open_door(settings)) as (server, log):
        mine = a_commit(1, "order-1", partition_key=42, events=(personal,), actor="sue")
        await log.insert(
            [mine, a_commit(2, "inventory-42", partition_key=42), a_commit(3, "order-2", partition_key=43)]
        )
        await log.insert([replace(mine, position=4, version=2, command_id="another")])
        for user_id, role, seen in ((42, "customer", ["1", "4"]), (None, "support", ["1", "2", "3", "4"])):
            who = bearer(ISSUER.token(role, user_id) if user_id else ISSUER.token(role))
            async with following(http, where(server), who, after=0) as reader:
                events = await reader.take(len(seen))
                assert [event.id for event in events] == seen
                assert ("actor" in events[0].content) == (role == "support")
                assert "Ada" not in json.dumps([event.content for event in events])
        async with http.get(where(server), headers=bearer(ISSUER.token("customer", 42)), params={"user_id": 43}) as no:
            assert no.status == 404
