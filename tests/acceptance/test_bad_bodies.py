"""Bodies that are not JSON, not the command, or too much: a problem, nothing written, and the next one is served."""

from typing import Any
from uuid import uuid4

import orjson
import pytest

from tests.support.door import Door, require_problem

LIMIT_BYTES = 64 * 1024
SOME_KEYS = 7_500  # about as many as fit in the limit
CPU_SECONDS = 0.020  # per request
SHORT = b'{"user_id":1,"product_id":456,"quantity":1}'


def with_quantity(text: str) -> bytes:
    return b'{"user_id":1,"product_id":456,"quantity":%s}' % text.encode()


NOT_JSON = {
    "empty": b"",
    "blank": b" \r\n",
    "half": b"{",
    "array": b"[]",
    "string": b'"x"',
    "number": b"5",
    "null": b"null",
    "array of a command": b"[" + SHORT + b"]",
    "two": SHORT + SHORT,
    "rest": SHORT + b"x",
    "trailing comma": SHORT[:-1] + b",}",
    "single quotes": b"{'user_id':1}",
    "comment": b"/* */" + SHORT,
    "byte order mark": b"\xef\xbb\xbf" + SHORT,
    "UTF-16": SHORT.decode().encode("utf-16"),
    "invalid UTF-8": b'{"user_email":"\xff@example.org"}',
    "overlong UTF-8": b'{"user_email":"\xc0\xaf@example.org"}',
    "UTF-8 of a surrogate": b'{"user_email":"\xed\xa0\x80@example.org"}',
    "no-break space": b"\xc2\xa0" + SHORT,
    "NUL": b"\0",
    "raw line feed in text": b'{"user_email":"a\n@example.org"}',
    "lone surrogate": b'{"user_email":"\\ud800@example.org"}',
    "lone surrogate in a name": b'{"\\udc00":1}',
    "NaN": with_quantity("NaN"),
    "-Infinity": with_quantity("-Infinity"),
    "plus": with_quantity("+1"),
    "leading zero": with_quantity("01"),
    "hexadecimal": with_quantity("0x1"),
    "underscore": with_quantity("1_0"),
    "full-width digit": with_quantity("１"),
    "name twice": b'{"user_id":1,"product_id":456,"quantity":1,"quantity":-1}',
    "name twice, once escaped": b'{"user_id":1,"product_id":456,"quantity":1,"quantit\\u0079":2}',
    "name twice, deep": b'{"user_id":1,"items":[{"product_id":456,"product_id":457,"quantity":1}]}',
    "deep": b"[" * 60_000,
    "deep objects": b'{"a":' * 12_000,
    "deep and closed": b'{"items":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "300 deep": b'{"items":' + b"[" * 300 + b"]" * 300 + b"}",
}
WRONG_NUMBERS = (
    *("0", "-0", "-1", "1.5", "1.0", "1e3", "1E400", '"1"', "true", "null", "[1]", "{}"),
    *("1000001", "2147483648", "9223372036854775808", "18446744073709551616", "1" * 5000),
)
WRONG_FIELDS: dict[str, dict[str, Any]] = {
    "unknown": {"colour": "red"},
    "__proto__": {"__proto__": {"is_admin": True}},
    "$where": {"$where": "1"},
    "dotted": {"user.id": 2},
    "order_id": {"order_id": "00000000-0000-4000-8000-000000000000"},
    "both forms": {"items": [{"product_id": 456, "quantity": 1}]},
    "user 0": {"user_id": 0},
    "user -1": {"user_id": -1},
    "user true": {"user_id": True},
    "user text": {"user_id": "1"},
    "user list": {"user_id": [1]},
    "user operator": {"user_id": {"$ne": 1}},
    "user 2**53": {"user_id": 2**53},
    "product null": {"product_id": None},
    "e-mail without @": {"user_email": "ann"},
    "e-mail with a header": {"user_email": "ann@example.org\r\nBcc: eve@example.org"},
    "e-mail of script": {"user_email": "<script>@example.org"},
    "e-mail too long": {"user_email": "a" * 250 + "@example.org"},
    "e-mail 60 KB": {"user_email": "a" * 60_000},
    "e-mail bidi": {"user_email": "ann\u202e@example.org"},
    "e-mail list": {"user_email": ["ann@example.org"]},
}
WRONG_ITEMS: dict[str, Any] = {
    "none": [],
    "101": [{"product_id": 456, "quantity": 1}] * 101,
    "1001": [{"product_id": 456, "quantity": 1}] * 1001,
    "too many pieces": [{"product_id": 456, "quantity": 1_000_000}] * 2,
    "object": {"product_id": 456, "quantity": 1},
    "null": [None],
    "nested": [[{"product_id": 456, "quantity": 1}]],
    "unknown field": [{"product_id": 456, "quantity": 1, "unit_price": "0.01"}],
    "quantity 0": [{"product_id": 456, "quantity": 0}],
    "quantity -1": [{"product_id": 456, "quantity": 2}, {"product_id": 456, "quantity": -1}],
    "quantity missing": [{"product_id": 456}],
}
COSTLY = {
    "keys": ("{" + ",".join(f'"{number:x}":1' for number in range(SOME_KEYS)) + "}").encode(),
    "items": orjson.dumps({"user_id": 1, "items": [{}] * 10_000}),
    "deep": b"[" * 65_000,
    "digits": with_quantity("1" * 65_000),
    "escapes": b'{"user_email":"' + b"\\u0061" * 10_000 + b'"}',
}


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


@pytest.mark.parametrize("body", [b"", b"[]", b'{"reason":""}', b'{"reason":5}', b'{"reason":"' + b"r" * 501 + b'"}'])
async def test_a_wrong_reason_does_not_cancel(door: Door, body: bytes) -> None:
    order_id = (await door.place())["order_id"]
    async with door.nothing_written():
        require_problem(await door.post(f"orders/{order_id}/cancel", body), 400, 422)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"quantity": -1},
        {"quantity": 10**9 + 1},
        {"quantity": 1, "adjust_by": 1},
        {"adjust_by": 1.0},
        {"low_stock_threshold": True},
        {"product_id": 0},
        {"reserved_quantity": 5},
    ],
    ids=str,
)
async def test_a_wrong_inventory_is_422(door: Door, changes: dict[str, Any]) -> None:
    body = {"product_id": uuid4().int % 10**12 + 1} | changes
    async with door.nothing_written():
        require_problem(await door.post("inventory", body), 422)
