"""The import sends every order, tells what was refused, and knows where it can go on."""

import asyncio
from typing import Any

import orjson
import pytest

from cli.errors import TooSlow, Unreachable
from cli.imports.batches import MAX_LINES
from cli.imports.display import summary
from cli.imports.order_files import Order, Rejected
from cli.imports.order_import import IN_FLIGHT, Tally, import_orders

ORDERS = 10 * MAX_LINES


class ImaginedGateway:
    """Answers like the real one. `fails_at` is the line number whose batch is never answered.

    It does `most_lines` in time.
    """

    def __init__(
        self, *, refused: frozenset[int] = frozenset(), fails_at: int = 0, most_lines: int = MAX_LINES
    ) -> None:
        self._most_lines = most_lines
        self.accepted: list[int] = []
        self.most_at_once = 0
        self.waited_for: list[str] = []
        self._at_once = 0
        self._refused = refused
        self._fails_at = fails_at

    async def positions(self) -> dict[str, Any]:
        return {"head": 100, "groups": {}}

    async def import_orders(self, body: bytes, token: str | None) -> dict[str, Any]:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(0)
        self._at_once -= 1
        lines = [orjson.loads(line) for line in body.splitlines()]
        if self._fails_at in lines:
            raise Unreachable("nobody is there")
        if len(lines) > self._most_lines:
            raise TooSlow("not in time")
        taken = [line for line in lines if line not in self._refused]
        self.accepted += taken
        return {
            "accepted": len(taken),
            "replayed": 0,
            "rejected": [
                {"line": place, "code": "invalid_body", "detail": "no", "errors": [{"pointer": "/a", "detail": "bad"}]}
                for place, line in enumerate(lines, 1)
                if line in self._refused
            ],
            "position": 100 + max(taken, default=0),
            "token": f"{token or ''}+{lines[0]}",
        }

    async def shows(self, token: str) -> bool:
        self.waited_for.append(token)
        return True


def orders(count: int = ORDERS) -> list[Order | Rejected]:
    return [Order(number, b"%d" % number) for number in range(1, count + 1)]


def tally() -> tuple[Tally, list[Rejected]]:
    told: list[Rejected] = []
    return Tally(on_rejected=told.append), told


async def test_every_order_is_sent_once_and_a_few_batches_at_a_time() -> None:
    gateway, (counted, _) = ImaginedGateway(), tally()
    await import_orders(gateway, orders(), counted, waits_until_shown=True)
    assert sorted(gateway.accepted) == list(range(1, ORDERS + 1))
    assert gateway.most_at_once == IN_FLIGHT
    assert (counted.accepted, counted.position) == (ORDERS, 100 + ORDERS)


async def test_the_tokens_that_are_waited_for_have_seen_every_batch() -> None:
    gateway, (counted, _) = ImaginedGateway(), tally()
    await import_orders(gateway, orders(), counted, waits_until_shown=True)
    seen = {int(first) for token in gateway.waited_for for first in token.split("+") if first}
    assert seen == set(range(1, ORDERS, MAX_LINES))


@pytest.mark.parametrize("most_lines", [1, 7, MAX_LINES // 2])
async def test_where_a_batch_is_too_much_parts_of_it_are_sent(most_lines: int) -> None:
    refused = frozenset({1, MAX_LINES + 7})
    gateway, (counted, told) = ImaginedGateway(refused=refused, most_lines=most_lines), tally()
    await import_orders(gateway, orders(2 * MAX_LINES), counted, waits_until_shown=True)
    assert sorted([*gateway.accepted, *refused]) == list(range(1, 2 * MAX_LINES + 1))
    assert {line.line_number for line in told} == refused


async def test_nobody_waits_who_does_not_want_to() -> None:
    gateway, (counted, _) = ImaginedGateway(), tally()
    await import_orders(gateway, orders(), counted, waits_until_shown=False)
    assert gateway.waited_for == []
    assert "visible" not in summary(counted)


async def test_a_refused_line_is_told_with_its_number_in_the_file_and_its_reason() -> None:
    refused = frozenset({1, MAX_LINES + 7})
    gateway, (counted, told) = ImaginedGateway(refused=refused), tally()
    await import_orders(gateway, orders(), counted, waits_until_shown=True)
    assert {line.line_number for line in told} == refused
    assert {line.detail for line in told} == {"/a: bad"}
    assert (counted.rejected, counted.accepted) == (2, ORDERS - 2)
    assert "2 lines were refused" in summary(counted)


async def test_after_a_failure_it_can_go_on_at_the_first_line_that_was_not_answered() -> None:
    gateway, (counted, _) = ImaginedGateway(fails_at=3 * MAX_LINES + 5), tally()
    with pytest.raises(Unreachable, match="nobody is there"):
        await import_orders(gateway, orders(), counted, waits_until_shown=True)
    assert counted.resume_line is not None
    assert counted.resume_line <= 3 * MAX_LINES + 1
    assert set(range(1, counted.resume_line)) <= set(gateway.accepted)


async def test_a_file_without_orders_is_done_at_once() -> None:
    gateway, (counted, _) = ImaginedGateway(), tally()
    await import_orders(gateway, [], counted, waits_until_shown=True)
    assert summary(counted).startswith("0 orders are written")
