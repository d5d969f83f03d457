"""Batches of orders to import: each line is judged alone, and a bad one harms no other."""

from typing import Any
from uuid import uuid4

import orjson
import pytest

from tests.support.door import NDJSON, Answer, Door, require_problem

MANY = 1000
GOOD: dict[str, Any] = {"user_id": 7401, "placed_at": "1997-02-24T10:00:00Z", "item_count": 3, "total": "29.97"}
WRONG: dict[str, dict[str, Any]] = {
    "user 0": {"user_id": 0},
    "line 0": {"line_number": 0},
    "line 1.0": {"line_number": 1.0},
    "line too high": {"line_number": 10**12 + 1},
    "source empty": {"source": ""},
    "source invisible": {"source": "cd\u200bnow"},
    "source that NFC makes too long": {"source": "\u0958" * 200},
    "total number": {"total": 29.97},
    "total negative": {"total": "-1"},
    "total currency": {"total": {"amount": "1", "currency": "XXX"}},
    "count -1": {"item_count": -1},
    "count 2**63": {"item_count": 2**63},
    "count null": {"item_count": None},
    "items and count": {"items": [{"product_id": 1, "quantity": 1}]},
    "unknown field": {"status": "PAID"},
    **{f"placed at {moment!r}": {"placed_at": moment} for moment in ("2024-02-30T00:00:00Z", "1997-02-24", "", "now")},
    **{f"placed at {moment!r}": {"placed_at": moment} for moment in (0, 856_000_000, None, True)},
    "placed in year 0": {"placed_at": "0000-01-01T00:00:00Z"},
    "placed before year 1": {"placed_at": "0001-01-01T00:00:00+01:00"},
    "placed after year 9999": {"placed_at": "9999-12-31T23:59:59-01:00"},
    "placed in the future": {"placed_at": "9999-12-31T23:59:59Z"},
    "placed in no zone": {"placed_at": "1997-02-24T10:00:00"},
    "placed in a zone that is not": {"placed_at": "1997-02-24T10:00:00+25:00"},
    "placed at a Unix time": {"placed_at": "856778400"},
}


def good(**changes: Any) -> bytes:
    """A line that is fine but for the changes, of a source that is new unless it is given."""
    return orjson.dumps(GOOD | {"source": f"shop-{uuid4().hex}", "line_number": 1} | changes)


async def send_lines(door: Door, *lines: bytes, between: bytes = b"\n") -> Answer:
    return await door.post("orders/import", between.join(lines), {"Content-Type": NDJSON})


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_line_is_rejected_and_its_neighbours_are_taken(door: Door, name: str) -> None:
    before = await door.head()
    answer = await send_lines(door, good(), good(**WRONG[name]), good())
    assert answer.status == 200, answer.body
    assert (answer.content["accepted"], answer.content["replayed"]) == (2, 0)
    (rejected,) = answer.content["rejected"]
    assert rejected["line"] == 2
    assert rejected["code"] in ("invalid_body", "placed_in_the_future")
    assert b"pydantic" not in answer.body
    assert await door.head() == before + 2


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b"null", b"\xff", b"\0", b'{"line_number":NaN}', b'{"a":1,"a":2}', b"[" * 20_000, b"\xef\xbb\xbf{}"],
    ids=lambda line: ascii(line)[:24],
)
async def test_a_line_that_is_not_json_is_rejected_alone(door: Door, line: bytes) -> None:
    answer = await send_lines(door, good(), line, good())
    assert answer.status == 200, answer.body
    assert answer.content["accepted"] == 2
    assert [rejected["line"] for rejected in answer.content["rejected"]] == [2]


async def test_a_rejected_line_is_named_by_its_place_in_the_batch(door: Door) -> None:
    answer = await send_lines(door, good(), b"", b"  ", b"{", good(), b"")
    assert answer.content["accepted"] == 2
    assert [rejected["line"] for rejected in answer.content["rejected"]] == [4]


async def test_lines_may_end_with_cr_lf(door: Door) -> None:
    answer = await send_lines(door, good(), good(), b"", between=b"\r\n")
    assert (answer.content["accepted"], answer.content["rejected"]) == (2, [])


async def test_a_line_number_of_a_source_is_one_order_however_often_it_is_sent(door: Door) -> None:
    source, before = f"shop-{uuid4().hex}", await door.head()
    answer = await send_lines(door, good(source=source), good(source=source, total="1.00"), good(source=source))
    assert (answer.content["accepted"], answer.content["replayed"]) == (1, 1)
    assert [(r["line"], r["code"]) for r in answer.content["rejected"]] == [(2, "idempotency_key_reused")]
    again = await send_lines(door, good(source=source))
    assert (again.content["accepted"], again.content["replayed"]) == (0, 1)
    assert again.content["position"] == answer.content["position"] == before + 1
    assert await door.head() == before + 1


@pytest.mark.parametrize("body", [b"", b"\n\n \n", b"{}\n" * (MANY + 1)], ids=["empty", "blank", "1001 lines"])
async def test_a_batch_has_1_to_1000_lines(door: Door, body: bytes) -> None:
    async with door.nothing_written():
        answer = await door.post("orders/import", body, {"Content-Type": NDJSON})
    require_problem(answer, 400, code="invalid_batch")


async def test_a_thousand_bad_lines_are_a_thousand_rejections(door: Door) -> None:
    async with door.nothing_written():
        answer = await send_lines(door, *[b"{}"] * MANY)
    assert answer.status == 200
    assert (answer.content["accepted"], len(answer.content["rejected"])) == (0, MANY)


async def test_a_batch_over_64_kib_is_413(door: Door) -> None:
    async with door.nothing_written():
        require_problem(await send_lines(door, *[good()] * 600), 413, code="body_too_large")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "text/csv", ""])
async def test_a_batch_of_another_type_is_415(door: Door, content_type: str) -> None:
    async with door.nothing_written():
        answer = await door.post("orders/import", good(), {"Content-Type": content_type})
    require_problem(answer, 415, code="unsupported_media_type")


@pytest.mark.parametrize(
    "headers", [{"Consistency-Token": "!!!"}, {"If-Match": "x"}, {"X-Correlation-ID": "\xe9"}], ids=str
)
async def test_a_wrong_header_spoils_the_batch(door: Door, headers: dict[str, str]) -> None:
    async with door.nothing_written():
        answer = await door.post("orders/import", good(), {"Content-Type": NDJSON, **headers})
        if answer.status == 200:
            assert (answer.content["accepted"], len(answer.content["rejected"])) == (0, 1)
        else:
            require_problem(answer, 400)
