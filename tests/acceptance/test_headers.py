"""Headers that every answer has: where the time went, in which trace it stands, and to which web pages it is shown."""

import re
from collections.abc import AsyncIterator

import pytest

from common.access.door import Door as Access
from common.mongo import open_client
from gateway.app import make_gateway_app
from gateway.contract import SIDES
from tests.support.door import Answer, Door, send, spell
from tests.support.served import served
from tests.support.system import System

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-00"
SHOP, STRANGER = "https://shop.example.org", "https://evil.example.org"
NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize("path", ["queries/inventory", "queries/orders/nonsense", "queries/nothing", "nothing"])
async def test_every_answer_tells_where_the_time_went(door: Door, path: str) -> None:
    answer = await door.send(spell("GET", f"/cqrs/{path}"))
    told = dict(re.findall(r"([a-z]+);dur=(\d+\.\d)", ", ".join(answer.headers.getall("Server-Timing"))))
    assert set(told) == ({"gateway", "query"} if path.startswith("queries") else {"gateway"})
    assert float(told["gateway"]) >= float(told.get("query", 0))


async def test_an_answer_stands_in_the_callers_trace_or_in_one_of_its_own(door: Door) -> None:
    answer = await door.get("nothing", {"traceparent": PARENT})
    assert answer.content["trace_id"] == TRACE
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-00", answer.headers["traceparent"])
    assert answer.headers["traceparent"] != PARENT
    for given in ("", "nonsense", PARENT.upper()):
        answer = await door.get("nothing", {"traceparent": given})
        found = re.fullmatch(r"00-([0-9a-f]{32})-[0-9a-f]{16}-01", answer.headers["traceparent"])
        assert found, given
        assert found[1] == answer.content["trace_id"], "the service behind the gateway is in the same trace"


async def test_a_commit_stands_in_the_trace_of_its_request(door: Door, system: System) -> None:
    answer = await door.post("orders", door.order(), {"traceparent": PARENT})
    async with open_client(system.mongodb_url, name="test") as client:
        commit = await client[system.events_database]["commits"].find_one({"_id": answer.content["position"]})
    assert commit
    assert commit["traceparent"].startswith(f"00-{TRACE}-")


@pytest.fixture
async def shown_to_the_shop() -> AsyncIterator[str]:
    """A gateway with nothing behind it: who may read its answers does not depend on what they say."""
    async with served(make_gateway_app(dict.fromkeys(SIDES, NOWHERE), Access(None), origins=[SHOP])) as gateway:
        yield gateway.url


async def asked(url: str, method: str, path: str, **headers: str) -> Answer:
    return await send(
        url, spell(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    )


async def test_a_page_of_the_shop_may_ask_and_read_every_answer(shown_to_the_shop: str) -> None:
    for path, status in (("/cqrs/queries/inventory", 503), ("/nothing", 404), ("/livez", 200)):
        answer = await asked(shown_to_the_shop, "GET", path, Origin=SHOP)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, SHOP)
        assert "Consistency-Token" in answer.headers["Access-Control-Expose-Headers"]
        assert "Origin" in answer.headers["Vary"]


async def test_a_browser_is_told_before_it_sends_what_it_may_send(shown_to_the_shop: str) -> None:
    answer = await asked(
        shown_to_the_shop,
        "OPTIONS",
        "/cqrs/commands/orders",
        Origin=SHOP,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="idempotency-key",
    )
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, SHOP)
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_a_stranger_is_told_nothing(shown_to_the_shop: str, door: Door) -> None:
    for method in ("GET", "OPTIONS"):
        answer = await asked(shown_to_the_shop, method, "/cqrs/queries/inventory", Origin=STRANGER)
        assert "Access-Control-Allow-Origin" not in answer.headers
    answer = await door.get("inventory", {"Origin": SHOP})
    assert "Access-Control-Allow-Origin" not in answer.headers, "nobody, unless it is set"
