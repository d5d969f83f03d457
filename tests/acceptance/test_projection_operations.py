"""What those who operate the system ask of the views, over HTTP; every answer is held to the contract."""

import pytest

from tests.support.door import Door, require_problem, spell

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
