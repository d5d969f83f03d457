"""Changing, redirecting and deleting orders over HTTP, as far as the order alone answers."""

from typing import Any
from uuid import uuid4

import orjson
import pytest

from tests.acceptance.test_contract_http import completed_order
from tests.support.door import Door, require_problem, spell

BERLIN = {"line1": "Unter den Linden 1", "postal_code": "10117", "city": "Berlin", "country": "DE"}
PARIS = {"line1": "5 avenue Anatole France", "postal_code": "75007", "city": "Paris", "country": "FR"}


async def put(door: Door, path: str, body: dict[str, Any]) -> Any:
    return await door.send(spell("PUT", f"/cqrs/commands/{path}", orjson.dumps(body)))


async def delete(door: Door, order_id: str, body: bytes = b"") -> Any:
    return await door.send(spell("DELETE", f"/cqrs/commands/orders/{order_id}", body))


async def priceless(door: Door) -> int:
    """A product without a price: an order of it is never validated."""
    product_id = uuid4().int % 10**12 + 1
    assert (await door.post("inventory", {"product_id": product_id, "product_name": "Lamp"})).status == 201
    return product_id


async def test_an_order_shows_who_ordered_and_where_it_goes(door: Door) -> None:
    who = {"customer_name": "Ada Lovelace", "user_email": "ada@example.org", "user_username": "ada", "notes": "Twice."}
    placed = await door.place(**who, shipping_address=BERLIN)
    shown = await door.seen(f"orders/{placed['order_id']}", placed["token"])
    assert {name: shown[name] for name in who} == who
    assert (shown["shipping_address"], shown["is_deleted"], shown["items_count"]) == (BERLIN, False, 2)
    assert shown["created_at"] == shown["placed_at"]


async def test_an_order_goes_where_it_is_told_to(door: Door) -> None:
    order_id = (await door.place(shipping_address=BERLIN))["order_id"]
    answer = await put(door, f"orders/{order_id}/shipping-address", {"shipping_address": PARIS})
    assert (answer.status, answer.content["changed"]) == (200, True)
    assert (await door.seen(f"orders/{order_id}", answer.content["token"]))["shipping_address"] == PARIS
    again = await put(door, f"orders/{order_id}/shipping-address", {"shipping_address": PARIS})
    assert (again.status, again.content["changed"]) == (200, False)


async def test_items_come_and_go(door: Door) -> None:
    product_id = await priceless(door)
    order_id = (await door.place(product_id=product_id))["order_id"]
    more = await door.post(f"orders/{order_id}/items", {"product_id": product_id, "quantity": 3})
    assert (more.status, more.content["status"]) == (200, "PENDING")
    removal = {"product_id": product_id, "quantity": 4, "reason": "too many"}
    fewer = await door.post(f"orders/{order_id}/items/remove", removal)
    shown = await door.seen(f"orders/{order_id}", fewer.content["token"])
    assert [(line["product_id"], line["quantity"]) for line in shown["items"]] == [(product_id, 1)]
    answer = await door.post(f"orders/{order_id}/items", {"product_id": 2**50, "quantity": 1})
    require_problem(answer, 422, code="unknown_product")
    last = await door.post(f"orders/{order_id}/items/remove", removal | {"quantity": 1})
    require_problem(last, 409, code="order_would_be_empty")


async def test_a_status_is_set_by_the_rules_of_its_step(door: Door) -> None:
    order_id = (await door.place(product_id=await priceless(door)))["order_id"]
    require_problem(await put(door, f"orders/{order_id}/status", {"status": "PAID"}), 409, code="status_not_settable")
    require_problem(
        await put(door, f"orders/{order_id}/status", {"status": "DELIVERED"}), 409, code="order_not_shipped"
    )
    answer = await put(door, f"orders/{order_id}/status", {"status": "CANCELLED", "reason": "changed my mind"})
    assert (answer.status, answer.content["status"]) == (200, "CANCELLED")
    shown = await door.seen(f"orders/{order_id}", answer.content["token"])
    assert (shown["cancel_code"], shown["cancel_reason"]) == ("requested", "changed my mind")


async def test_an_order_that_is_over_is_deleted_and_still_there_for_who_knows_it(door: Door) -> None:
    order_id = await completed_order(door, 7811)
    answer = await delete(door, order_id)
    assert (answer.status, answer.content["changed"]) == (200, True)
    assert (await door.seen(f"orders/{order_id}", answer.content["token"]))["is_deleted"] is True
    assert (await delete(door, order_id, b'{"reason": "twice"}')).content["changed"] is False
    placed = (await door.place())["order_id"]
    require_problem(await delete(door, placed), 409, code="order_not_over")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("shipping-address", {}),
        ("shipping-address", {"shipping_address": "Berlin"}),
        ("shipping-address", {"shipping_address": BERLIN | {"country": "XX"}}),
        ("shipping-address", {"shipping_address": BERLIN | {"line1": " "}}),
        ("status", {"status": "LOST"}),
        ("status", {"status": "SHIPPED"}),
        ("status", {}),
    ],
)
async def test_nonsense_changes_nothing(door: Door, path: str, body: dict[str, Any]) -> None:
    order_id = (await door.place())["order_id"]
    async with door.nothing_written():
        require_problem(await put(door, f"orders/{order_id}/{path}", body), 422)
