"""What passes the gateway arrives as it was sent: nothing is added, nothing is kept for the next client."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.access.door import Door
from gateway.app import make_gateway_app
from gateway.contract import SIDES
from tests.support.door import send, spell

NOTHING = {"Content-Type": "", "Content-Length": ""}


class Behind:
    """A service that keeps what it is asked, and wants its clients to keep a cookie."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.url = self.gateway = ""

    async def answer(self, http: web.Request) -> web.Response:
        self.asked.append(http)
        return web.json_response({}, headers={"Set-Cookie": "who=ada", "Connection": "close"})


@pytest.fixture
async def behind() -> AsyncIterator[Behind]:
    behind, app = Behind(), web.Application()
    app.router.add_route("*", "/{path:.*}", behind.answer)
    async with TestServer(app, host="localhost") as server:  # of an address without a name nobody keeps a cookie
        url = str(server.make_url("/")).replace("127.0.0.1", "localhost").rstrip("/")
        async with TestServer(make_gateway_app(dict.fromkeys(SIDES, url), Door(None))) as gateway:
            behind.url, behind.gateway = url, str(gateway.make_url("/")).rstrip("/")
            yield behind


async def test_a_service_is_told_what_the_client_said_and_the_trace(behind: Behind) -> None:
    headers = {**NOTHING, "Accept-Language": "de", "Keep-Alive": "timeout=9", "TE": "trailers"}
    answer = await send(behind.gateway, spell("GET", "/cqrs/queries/inventory", headers=headers))
    assert answer.status == 200
    (http,) = behind.asked
    assert {name.lower() for name in http.headers} == {"host", "accept-language", "traceparent"}
    assert http.headers["Host"] == behind.url.removeprefix("http://")


@pytest.mark.parametrize("rest", ["/orders/a%2Fb", "/a//b", "/x?a=%20b&c=1+2&a=", "/%C3%BC?q=%FF", "/", "/a?b?c"])
async def test_a_path_arrives_exactly_as_it_was_sent(behind: Behind, rest: str) -> None:
    await send(behind.gateway, spell("GET", f"/cqrs/queries{rest}", headers=NOTHING))
    assert [http.raw_path for http in behind.asked] == [f"/queries{rest}"]


async def test_no_cookie_of_one_client_goes_to_the_next(behind: Behind) -> None:
    for _ in range(2):
        answer = await send(behind.gateway, spell("GET", "/cqrs/queries/inventory", headers=NOTHING))
        assert answer.headers["Set-Cookie"] == "who=ada"
        assert answer.headers.get("Connection") != "close"
    assert ["Cookie" in http.headers for http in behind.asked] == [False, False]
