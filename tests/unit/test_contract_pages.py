"""The gateway's contract, its docs page and the pages of problems."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from command_service.domain.order_commands import CreateOrder
from common.access.door import Door
from common.access.routes import policies_of
from common.bodies import parse_body
from common.errors import InvalidBody, Unavailable
from common.problems import PROBLEMS
from common.values import Message
from common.web import ProblemRunner
from gateway.app import make_gateway_app
from gateway.contract import FRESH_SECONDS, SIDES, Contract
from gateway.docs import ASSETS
from tests.support.conformance import contract
from tests.unit.test_openapi import (
    make_command_contract,
    make_lab_contract,
    make_monitor_contract,
    make_projector_contract,
    make_query_contract,
)

MAKERS = {
    "commands": make_command_contract,
    "queries": make_query_contract,
    "projections": make_projector_contract,
    "monitoring": make_monitor_contract,
    "lab": make_lab_contract,
}


class Sides:
    """The services behind the gateway, some of which are away."""

    def __init__(self) -> None:
        self.away: set[str] = set()
        self.asked = 0
        self.now = 0.0

    async def fetch(self, side: str, path: str) -> Any:
        self.asked += 1
        if side in self.away:
            raise Unavailable("No service on this side can be reached.")
        return MAKERS[side]()


async def test_the_contract_is_asked_for_anew_when_it_is_no_longer_fresh() -> None:
    sides = Sides()
    told = Contract(sides.fetch, clock=lambda: sides.now)
    assert await told.openapi() == await told.openapi()
    assert sides.asked == len(SIDES)
    sides.now += FRESH_SECONDS
    await told.openapi()
    assert sides.asked == 2 * len(SIDES)


async def test_all_who_ask_at_once_ask_the_services_once() -> None:
    sides = Sides()
    told = Contract(sides.fetch)
    assert len(set(await asyncio.gather(*(told.openapi() for _ in range(20))))) == 1
    assert sides.asked == len(SIDES)


async def test_a_side_that_is_away_is_told_as_it_was_seen_last() -> None:
    sides = Sides()
    told = Contract(sides.fetch, clock=lambda: sides.now)
    before = await told.openapi()
    sides.away, sides.now = set(MAKERS), FRESH_SECONDS
    assert await told.openapi() == before


async def test_a_side_that_was_never_seen_makes_the_contract_unavailable() -> None:
    sides = Sides()
    sides.away = {"queries"}
    with pytest.raises(Unavailable):
        await Contract(sides.fetch).openapi()


async def test_the_monitor_and_the_lab_are_left_out_until_they_were_seen() -> None:
    sides = Sides()
    told = Contract(sides.fetch, clock=lambda: sides.now)
    sides.away = {"monitoring", "lab"}
    without = orjson.loads(await told.openapi())["paths"].keys()
    sides.away, sides.now = set(), FRESH_SECONDS
    added = orjson.loads(await told.openapi())["paths"].keys() - without
    assert {"/cqrs/ops/pipeline", "/cqrs/ops/lab"} <= added
    assert all(path.startswith("/cqrs/ops/") for path in added)


async def test_nothing_is_served_of_a_side_that_is_not_named() -> None:
    nowhere = dict.fromkeys(SIDES, "http://127.0.0.1:9") | {"lab": "", "monitoring": ""}
    served = {path for _, path in policies_of(make_gateway_app(nowhere, Door(None)))}
    assert not [path for path in served if path.startswith(("/cqrs/ops/lab", "/cqrs/ops/pipeline"))]
    assert "/cqrs/ops/parked{path}" in served


@pytest.fixture
async def gateway() -> AsyncIterator[aiohttp.ClientSession]:
    """One with nothing behind it, served as a process serves it."""
    runner = ProblemRunner(make_gateway_app(dict.fromkeys(SIDES, "http://127.0.0.1:9"), Door(None)))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
        yield http
    await runner.cleanup()


async def test_without_any_side_the_contract_is_a_503(gateway: aiohttp.ClientSession) -> None:
    async with gateway.get("/cqrs/openapi.json") as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"]


async def test_the_docs_page_loads_nothing_from_elsewhere(gateway: aiohttp.ClientSession) -> None:
    async with gateway.get("/cqrs/docs") as answer:
        page = await answer.text()
        assert answer.content_type == "text/html"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "//" not in page
    for name in (*ASSETS, "start.js"):
        assert name == "start.js" or f"docs/{name}" in page or name in page
        async with gateway.get(f"/cqrs/docs/{name}") as answer:
            assert answer.status == 200
            assert await answer.read()


async def test_only_what_the_docs_page_needs_is_served_of_the_package(gateway: aiohttp.ClientSession) -> None:
    for name in ("index.html", "../pyproject.toml", "%2e%2e%2fapp.py", "swagger-ui-bundle.js.map"):
        async with gateway.get(f"/cqrs/docs/{name}") as answer:
            assert answer.status == 404


@pytest.mark.parametrize("code", PROBLEMS)
async def test_every_type_of_problem_leads_to_its_page(gateway: aiohttp.ClientSession, code: str) -> None:
    problem = PROBLEMS[code]
    for place in ("", "/cqrs"):
        async with gateway.get(f"{place}/problems/{code.replace('_', '-')}") as answer:
            page = await answer.text()
            assert (answer.status, answer.content_type) == (200, "text/html")
    assert problem.title.replace("'", "&#x27;").replace("`", "`") in page
    assert code in page


async def test_a_type_of_problem_is_told_as_json_to_programs_that_want_it(gateway: aiohttp.ClientSession) -> None:
    headers = {"Accept": "application/json"}
    async with gateway.get("/problems", headers=headers) as answer:
        everything = await answer.json()
        contract().check("GET", "/problems", answer.status, answer.headers, await answer.read())
    assert {one["code"] for one in everything["data"]} == set(PROBLEMS)
    for one in everything["data"]:
        async with gateway.get(one["type"], headers=headers) as answer:
            assert await answer.json() == one


@pytest.mark.parametrize("slug", ["no-such", "stale_version", "<script>", "%00", "a%2Fb"])
async def test_an_unknown_type_of_problem_is_a_404(gateway: aiohttp.ClientSession, slug: str) -> None:
    async with gateway.get(f"/problems/{slug}") as answer:
        assert answer.status == 404
        assert answer.content_type == "application/problem+json"


class Deep(Message):
    """A model with names that a JSON pointer must escape."""

    orders: tuple[CreateOrder, ...]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (b'{"orders":[{"user_id":1,"items":[{"product_id":1,"quantity":0}]}]}', {"/orders/0/items/0/quantity"}),
        (b'{"orders":[{"user_id":1,"items":[],"a/b~c":1}]}', {"/orders/0/items", "/orders/0/a~1b~0c"}),
        (b'{"orders":[{"user_id":"1","product_id":1,"quantity":1}]}', {"/orders/0/user_id"}),
        (b"{}", {"/orders"}),
    ],
)
def test_each_field_that_is_refused_is_named_by_its_json_pointer(body: bytes, pointers: set[str]) -> None:
    with pytest.raises(InvalidBody) as refused:
        parse_body(Deep, body)
    assert {error.pointer for error in refused.value.errors} == pointers
