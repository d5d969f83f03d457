"""The log as those who operate the system look at it, over HTTP: commits, what followed from them, states."""

from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from tests.acceptance.test_contract_queries import some_user
from tests.support.door import Answer, Door, require_problem, spell
from tests.support.system import System, until

WRONG = (
    *("stream=", "stream=order", "stream=-1", "stream=order%20-1", "type=", "type=orderpaid", "type=OrderPaid,OrderX"),
    *("correlation_id=", "correlation_id=%C3%A9", "correlation_id=" + "x" * 129, "from=x", "to=2024-02-30T00:00:00Z"),
    *("from=2026-01-01T00:00:00", "sort=", "sort=type", "limit=0", "cursor=x", "x=1", "type=OrderPaid&type=OrderPaid"),
    *("stream[$ne]=x", "from=-1"),
)


async def ops(door: Door, path: str) -> Answer:
    return await door.send(spell("GET", f"/cqrs/ops/{path}"))


async def events(door: Door, query: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    rows, cursor = [], ""
    while cursor is not None:
        answer = await ops(door, f"events?{query}{cursor and '&cursor='}{cursor}")
        assert answer.status == 200, answer.body
        rows += answer.content["data"]
        cursor = answer.content["next_cursor"]
    return rows


async def a_cancelled_order(door: Door, correlation_id: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    placed = await door.place(user_id=some_user(), customer_name="Ada Nobody", user_email="ada.nobody@example.org")
    headers = {"X-Correlation-ID": correlation_id} if correlation_id else {}
    answer = await door.post(f"orders/{placed['order_id']}/cancel", {"reason": "too slow"}, headers)
    return placed, answer.content


async def test_commits_are_found_by_what_they_say(door: Door) -> None:
    correlation_id = f"correlation {uuid4()}"
    placed, cancelled = await a_cancelled_order(door, correlation_id)
    stream, first, last = f"order-{placed['order_id']}", placed["position"], cancelled["position"]
    for query, positions in {
        f"stream={stream}": [last, first],
        f"stream={stream}&sort=position": [first, last],
        f"stream={stream}&type=OrderCancelled": [last],
        f"stream={stream}&from={first + 1}": [last],
        f"stream={stream}&to={first}": [first],
        f"correlation_id={correlation_id.replace(' ', '%20')}": [last],
        f"type=OrderInitiated&from={first}&to={first}": [first],
        f"type=OrderPaid&from={first}&to={first}": [],
        f"stream=order-{uuid4()}": [],
        f"from={last + 10**9}": [],
    }.items():
        assert [commit["position"] for commit in await events(door, query)] == positions, query
    (commit,) = await events(door, f"from={last}&to={last}")
    assert (commit["stream"], commit["version"], commit["reason"]) == (stream, 2, "too slow")
    assert (commit["correlation_id"], commit["command_id"]) == (correlation_id, cancelled["command_id"])
    at = commit["recorded_at"]
    assert commit in await events(door, f"stream={stream}&from={at}&to={at}")


@pytest.mark.parametrize("sort", ["position", "-position"])
async def test_pages_of_commits_make_the_whole_list_whatever_the_limit(door: Door, sort: str) -> None:
    placed = [await door.place(user_id=some_user()) for _ in range(7)]
    span = f"from={placed[0]['position']}&to={placed[-1]['position']}&sort={sort}"
    whole = await events(door, f"{span}&limit=100")
    positions = [commit["position"] for commit in whole]
    assert positions == sorted(range(placed[0]["position"], placed[-1]["position"] + 1), reverse=sort == "-position")
    for limit in (1, 3, len(whole)):
        assert await events(door, f"{span}&limit={limit}") == whole
        assert await events(door, f"{span}&type=OrderInitiated&limit={limit}") == whole


async def test_a_cursor_fits_no_other_list_of_commits(door: Door) -> None:
    await a_cancelled_order(door)
    cursor = (await ops(door, "events?limit=1")).content["next_cursor"]
    assert (await ops(door, f"events?limit=2&cursor={cursor}")).status == 200
    for query in ("sort=position", "type=OrderPaid", "from=1"):
        require_problem(await ops(door, f"events?{query}&cursor={cursor}"), 400, code="invalid_cursor")


@pytest.mark.parametrize("query", WRONG)
async def test_a_wrong_filter_of_commits_is_400(door: Door, query: str) -> None:
    require_problem(await ops(door, f"events?{query}"), 400)


async def test_one_commit_is_shown_as_it_is_stored_and_as_it_is_read(door: Door) -> None:
    placed, _ = await a_cancelled_order(door)
    answer = await ops(door, f"events/{placed['position']}")
    commit = answer.content
    assert (commit["stream"], commit["version"]) == (f"order-{placed['order_id']}", 1)
    assert len(commit["chain"]) == 64
    (event,) = commit["events"]
    assert (event["event"], event["schema"], event["trouble"]) == ("OrderInitiated", 1, None)
    assert event["data"]["items"] == event["upcasted"]["items"] == [{"product_id": door.product_id, "quantity": 2}]
    assert b"personal" not in answer.body
    assert b"Nobody" not in answer.body
    for position, status in ((10**15, 404), (0, 400), ("x", 400), ("1.0", 400), ("-1", 400), ("9" * 30, 400)):
        require_problem(await ops(door, f"events/{position}"), status)


# What a stream has come to


async def test_the_state_of_a_stream_after_each_of_its_commits(door: Door) -> None:
    placed, cancelled = await a_cancelled_order(door)
    path = f"aggregates/order-{placed['order_id']}/state"
    statuses = {}
    for version in (0, 1, 2):
        shown = (await ops(door, f"{path}?version={version}")).content
        assert shown["version"] == version
        statuses[version] = shown["state"]["status"]
    assert statuses == {0: None, 1: "PENDING", 2: "CANCELLED"}
    last = (await ops(door, path)).content
    assert (last["version"], last["position"]) == (2, cancelled["position"])
    assert last["state"]["lines"] == [{"product_id": door.product_id, "quantity": 2}]


async def test_a_state_hides_where_somebody_lives(door: Door) -> None:
    address = {"line1": "Secret Street 1", "city": "Springfield", "country": "US"}
    placed = await door.place(user_id=some_user(), shipping_address=address)
    answer = await ops(door, f"aggregates/order-{placed['order_id']}/state")
    assert answer.content["state"]["shipping_address"] == "personal"
    assert b"Secret" not in answer.body


async def test_a_state_that_there_is_not_is_refused(door: Door) -> None:
    placed, _ = await a_cancelled_order(door)
    stream = f"order-{placed['order_id']}"
    for path, status, code in (
        (f"{stream}/state?version=3", 404, "unknown_version"),
        (f"order-{uuid4()}/state", 404, "unknown_stream"),
        (f"order-{uuid4()}/state?version=0", 404, "unknown_stream"),
        ("customer-1/state", 400, "invalid_stream"),
        ("order-/state", 400, "invalid_stream"),
        ("order/state", 400, "invalid_stream"),
        (f"{stream}/state?version=-1", 400, "invalid_version"),
        (f"{stream}/state?version=", 400, "invalid_version"),
        (f"{stream}/state?version=01", 400, "invalid_version"),
        (f"{stream}/state?version=1&version=1", 400, "unknown_parameter"),
        (f"{stream}/state?x=1", 400, "unknown_parameter"),
        (f"{stream}", 404, "no_such_path"),
    ):
        require_problem(await ops(door, f"aggregates/{path}"), status, code=code)


# What followed from what


async def shop_of(fulfilling: System, http: aiohttp.ClientSession) -> Door:
    shop = Door(fulfilling, http, 7002)
    stock = {"product_id": 7002, "product_name": "Desk lamp", "quantity": 10**6, "unit_price": "19.99"}
    assert (await shop.post("inventory", stock)).status in (200, 201)
    return shop


def flat(commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for command in commands for one in (command, *flat(command["caused"]))]


async def test_what_followed_from_an_order_stands_below_it(fulfilling: System) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        shop = await shop_of(fulfilling, http)
        correlation_id = f"mine/{uuid4()}"
        headers = {"X-Correlation-ID": correlation_id}
        placed = (await shop.post("orders", shop.order(user_id=some_user()), headers)).content
        path = f"orders/{placed['order_id']}"

        async def is_validated() -> bool:
            return (await shop.get(path)).content.get("status") == "VALIDATED"

        await until(is_validated, seconds=20, what="the order is validated")
        for asked in (correlation_id.replace("/", "%2F"), placed["command_id"], placed["order_id"]):
            answer = await ops(shop, f"correlations/{asked}")
            assert answer.status == 200, answer.body
            (root,) = answer.content["commands"]
            assert (root["command_id"], root["correlation_id"]) == (placed["command_id"], correlation_id)
            (reserved,) = root["caused"]
            assert (reserved["command"], reserved["outcome"]) == ("ReserveStock", "accepted")
            assert reserved["causation_id"] == placed["command_id"]
            assert reserved["saga_id"] == placed["order_id"]
            assert [event["event"] for event in reserved["events"]] == ["StockReserved"]
            (validated,) = reserved["caused"]
            assert (validated["command"], validated["causation_id"]) == ("ValidateOrder", reserved["command_id"])
            assert validated["caused"] == []


async def test_of_a_later_command_only_what_it_caused_is_told(fulfilling: System) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        shop = await shop_of(fulfilling, http)
        placed = await shop.place(user_id=some_user())
        path = f"orders/{placed['order_id']}"

        async def is_validated() -> bool:
            return (await shop.get(path)).content.get("status") == "VALIDATED"

        await until(is_validated, seconds=20, what="the order is validated")
        cancelled = (await shop.post(f"{path}/cancel", {"reason": "too slow"})).content

        async def is_released() -> bool:
            answer = await ops(shop, f"correlations/{cancelled['command_id']}")
            return "ReleaseStock" in [one.get("command") for one in flat(answer.content["commands"]) if one["events"]]

        await until(is_released, seconds=20, what="the stock is released")
        (root,) = (await ops(shop, f"correlations/{cancelled['command_id']}")).content["commands"]
        assert [event["event"] for event in root["events"]] == ["OrderCancelled"]
        assert {one.get("command") for one in flat([root])} == {None, "ReleaseStock"}


async def test_an_id_that_nothing_has_is_404(door: Door) -> None:
    answer = await ops(door, f"correlations/{uuid4()}")
    require_problem(answer, 404, code="unknown_correlation")
    assert "/ops/events?correlation_id=" in answer.content["detail"]
    require_problem(await ops(door, "correlations/%C3%A9"), 400, code="invalid_correlation_id")
    require_problem(await ops(door, f"correlations/{uuid4()}?x=1"), 400, code="unknown_parameter")


@pytest.mark.parametrize("path", ["", "everything", "positions/1", "events/1/2", "correlations"])
async def test_what_nobody_serves_below_ops_is_404(door: Door, path: str) -> None:
    require_problem(await ops(door, path), 404, code="no_such_path")
