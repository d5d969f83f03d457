"""What a good client may rely on when it sends commands."""

import asyncio
from typing import Any
from uuid import uuid4

import aiohttp
import orjson
import pytest

from tests.support.door import Door, require_problem

MANY = 100
SAID = {"order_id", "command_id", "version", "position", "partition", "token", "status", "changed"}


def imported_line(user_id: int, **changes: Any) -> dict[str, Any]:
    line = {"user_id": user_id, "source": f"shop-{uuid4().hex}", "line_number": 1, "placed_at": "1997-02-24T10:00:00Z"}
    return line | {"item_count": 3, "total": "29.97"} | changes


async def completed_order(door: Door, user_id: int) -> str:
    report = await door.import_orders(imported_line(user_id))
    orders = await door.seen(f"users/{user_id}/orders", report["token"])
    return orders["data"][0]["order_id"]


async def test_the_short_form_creates_an_order_that_its_location_shows(door: Door) -> None:
    answer = await door.post("orders", door.order(user_id=7101))
    said = answer.content
    assert answer.status == 201
    assert said.keys() == SAID
    assert (said["version"], said["status"], said["changed"]) == (1, "PENDING", True)
    assert answer.headers["ETag"] == f'"1-{said["position"]}"'
    assert answer.headers["Consistency-Token"] == said["token"]
    assert answer.headers["Location"] == f"/cqrs/queries/orders/{said['order_id']}"
    order = await door.seen(answer.headers["Location"].removeprefix("/cqrs/queries/"), said["token"])
    assert (order["user_id"], order["status"], order["items_count"]) == (7101, "PENDING", 2)


async def test_the_items_form_merges_lines_of_the_same_product(door: Door) -> None:
    lines = [{"product_id": door.product_id, "quantity": 1}, {"product_id": door.product_id, "quantity": 4}]
    answer = await door.post("orders", {"user_id": 7102, "items": lines, "user_email": "ann@example.org"})
    assert answer.status == 201
    order = await door.seen(f"orders/{answer.content['order_id']}", answer.content["token"])
    assert order["items"] == [{"product_id": door.product_id, "product_name": None, "quantity": 5, "unit_price": None}]
    assert order["user_email"] == "ann@example.org"


async def test_a_later_command_answers_200_with_the_next_version_and_no_location(door: Door) -> None:
    order_id = (await door.place())["order_id"]
    answer = await door.post(f"orders/{order_id}/cancel", {"reason": "changed my mind"})
    said = answer.content
    assert answer.status == 200
    assert (said["order_id"], said["version"], said["status"], said["changed"]) == (order_id, 2, "CANCELLED", True)
    assert answer.headers["ETag"] == f'"2-{said["position"]}"'
    assert "Location" not in answer.headers
    order = await door.seen(f"orders/{order_id}", said["token"])
    assert [entry["event"] for entry in order["timeline"]] == ["OrderInitiated", "OrderCancelled"]
    assert order["cancel_reason"] == "changed my mind"


async def test_cancelling_twice_is_already_so_and_writes_nothing(door: Door) -> None:
    order_id = (await door.place())["order_id"]
    first = (await door.post(f"orders/{order_id}/cancel", {})).content
    async with door.nothing_written():
        answer = await door.post(f"orders/{order_id}/cancel", {})
    assert answer.status == 200
    assert answer.content["changed"] is False
    assert (answer.content["version"], answer.content["position"]) == (2, first["position"])


async def test_an_inventory_is_begun_with_201_and_changed_with_200(door: Door) -> None:
    product_id = uuid4().int % 10**12 + 1
    begun = await door.post("inventory", {"product_id": product_id, "product_name": "Lamp", "quantity": 5})
    assert (begun.status, begun.headers["Location"]) == (201, f"/cqrs/queries/inventory/{product_id}")
    assert begun.content["product_id"] == product_id
    changed = await door.post("inventory", {"product_id": product_id, "adjust_by": -2})
    assert (changed.status, changed.content["version"]) == (200, 2)
    async with door.nothing_written():
        same = await door.post("inventory", {"product_id": product_id, "quantity": 3})
    assert (same.status, same.content["changed"]) == (200, False)


@pytest.mark.parametrize("context", ["order", "inventory"])
async def test_the_same_key_and_body_is_one_commit_and_the_same_answer(door: Door, context: str) -> None:
    product_id = uuid4().int % 10**12 + 1
    bodies = {"order": door.order(), "inventory": {"product_id": product_id, "product_name": "Lamp"}}
    path = {"order": "orders", "inventory": "inventory"}[context]
    key = {"Idempotency-Key": uuid4().hex}
    first = await door.post(path, bodies[context], key)
    async with door.nothing_written():
        second = await door.post(path, bodies[context], key)
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (first.status, first.body, first.headers["ETag"]) == (second.status, second.body, second.headers["ETag"])
    assert first.headers["Location"] == second.headers["Location"]


async def test_a_replay_tells_what_the_command_did_then_not_how_it_is_now(door: Door) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    first = await door.post("orders", door.order(), key)
    await door.post(f"orders/{first.content['order_id']}/cancel", {})
    second = await door.post("orders", door.order(), key)
    assert (first.status, first.body) == (second.status, second.body)


async def test_a_hundred_at_once_under_one_key_are_one_commit(door: Door) -> None:
    key, before = {"Idempotency-Key": uuid4().hex}, await door.head()
    answers = await asyncio.gather(*(door.post("orders", door.order(), key) for _ in range(MANY)))
    assert await door.head() == before + 1
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == MANY - 1


