"""Where a setting names several processes, one that is away is passed over."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.access.door import Door
from common.addresses import each_address
from common.broker import Publisher
from gateway.app import make_gateway_app
from gateway.contract import SIDES
from stack.ports import LOOPBACK, free_port
from tests.support.broker import VirtualHost

CALLS = 20  # so many by chance all reach the same one of two once in 500,000 runs
WITH_KEY, WITHOUT_KEY = {"Idempotency-Key": "once"}, {}
Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handle], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a service that answers everything in one way; return its address."""
    async with AsyncExitStack() as servers:

        async def start(handle: Handle) -> str:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", handle)
            server = await servers.enter_async_context(TestServer(app))
            return str(server.make_url("/"))

        yield start


class Behind:
    """A service that counts."""

    def __init__(self) -> None:
        self.calls = 0

    async def answer(self, _: web.Request) -> web.Response:
        self.calls += 1
        return web.json_response({})

    async def hang_up(self, request: web.Request) -> web.Response:
        self.calls += 1
        assert request.transport
        request.transport.abort()
        return web.Response()


async def call(command_url: str, headers: Mapping[str, str] = WITHOUT_KEY, *, times: int = CALLS) -> list[int]:
    """Send commands to a gateway in front of these; return the answers' statuses."""
    async with (
        TestServer(
            make_gateway_app({**dict.fromkeys(SIDES, nobody()), "commands": command_url}, Door(None))
        ) as gateway,
        aiohttp.ClientSession() as http,
    ):
        statuses: list[int] = []
        for _ in range(times):
            async with http.post(gateway.make_url("/cqrs/commands/orders"), json={}, headers=headers) as answer:
                statuses.append(answer.status)
        return statuses


def nobody() -> str:
    return f"http://{LOOPBACK}:{free_port()}"


def test_addresses_stand_with_commas_between() -> None:
    assert each_address("http://a:1, http://b:2") == ("http://a:1", "http://b:2")


async def test_the_gateway_asks_all_services_in_turn(serve: Serve) -> None:
    one, other = Behind(), Behind()
    assert await call(f"{await serve(one.answer)},{await serve(other.answer)}") == [200] * CALLS
    assert one.calls + other.calls == CALLS
    assert one.calls
    assert other.calls


async def test_the_gateway_passes_over_a_service_that_is_away(serve: Serve) -> None:
    assert await call(f"{nobody()},{await serve(Behind().answer)}") == [200] * CALLS


async def test_a_command_with_a_key_goes_to_another_when_the_connection_breaks(serve: Serve) -> None:
    broken, well = Behind(), Behind()
    urls = f"{await serve(broken.hang_up)},{await serve(well.answer)}"
    assert await call(urls, WITH_KEY) == [200] * CALLS
    assert broken.calls


async def test_a_command_without_a_key_is_not_sent_twice(serve: Serve) -> None:
    broken = Behind()
    urls = ",".join([await serve(broken.hang_up)] * 2)
    assert all(status >= 500 for status in await call(urls, times=3))
    assert broken.calls == 3


async def test_a_node_of_the_broker_that_is_away_is_passed_over(system_host: VirtualHost) -> None:
    away = f"amqp://{LOOPBACK}:{free_port()}/"
    for urls in (f"{away},{system_host.url}", f"{system_host.url},{away}"):
        publisher = await Publisher.open(urls, "test")
        await publisher.close()
