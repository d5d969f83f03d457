"""Connections that went silent all at once cost one call its time, not each of them one."""

import asyncio

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from common.access.door import Door
from common.errors import Unavailable
from common.mongo import Client, open_client, reaching
from gateway.app import make_gateway_app
from gateway.contract import SIDES
from stack.ports import LOOPBACK
from tests.chaos.proxy import Link

CONNECTIONS = 10
MOST_FAILED = 2  # the one that waited, and one that was on its way when the rest was dropped
ANSWER_SECONDS = 1.0  # with what the gateway waits longer it is more than a connection may be idle


async def test_silent_connections_to_mongodb_are_dropped_together(mongodb_url: str) -> None:
    async with (
        Link(URL(mongodb_url).port or 0) as link,
        open_client(f"mongodb://{LOOPBACK}:{link.port}/?directConnection=true", name="test") as client,
    ):
        calls = client["silent"]["calls"]
        await calls.insert_one({})
        await asyncio.gather(*(calls.find_one({"$where": "sleep(200) || true"}) for _ in range(CONNECTIONS)))
        link.lose_servers()
        failed = 0
        while not await _answers(client):
            failed += 1
            assert failed <= MOST_FAILED


async def _answers(client: Client) -> bool:
    try:
        with reaching("It is silent."):
            await client.admin.command("ping")
    except Unavailable:
        return False
    return True


async def test_silent_connections_of_the_gateway_are_not_tried_one_after_the_other() -> None:
    together = asyncio.Barrier(CONNECTIONS)

    async def answer(http: web.Request) -> web.Response:
        if http.match_info["path"] == "queries/together":
            await together.wait()
        return web.json_response({})

    service = web.Application()
    service.router.add_get("/{path:.*}", answer)
    async with TestServer(service) as server, Link(server.port or 0) as link:
        url = f"http://{LOOPBACK}:{link.port}"
        app = make_gateway_app(dict.fromkeys(SIDES, url), Door(None), answer_seconds=ANSWER_SECONDS)
        async with TestServer(app) as gateway, aiohttp.ClientSession() as http:
            await asyncio.gather(*(_status(http, gateway, "together") for _ in range(CONNECTIONS)))
            link.lose_servers()
            failed = 0
            while await _status(http, gateway, "alone") != web.HTTPOk.status_code:
                failed += 1
                assert failed <= MOST_FAILED


async def _status(http: aiohttp.ClientSession, gateway: TestServer, path: str) -> int:
    async with http.get(gateway.make_url(f"/cqrs/queries/{path}")) as answer:
        return answer.status