async def test_a_hundred_at_once_with_two_bodies_under_one_key_are_one_commit_of_one_body(door: Door) -> None:
    key, before = {"Idempotency-Key": uuid4().hex}, await door.head()
    bodies = [door.order(quantity=1 + number % 2) for number in range(MANY)]
    answers = await asyncio.gather(*(door.post("orders", body, key) for body in bodies))
    assert await door.head() == before + 1
    assert sorted(answer.status for answer in answers) == [201] * (MANY // 2) + [422] * (MANY // 2)


@pytest.mark.parametrize("other", ["body", "command"])
async def test_a_key_belongs_to_its_first_body_and_command(door: Door, other: str) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    body = door.order()
    assert (await door.post("orders", body, key)).status == 201
    async with door.nothing_written():
        if other == "body":
            answer = await door.post("orders", body | {"quantity": 3}, key)
        else:
            answer = await door.post("inventory", {"product_id": door.product_id, "adjust_by": 1}, key)
    require_problem(answer, 422, code="idempotency_key_reused")


async def test_a_refused_command_may_succeed_later_under_the_same_key(door: Door) -> None:
    product_id = uuid4().int % 10**12 + 1
    key, body = {"Idempotency-Key": uuid4().hex}, door.order(product_id=product_id)
    require_problem(await door.post("orders", body, key), 422, code="unknown_product")
    await door.post("inventory", {"product_id": product_id, "product_name": "Lamp"})
    assert (await door.post("orders", body, key)).status == 201


async def test_if_match_lets_only_the_known_version_change(door: Door) -> None:
    placed = await door.place()
    path = f"orders/{placed['order_id']}/cancel"
    async with door.nothing_written():
        require_problem(await door.post(path, {}, {"If-Match": '"9-9"'}), 412, code="stale_version")
    shown = await door.get(f"orders/{placed['order_id']}", {"Consistency-Token": placed["token"]})
    assert (await door.post(path, {}, {"If-Match": shown.headers["ETag"]})).status == 200
    async with door.nothing_written():
        require_problem(await door.post(path, {}, {"If-Match": shown.headers["ETag"]}), 412, code="stale_version")


@pytest.mark.parametrize("product_id", [999_999_999_999, 2**53 - 1])
async def test_an_order_of_an_unknown_product_is_422(door: Door, product_id: int) -> None:
    lines = [{"product_id": door.product_id, "quantity": 1}, {"product_id": product_id, "quantity": 1}]
    async with door.nothing_written():
        require_problem(await door.post("orders", door.order(product_id=product_id)), 422, code="unknown_product")
        require_problem(await door.post("orders", {"user_id": 1, "items": lines}), 422, code="unknown_product")
        answer = await door.post("inventory", {"product_id": product_id, "quantity": 1})
        require_problem(answer, 422, code="unknown_product")


async def test_what_does_not_exist_is_404(door: Door) -> None:
    async with door.nothing_written():
        require_problem(await door.post(f"orders/{uuid4()}/cancel", {}), 404, code="unknown_order")
        require_problem(await door.get(f"orders/{uuid4()}"), 404, code="unknown_order")
        require_problem(await door.get("inventory/987654321987"), 404, code="unknown_product")
        require_problem(await door.get("users/987654321987/summary"), 404, code="unknown_user")
        require_problem(await door.get("nothing"), 404, code="no_such_path")


async def test_a_completed_order_cannot_be_cancelled(door: Door) -> None:
    order_id = await completed_order(door, 7103)
    async with door.nothing_written():
        answer = await door.post(f"orders/{order_id}/cancel", {})
    require_problem(answer, 409, code="order_completed")


async def test_a_stock_is_never_below_nothing(door: Door) -> None:
    little = {"product_id": 7105, "product_name": "Last of its kind", "quantity": 5}
    assert (await door.post("inventory", little)).status == 201
    async with door.nothing_written():
        answer = await door.post("inventory", {"product_id": 7105, "adjust_by": -6})
    require_problem(answer, 409, code="below_reserved")


async def test_an_answer_merges_the_token_it_was_sent(door: Door) -> None:
    orders = [await door.place(user_id=user_id) for user_id in range(1, 20)]
    first = orders[0]
    other = next(order for order in orders if order["partition"] != first["partition"])
    answer = await door.post(f"orders/{first['order_id']}/cancel", {}, {"Consistency-Token": other["token"]})
    assert answer.status == 200
    assert answer.content["token"] not in (first["token"], other["token"])
    assert (await door.seen(f"orders/{other['order_id']}", answer.content["token"]))["user_id"]


async def test_the_trace_id_of_a_problem_is_the_callers(door: Door) -> None:
    trace_id = uuid4().hex
    answer = await door.get(f"orders/{uuid4()}", {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})
    assert answer.content["trace_id"] == trace_id


async def test_a_hundred_clients_are_served_while_one_connection_carries_many_requests(door: Door) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as http:
        for _ in range(20):
            async with http.post(f"{door.system.gateway}/cqrs/commands/orders", data=b"{") as answer:
                assert answer.status == 415
            async with http.post(f"{door.system.gateway}/cqrs/commands/orders", json=door.order()) as answer:
                assert answer.status == 201, orjson.loads(await answer.read())
