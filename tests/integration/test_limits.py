"""How often and how much at once: real services that have little room, and connections that waste it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from common.consistency import write_token
from common.web import add_operations, make_app
from tests.support.issuing import Issuer, bearer
from tests.support.served import served
from tests.support.system import System, running_system, until

ISSUER = Issuer()
BURST, ADDRESS_BURST = 3, 8
IDLE_SECONDS = 0.5
PATIENCE_SECONDS = 20.0
SLOWLY = {"SUBJECT_RATE": "0.001", "ADDRESS_RATE": "0.001"}
STATUS_OF_USER_1 = "/cqrs/queries/orders/count?user_id=1"


@asynccontextmanager
async def small(mongodb_url: str, folder: Path, **settings: str) -> AsyncIterator[tuple[System, aiohttp.ClientSession]]:
    given = {"AUTH": "on", "AUTH_KEYS": str(ISSUER.write_to(folder)), "RELAY": "false"} | settings
    async with (
        running_system(mongodb_url, "", folder, services=("command", "query", "gateway"), **given) as system,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS)) as http,
    ):
        yield system, http


async def test_who_asks_too_often_is_told_when_to_go_on_and_others_are_served(mongodb_url: str, tmp_path: Path) -> None:
    limits = SLOWLY | {"SUBJECT_BURST": str(BURST), "ADDRESS_BURST": str(ADDRESS_BURST)}
    async with small(mongodb_url, tmp_path, **limits) as (system, http):

        async def ask(who: Mapping[str, str], at: str = "gateway") -> tuple[int, Mapping[str, str]]:
            path = STATUS_OF_USER_1 if at == "gateway" else STATUS_OF_USER_1.removeprefix("/cqrs")
            async with http.get(system.url(at) + path, headers=who) as answer:
                return answer.status, answer.headers

        ada, bob = (bearer(ISSUER.token("support", sub=name)) for name in ("ada", "bob"))
        for left in reversed(range(BURST)):
            status, headers = await ask(ada)
            assert (status, headers.getall("RateLimit")) == (200, [f'"default";r={left};t={(BURST - left) * 1000}'])  # type: ignore[attr-defined]
            assert headers["RateLimit-Policy"] == f'"default";q={BURST};w=3000'
        status, headers = await ask(ada)
        assert (status, headers["Retry-After"], headers["Content-Type"]) == (429, "1000", "application/problem+json")
        assert (await ask(ada, at="query"))[0] == 429  # the service behind has counted, too
        assert (await ask(bob))[0] == 200
        for _ in range(ADDRESS_BURST - BURST - 2):  # what is wrong counts for the address, who ever sends it
            assert (await ask(bearer("nonsense")))[0] == 401
        assert (await ask(bob))[0] == 429
        async with http.get(system.gateway + "/livez") as answer:
            assert answer.status == 200


async def test_who_comes_when_all_hands_are_full_is_sent_away_at_once(mongodb_url: str, tmp_path: Path) -> None:
    async with small(mongodb_url, tmp_path, MOST_REQUESTS="1") as (system, http):
        url, who = system.url("query") + "/queries/orders", bearer(ISSUER.token("support"))
        waits = {"Consistency-Token": write_token({0: 10**9})}

        async def ask(headers: Mapping[str, str]) -> tuple[int, str, str]:
            async with http.get(url, headers={**who, **headers}) as answer:
                return answer.status, (await answer.json())["code"], answer.headers["Retry-After"]

        answers = await asyncio.gather(ask(waits), ask(waits))
        assert sorted(answers) == [(503, "overloaded", "1"), (503, "projection_lag", "1")]
        async with http.get(url, headers=who) as answer:
            assert answer.status == 200


async def test_one_address_does_not_hold_all_of_the_gateway(mongodb_url: str, tmp_path: Path) -> None:
    async with small(mongodb_url, tmp_path, ADDRESS_REQUESTS="2") as (system, http):
        host, port = system.gateway.removeprefix("http://").split(":")
        held = []
        for _ in range(2):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"POST /cqrs/commands/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
            held.append(writer)

        async def is_full() -> bool:
            async with http.get(system.gateway + STATUS_OF_USER_1, headers=bearer(ISSUER.token("support"))) as answer:
                return answer.status == 429

        await until(is_full, seconds=PATIENCE_SECONDS, what="the address has its share")
        for writer in held:
            writer.transport.abort()

        async def is_free() -> bool:
            return not await is_full()

        await until(is_free, seconds=PATIENCE_SECONDS, what="it has given its places back")


@pytest.fixture
async def address() -> AsyncIterator[tuple[str, int]]:
    async def ready() -> Mapping[str, bool]:
        return {}

    app = make_app()
    add_operations(app, ready)
    async with served(app, keepalive_timeout=IDLE_SECONDS) as one:
        yield "127.0.0.1", one.port


@pytest.mark.parametrize("begins", [b"", b"GET /livez HTTP/1.1\r\n"], ids=["nothing", "a head byte by byte"])
async def test_a_head_that_does_not_come_is_given_up(address: tuple[str, int], begins: bytes) -> None:
    reader, writer = await asyncio.open_connection(*address)

    async def trickle() -> None:
        while begins:
            writer.write(b"X")
            await asyncio.sleep(IDLE_SECONDS / 10)

    writer.write(begins)
    trickling = asyncio.create_task(trickle())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await reader.read() == b""
    except ConnectionResetError:
        pass
    finally:
        trickling.cancel()
        writer.transport.abort()
