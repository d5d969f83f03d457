"""Paying, shipping, delivering and completing over HTTP, as far as a command is answered by the order alone."""

from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.test_contract_http import completed_order
from tests.support.door import Door, require_problem

SHIPMENT = {"carrier": "DHL", "tracking_number": "JD0146"}
UUID = "0198f3b4-1111-7000-8000-000000000000"


def a_payment(order_id: str, **changes: Any) -> dict[str, Any]:
    return {"order_id": order_id, "card_token": "tok_approve"} | changes


async def cancelled_order(door: Door) -> str:
    order_id = (await door.place())["order_id"]
    assert (await door.post(f"orders/{order_id}/cancel", {})).status == 200
    return order_id


async def test_an_order_that_does_not_exist_is_404(door: Door) -> None:
    async with door.nothing_written():
        require_problem(await door.post("payments", a_payment(str(uuid4()))), 404, code="unknown_order")
        for step, body in (("ship", SHIPMENT), ("deliver", {}), ("complete", {})):
            require_problem(await door.post(f"orders/{uuid4()}/{step}", body), 404, code="unknown_order")


async def test_a_cancelled_order_goes_nowhere(door: Door) -> None:
    order_id = await cancelled_order(door)
    async with door.nothing_written():
        require_problem(await door.post("payments", a_payment(order_id)), 409, code="order_cancelled")
        for step, body in (("ship", SHIPMENT), ("deliver", {}), ("complete", {})):
            require_problem(await door.post(f"orders/{order_id}/{step}", body), 409, code="order_cancelled")


async def test_an_order_completed_elsewhere_is_paid_shipped_and_complete(door: Door) -> None:
    order_id = await completed_order(door, 7801)
    async with door.nothing_written():
        require_problem(await door.post("payments", a_payment(order_id)), 409, code="already_paid")
        require_problem(await door.post(f"orders/{order_id}/ship", SHIPMENT), 409, code="order_completed")
        answer = await door.post(f"orders/{order_id}/complete", {})
    assert (answer.status, answer.content["changed"], answer.content["status"]) == (200, False, "COMPLETED")


async def test_an_order_that_is_not_paid_is_neither_shipped_nor_delivered_nor_completed(door: Door) -> None:
    order_id = (await door.place())["order_id"]
    require_problem(await door.post(f"orders/{order_id}/ship", SHIPMENT), 409, code="order_not_paid")
    require_problem(await door.post(f"orders/{order_id}/deliver", {}), 409, code="order_not_shipped")
    require_problem(await door.post(f"orders/{order_id}/complete", {}), 409, code="order_not_delivered")


async def test_an_order_that_is_not_validated_is_not_paid(door: Door) -> None:
    """A product without a price keeps it from being validated, whoever tries."""
    product_id = uuid4().int % 10**12 + 1
    assert (await door.post("inventory", {"product_id": product_id, "product_name": "Lamp"})).status == 201
    answer = await door.post("payments", a_payment((await door.place(product_id=product_id))["order_id"]))
    require_problem(answer, 409)
    assert answer.content["code"] in ("order_not_validated", "order_rejected")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"order_id": "1"}, "/order_id"),
        ({"order_id": UUID.upper()}, "/order_id"),
        ({"order_id": 1}, "/order_id"),
        ({"order_id": None}, "/order_id"),
        ({"card_token": ""}, "/card_token"),
        ({"card_token": 5}, "/card_token"),
        ({"card_token": "x" * 201}, "/card_token"),
        ({"card_token": "tok\u200b"}, "/card_token"),
        ({"amount": 99.98}, "/amount"),
        ({"amount": "-1"}, "/amount"),
        ({"amount": {"amount": "1", "currency": "euro"}}, "/amount"),
        ({"payment_id": UUID}, "/payment_id"),
    ],
    ids=repr,
)
async def test_a_wrong_payment_is_422_and_the_field_is_named(door: Door, changes: Any, pointer: str) -> None:
    async with door.nothing_written():
        answer = await door.post("payments", a_payment(UUID) | changes)
        require_problem(answer, 422, code="invalid_body")
    assert [error["pointer"] for error in answer.content["errors"]] == [pointer]


@pytest.mark.parametrize("missing", ["order_id", "card_token"])
async def test_a_payment_without_what_it_needs_is_422(door: Door, missing: str) -> None:
    body = a_payment(UUID)
    del body[missing]
    async with door.nothing_written():
        require_problem(await door.post("payments", body), 422, code="invalid_body")


@pytest.mark.parametrize(
    "changes",
    [
        {"carrier": ""},
        {"carrier": None},
        {"tracking_number": 5},
        {"tracking_number": "x" * 201},
        {"tracking_url": "javascript:alert(1)"},
        {"tracking_url": "https://example.org/" + "x" * 2000},
        {"weight": 5},
    ],
    ids=lambda changes: repr(changes)[:40],
)
async def test_a_wrong_shipment_is_422(door: Door, changes: dict[str, Any]) -> None:
    async with door.nothing_written():
        require_problem(await door.post(f"orders/{UUID}/ship", SHIPMENT | changes), 422, code="invalid_body")


@pytest.mark.parametrize("step", ["deliver", "complete"])
async def test_a_step_without_fields_takes_none(door: Door, step: str) -> None:
    async with door.nothing_written():
        require_problem(await door.post(f"orders/{UUID}/{step}", {"at": "now"}), 422, code="invalid_body")
        require_problem(await door.post(f"orders/{UUID}/{step}", b""), 400)
        require_problem(await door.post(f"orders/7/{step}", {}), 400, code="invalid_id")


async def test_a_refused_payment_says_nothing_of_the_card(door: Door) -> None:
    answer = await door.post("payments", a_payment(await cancelled_order(door), card_token="tok_secret"))
    assert b"tok_secret" not in answer.body
