"""Bodies that are not JSON, not the command, or too much: a problem, nothing written, and the next one is served."""

from typing import Any
from uuid import uuid4

import orjson
import pytest

from tests.support.bad_bodies import (
    COSTLY,
    LIMIT_BYTES,
    NOT_JSON,
    WRONG_FIELDS,
    WRONG_ITEMS,
    WRONG_NUMBERS,
    WRONG_REASONS,
    WRONG_STOCK,
    with_quantity,
)
from tests.support.door import Door, require_problem

CPU_SECONDS = 0.020  # per request


@pytest.mark.parametrize("name", NOT_JSON)
async def test_what_is_not_a_json_object_is_400(door: Door, name: str) -> None:
    async with door.nothing_written():
        require_problem(await door.post("orders", NOT_JSON[name]), 400)


@pytest.mark.parametrize("text", WRONG_NUMBERS, ids=[text[:12] for text in WRONG_NUMBERS])
async def test_a_quantity_is_a_whole_number_in_range(door: Door, text: str) -> None:
    async with door.nothing_written():
        require_problem(await door.post("orders", with_quantity(text)), 422, code="invalid_body")


@pytest.mark.parametrize("name", WRONG_FIELDS)
async def test_a_wrong_or_unknown_field_is_422_and_named(door: Door, name: str) -> None:
    async with door.nothing_written():
        answer = await door.post("orders", door.order(**WRONG_FIELDS[name]))
    require_problem(answer, 422, code="invalid_body")
    (field,) = WRONG_FIELDS[name]
    assert {error["pointer"] for error in answer.content["errors"]} <= {f"/{field}", ""}


@pytest.mark.parametrize("name", WRONG_ITEMS)
async def test_wrong_items_are_422(door: Door, name: str) -> None:
    async with door.nothing_written():
        answer = await door.post("orders", {"user_id": 1, "items": WRONG_ITEMS[name]})
    require_problem(answer, 422, code="invalid_body")


@pytest.mark.parametrize("missing", ["user_id", "product_id", "quantity"])
async def test_a_missing_field_is_422(door: Door, missing: str) -> None:
    order = door.order()
    del order[missing]
    async with door.nothing_written():
        require_problem(await door.post("orders", order), 422, code="invalid_body")


async def test_a_pointer_is_escaped_and_short(door: Door) -> None:
    answer = await door.post("orders", door.order(**{"a/b~c": 1, "k" * 20_000: 1}))
    require_problem(answer, 422)
    pointers = [error["pointer"] for error in answer.content["errors"]]
    assert pointers[0] == "/a~1b~0c"
    assert len(answer.body) < 2_000


async def test_a_body_may_be_64_kib_and_not_a_byte_more(door: Door) -> None:
    order = orjson.dumps(door.order())
    full = order + b" " * (LIMIT_BYTES - len(order))
    assert (await door.post("orders", full)).status == 201
    async with door.nothing_written():
        require_problem(await door.post("orders", full + b" "), 413, code="body_too_large")
        require_problem(await door.post("orders", b"[" * 100_000), 413)


@pytest.mark.parametrize("name", COSTLY)
async def test_no_body_costs_more_than_20_ms(door: Door, name: str) -> None:
    requests = 10
    before = await door.metric("command", "process_cpu_seconds_total")
    for _ in range(requests):
        require_problem(await door.post("orders", COSTLY[name]), 400, 422)
    assert await door.metric("command", "process_cpu_seconds_total") - before < requests * CPU_SECONDS


@pytest.mark.parametrize("body", WRONG_REASONS, ids=lambda body: ascii(body)[:24])
async def test_a_wrong_reason_does_not_cancel(door: Door, body: bytes) -> None:
    order_id = (await door.place())["order_id"]
    async with door.nothing_written():
        require_problem(await door.post(f"orders/{order_id}/cancel", body), 400, 422)


@pytest.mark.parametrize("changes", WRONG_STOCK, ids=str)
async def test_a_wrong_inventory_is_422(door: Door, changes: dict[str, Any]) -> None:
    body = {"product_id": uuid4().int % 10**12 + 1} | changes
    async with door.nothing_written():
        require_problem(await door.post("inventory", body), 422)
