"""Queries with `as_of`, over HTTP: what they answer about the past, and what they refuse to understand."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.acceptance.test_contract_http import imported_line
from tests.acceptance.test_contract_queries import some_user
from tests.support.door import Answer, Door, require_problem

WRONG = (
    *("", "x", "-1", "1.5", "1e3", "+1", "٣", "0x10", "9" * 19, "2026-01-31", "2026-01-31T08:30:00"),
    *("2024-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31 08:30:00Z", "now"),
    *("0000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "2026-01-31T08:30:00+25:00", "2026-W05-6", "%00"),
)
NOT_YET = ("999999999999999999", "2999-01-01T00:00:00Z")


def paths(order_id: str, user_id: int, product_id: int) -> list[str]:
    return [f"orders/{order_id}", f"users/{user_id}/summary", f"inventory/{product_id}", "statistics/orders"]


async def as_of(door: Door, path: str, moment: object) -> Answer:
    return await door.get(f"{path}?as_of={quote(str(moment))}")


async def test_an_order_is_shown_as_it_was(door: Door) -> None:
    placed = await door.place(user_id=some_user())
    path = f"orders/{placed['order_id']}"
    before = await door.seen(path, placed["token"])
    cancelled = (await door.post(f"{path}/cancel", {"reason": "too slow"})).content
    assert (await door.seen(path, cancelled["token"]))["status"] == "CANCELLED"
    answer = await as_of(door, path, placed["position"])
    assert (answer.status, answer.content) == (200, before)
    assert answer.headers["As-Of-Position"] == str(placed["position"])
    assert not {"ETag", "Projection-Position"} & set(answer.headers)
    assert (await as_of(door, path, cancelled["position"])).content["status"] == "CANCELLED"


async def test_an_order_that_was_not_there_yet_is_404(door: Door) -> None:
    placed = await door.place(user_id=some_user())
    require_problem(
        await as_of(door, f"orders/{placed['order_id']}", placed["position"] - 1), 404, code="unknown_order"
    )
    require_problem(await as_of(door, f"orders/{uuid4()}", placed["position"]), 404, code="unknown_order")
    require_problem(await as_of(door, "orders/x", placed["position"]), 400, code="invalid_id")


async def test_a_moment_is_the_position_of_the_last_commit_recorded_by_then(door: Door) -> None:
    placed = await door.place(user_id=some_user())
    path = f"orders/{placed['order_id']}"
    await door.post(f"{path}/cancel", {})
    first, last = (await door.get(f"{path}/audit")).content["data"]
    for commit, status in ((first, "PENDING"), (last, "CANCELLED")):
        answer = await as_of(door, path, commit["recorded_at"])
        assert int(answer.headers["As-Of-Position"]) >= commit["position"]
        assert answer.content["status"] == status or first["recorded_at"] == last["recorded_at"]
    shortly_before = datetime.fromisoformat(first["recorded_at"]) - timedelta(milliseconds=1)
    require_problem(await as_of(door, path, shortly_before.isoformat()), 404)


async def test_a_users_summary_is_what_it_was(door: Door) -> None:
    user_id = some_user()
    path = f"users/{user_id}/summary"
    await door.import_orders(imported_line(user_id), imported_line(user_id, line_number=2, total="10.01"))
    placed = await door.place(user_id=user_id, quantity=7)
    before = await door.seen(path, placed["token"])
    cancelled = (await door.post(f"orders/{placed['order_id']}/cancel", {})).content
    await door.import_orders(imported_line(user_id, line_number=3, total="5.00"))
    assert (await as_of(door, path, placed["position"])).content == before
    assert (await as_of(door, path, cancelled["position"])).content["order_statuses"] == {
        "CANCELLED": 1,
        "COMPLETED": 2,
    }
    require_problem(await as_of(door, path, 0), 404, code="unknown_user")


async def test_the_statistics_are_what_they_were(door: Door) -> None:
    placed = await door.place(user_id=some_user())
    await door.system.settled()
    before = await door.seen("statistics/orders", placed["token"])
    head = await door.head()
    await door.import_orders(imported_line(some_user(), total="77777777.01"))
    await door.post(f"orders/{placed['order_id']}/cancel", {"reason": uuid4().hex})
    await door.system.settled()
    assert (await door.get("statistics/orders")).content != before
    shown = (await as_of(door, "statistics/orders", head)).content
    assert _without_ties(shown) == _without_ties(before)
    of_nothing = (await as_of(door, "statistics/orders", 0)).content
    assert (of_nothing["total_orders"], of_nothing["total_users"], of_nothing["per_day"]) == (0, 0, [])


def _without_ties(statistics: Any) -> Any:
    """Who spent as much as the last of the best may stand there or not."""
    least = min((user["total_spent"] for user in statistics["best_customers"]), default=0)
    best = [user for user in statistics["best_customers"] if user["total_spent"] > least]
    return statistics | {"best_customers": sorted(best, key=lambda user: (-user["total_spent"], user["user_id"]))}


async def test_a_stock_is_what_it_was_and_nobody_is_told_who_waited(door: Door) -> None:
    product_id = some_user()
    first = (await door.post("inventory", {"product_id": product_id, "product_name": "Lamp", "quantity": 4})).content
    last = (await door.post("inventory", {"product_id": product_id, "quantity": 9})).content
    path = f"inventory/{product_id}"
    for said, quantity in ((first, 4), (last, 9)):
        shown = (await as_of(door, path, said["position"])).content
        assert (shown["total_quantity"], shown["version"]) == (quantity, said["version"])
        assert not {"pending_orders", "pending_orders_count"} & shown.keys()
    require_problem(await as_of(door, path, first["position"] - 1), 404, code="unknown_product")


@pytest.mark.parametrize("moment", WRONG)
async def test_what_is_no_moment_is_400(door: Door, moment: str) -> None:
    for path in paths(str(uuid4()), 1, door.product_id):
        require_problem(await as_of(door, path, moment), 400, code="invalid_as_of")


@pytest.mark.parametrize("moment", NOT_YET)
async def test_what_has_not_been_yet_is_400(door: Door, moment: str) -> None:
    for path in paths(str(uuid4()), 1, door.product_id):
        require_problem(await as_of(door, path, moment), 400, code="as_of_not_yet")


async def test_no_other_query_takes_as_of_and_none_takes_it_twice(door: Door) -> None:
    for path in ("orders?as_of=1", "inventory?as_of=1", "statistics/orders?as_of=1&as_of=1", "orders/count?as_of=1"):
        require_problem(await door.get(path), 400, code="unknown_parameter")
