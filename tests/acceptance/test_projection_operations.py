"""What those who operate the system ask of the views, over HTTP; every answer is held to the contract."""

import pytest

from tests.support.door import Door, require_problem, spell
from tests.support.system import until

PROJECTIONS = "/cqrs/ops/projections"


@pytest.mark.parametrize("body", [b"", b'{"user_id": 1}', b"{", b"\xff", b'{"a": ' + b"9" * 5000 + b"}"])
async def test_what_takes_no_body_does_not_look_at_one(door: Door, body: bytes) -> None:
    for path in ("", "/orders"):
        assert (await door.send(spell("GET", PROJECTIONS + path, body))).status == 200
    dropped = await door.send(spell("DELETE", f"{PROJECTIONS}/orders/generations/99", body))
    require_problem(dropped, 404, code="unknown_generation")


async def test_what_takes_a_body_looks_at_it(door: Door) -> None:
    answer = await door.send(spell("POST", f"{PROJECTIONS}/orders/rebuild", b'{"user_id": 1}'))
    require_problem(answer, 422, code="invalid_body")


async def test_who_has_what_was_shown_before_a_rebuild_is_sent_what_is_shown_now(door: Door) -> None:
    """Other rules may make another answer of the same version."""
    placed = await door.place()
    order = f"orders/{placed['order_id']}"
    before = (await door.get(order, {"Consistency-Token": placed["token"]})).headers["ETag"]
    rebuilt = (await door.send(spell("POST", f"{PROJECTIONS}/orders/rebuild"))).content["generation"]

    async def is_shown() -> bool:
        return (await door.send(spell("GET", f"{PROJECTIONS}/orders"))).content["shown"] == rebuilt

    await until(is_shown, seconds=120, what=f"{rebuilt} is shown")
    now = await door.get(order, {"If-None-Match": before})
    assert now.status == 200
    assert (now.headers["ETag"] == before, now.headers["ETag"].split("-")[:2]) == (False, before.split("-")[:2])
    assert (await door.get(order, {"If-None-Match": now.headers["ETag"]})).status == 304


async def test_a_sample_is_compared_with_the_log_when_somebody_asks(door: Door) -> None:
    placed = await door.place()
    await door.get(f"orders/{placed['order_id']}", {"Consistency-Token": placed["token"]})
    told = (await door.send(spell("POST", f"{PROJECTIONS}/orders/verify"))).content
    assert (told["is_identical"], told["differences"], told["examples"]) == (True, 0, [])
    assert told["documents"] > 0
    assert told["sums"] > 0
    assert told["position"] >= placed["position"]


async def test_a_projection_that_there_is_not_is_not_compared(door: Door) -> None:
    require_problem(await door.send(spell("POST", f"{PROJECTIONS}/nothing/verify")), 404, code="unknown_projection")
