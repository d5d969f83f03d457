"""Paths, methods, ids, parameters, cursors and tokens that are not ours: a problem, and nothing is written."""

import asyncio
import base64
import json
from typing import Any
from uuid import uuid4

import orjson
import pytest

from tests.support.bad_ids import NO_IDS, NO_NUMBERS, UUID
from tests.support.door import Door, require_problem, send, spell

TRICKS = (
    *("../metrics", "../../metrics", "..", ".", "%2e%2e/metrics", "%2e%2e%2fmetrics", "..%2fmetrics", "..%2Fmetrics"),
    *("%252e%252e%252fmetrics", "..%252f..%252fmetrics", "..;/metrics", "..\\metrics", "..%5cmetrics", "./health"),
    *("orders/../../metrics", "orders/%2e%2e/%2e%2e/metrics", "//health", "health/", "health%20", "health%00"),
    *(
        "health;a",
        "health%2f",
        "%2fhealth",
        "",
        "%2e%2e%2f%2e%2e%2fadmin",
        "orders/../../ops/positions",
        "%c0%ae%c0%ae/",
    ),
)
WRONG_PARAMETERS = (
    *("limit=0", "limit=-1", "limit=1e9", "limit=101", "limit=abc", "limit=", "limit", "limit=%EF%BC%95", "limit=+5"),
    *("limit=5.0", "limit=%005", "limit=5%0a", "limit[$gt]=1", "limit=" + "1" * 5000, "limit=5&limit=6"),
    *("user_id[$ne]=1", "user_id=2", "status[$ne]=x", "status=%7B%22$ne%22:1%7D", "sort=$where", "$where=1", "x=1"),
    *("cursor=", "cursor=!!", "cursor=e30", "cursor=bnVsbA", "cursor=%00", "cursor=%EF%BC%91", "cursor=" + "a" * 5000),
)
MOMENT = "2024-01-01T00:00:00+00:00"
FORGED_ORDER_CURSORS: tuple[Any, ...] = (
    *([], [MOMENT], [MOMENT, UUID, 1], [1, 2], [UUID, MOMENT], {"$gt": ""}, [{"$gt": ""}, ""], [MOMENT, {"$ne": 1}]),
    *([moment, UUID] for moment in ("2024-01-01", "2024-01-01T00:00:00", "2024-13-01T00:00:00+00:00", "2024-W01-1")),
    *([moment, UUID] for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "", "now")),
    *([MOMENT, last_id] for last_id in ("", "\0", "x", "x" * 300)),
)
FORGED_PRODUCT_CURSORS: tuple[Any, ...] = (
    *([], {}, "1", 1, None, [None], ["1"], [1.0], [True], [[1]], [{"$gt": 0}], [1, 2]),
    *([2**53], [2**63 - 1], [2**63], [2**64 - 1], [2**64], [-1]),
)
WRONG_TOKENS: tuple[Any, ...] = (
    *([1], None, "0", 0, {"0": -1}, {"0": 1.5}, {"0": True}, {"0": "1"}, {"0": None}, {"0": [1]}, {"0": {"$gt": 0}}),
    *({name: 0} for name in ("", "-1", "a", "1.0", " 1", "1_0", "１", "+1", "01", "1" * 2000)),
    {"0": 2**63},
)


def opaque(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def shortened(value: object) -> str:
    return ascii(value)[:40]


@pytest.mark.parametrize("order_id", NO_IDS, ids=shortened)
async def test_an_order_id_is_a_uuid_in_lower_case(door: Door, order_id: str) -> None:
    async with door.nothing_written():
        require_problem(await door.get(f"orders/{order_id}"), 400, 404)
        require_problem(await door.post(f"orders/{order_id}/cancel", {}), 400, 404)


@pytest.mark.parametrize("number", NO_NUMBERS, ids=shortened)
async def test_a_user_and_a_product_is_a_whole_number(door: Door, number: str) -> None:
    for path in (f"users/{number}/orders", f"users/{number}/summary", f"inventory/{number}"):
        require_problem(await door.get(path), 400, 404)


@pytest.mark.parametrize("side", ["queries", "commands"])
@pytest.mark.parametrize("trick", TRICKS)
async def test_no_path_leads_anywhere_else(door: Door, side: str, trick: str) -> None:
    answer = await door.send(spell("GET", f"/cqrs/{side}/{trick}"))
    require_problem(answer, 400, 404, 405)
    assert b"leveret_" not in answer.body


@pytest.mark.parametrize(
    "path", ["/nothing", "/metrics/x", "/cqrs", "/cqrs/", "/cqrs/queries", "/cqrs/other/x", "//cqrs/queries/health"]
)
async def test_what_is_not_served_is_404(door: Door, path: str) -> None:
    require_problem(await door.send(spell("GET", path)), 404, code="no_such_path")


@pytest.mark.parametrize(
    "target", ["http://localhost/cqrs/queries/health", "/%63qrs/queries/health", "/cqrs/queries/health?x=/../.."]
)
async def test_other_spellings_of_a_path_are_the_same_path(door: Door, target: str) -> None:
    """RFC 9112 3.2.2: a server accepts the absolute form."""
    answer = await door.send(spell("GET", target))
    assert (answer.status, answer.content["service"]) == (200, "query")


@pytest.mark.parametrize(
    ("path", "allowed", "methods"),
    [
        ("/cqrs/commands/orders", {"POST"}, ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "TRACE")),
        (f"/cqrs/commands/orders/{UUID}/cancel", {"POST"}, ("GET", "DELETE")),
        (f"/cqrs/commands/orders/{UUID}/ship", {"POST"}, ("GET", "PUT")),
        ("/cqrs/commands/payments", {"POST"}, ("GET", "PUT", "DELETE")),
        ("/cqrs/commands/orders/import", {"POST"}, ("GET", "PUT")),
        ("/cqrs/commands/inventory", {"POST"}, ("GET", "PUT")),
        ("/cqrs/queries/inventory", {"GET", "HEAD"}, ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")),
        (f"/cqrs/queries/orders/{UUID}", {"GET", "HEAD"}, ("POST", "DELETE")),
        ("/cqrs/queries/health", {"GET", "HEAD"}, ("POST",)),
        ("/cqrs/ops/positions", {"GET", "HEAD"}, ("POST", "OPTIONS")),
        ("/livez", {"GET", "HEAD"}, ("POST",)),
    ],
)
async def test_a_wrong_method_is_405_and_told_the_right_ones(
    door: Door, path: str, allowed: set[str], methods: tuple[str, ...]
) -> None:
    async with door.nothing_written():
        for method in methods:
            answer = await door.send(spell(method, path, orjson.dumps(door.order())))
            require_problem(answer, 405, code="method_not_allowed")
            assert {name.strip() for name in answer.headers["Allow"].split(",")} == allowed


@pytest.mark.parametrize("path", ["queries/inventory", "queries/health", "queries/nothing", "commands/orders"])
async def test_head_answers_as_get_without_a_body(door: Door, path: str) -> None:
    """RFC 9110 9.3.2: a Content-Length, if it is there, is that of GET."""
    got = await door.send(spell("GET", f"/cqrs/{path}"))
    headed = await door.send(spell("HEAD", f"/cqrs/{path}"))
    assert (headed.status, headed.body) == (got.status, b"")
    assert headed.headers["Content-Type"] == got.headers["Content-Type"]
    assert headed.headers.get("Content-Length", got.headers["Content-Length"]) == got.headers["Content-Length"]


@pytest.mark.parametrize("query", WRONG_PARAMETERS, ids=shortened)
async def test_a_wrong_or_unknown_parameter_is_400(door: Door, query: str) -> None:
    for path in ("users/1/orders", "inventory"):
        require_problem(await door.get(f"{path}?{query}"), 400)


@pytest.mark.parametrize("path", ["orders/{order}", "inventory/{product}", "users/{user}/summary", "statistics/orders"])
async def test_a_query_without_parameters_takes_none(door: Door, path: str) -> None:
    placed = await door.place(user_id=7301)
    path = path.format(order=placed["order_id"], product=door.product_id, user=7301)
    await door.seen(path, placed["token"])
    for query in ("x=1", "status[$ne]=x", "limit=5", "$where=1"):
        require_problem(await door.get(f"{path}?{query}"), 400, code="unknown_parameter")


@pytest.mark.parametrize("cursor", FORGED_ORDER_CURSORS, ids=shortened)
async def test_a_forged_cursor_of_orders_is_400(door: Door, cursor: Any) -> None:
    require_problem(await door.get(f"users/1/orders?cursor={opaque(cursor)}"), 400, code="invalid_cursor")


@pytest.mark.parametrize("cursor", FORGED_PRODUCT_CURSORS, ids=shortened)
async def test_a_forged_cursor_of_products_is_400(door: Door, cursor: Any) -> None:
    require_problem(await door.get(f"inventory?cursor={opaque(cursor)}"), 400, code="invalid_cursor")


@pytest.mark.parametrize("content", WRONG_TOKENS, ids=shortened)
async def test_a_forged_token_is_400_and_nothing_is_done(door: Door, content: Any) -> None:
    await _require_no_use(door, opaque(content))


@pytest.mark.parametrize("token", ["!!!", "e30=x", "a" * 5000, "\xe9", b"\xff", "null", "e", "eyIwIjox"], ids=shortened)
async def test_garbage_for_a_token_is_400_and_nothing_is_done(door: Door, token: str | bytes) -> None:
    await _require_no_use(door, token)


async def _require_no_use(door: Door, token: str | bytes) -> None:
    headers = {"Consistency-Token": token}
    require_problem(await door.get("inventory", headers), 400, code="invalid_consistency_token")
    async with door.nothing_written():
        answer = await door.post("orders", door.order(), headers)
    require_problem(answer, 400, code="invalid_consistency_token")


async def test_a_token_from_far_ahead_waits_and_is_503(door: Door) -> None:
    tokens = (opaque({"0": 2**63 - 1}), opaque({"1": 10**12}))
    requests = [spell("GET", "/cqrs/queries/inventory", headers={"Consistency-Token": token}) for token in tokens]
    for answer in await asyncio.gather(*map(door.send, requests)):
        require_problem(answer, 503, code="projection_lag")
        assert int(answer.headers["Retry-After"]) >= 1


async def test_a_token_for_a_partition_that_is_not_there_does_not_reach_the_log(door: Door) -> None:
    async with door.nothing_written():
        answer = await door.post("orders", door.order(), {"Consistency-Token": opaque({"999": 0})})
    require_problem(answer, 400, code="invalid_consistency_token")


async def test_the_services_behind_say_the_same_as_the_gateway(door: Door) -> None:
    for service, path in (("command", "/commands/orders"), ("query", "/queries/inventory?x=1"), ("query", "/nothing")):
        require_problem(await send(door.system.url(service), spell("POST", path, b"{")), 400, 404, 405)
    require_problem(await send(door.system.url("query"), spell("GET", f"/queries/orders/{uuid4()}")), 404)
