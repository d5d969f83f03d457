"""`cqrs import` brings every line of a file into every view, once; the views agree with a naive sum of the file."""

import asyncio
import gzip
import random
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from tests.support.cqrs import Cqrs
from tests.support.system import System

PURCHASES = 1200  # of several batches; tests/long/test_cdnow.py has 69,659
CUSTOMERS = 160
DAYS = 30
HEADING = " customer_id  date number_of_cds  dollar_value\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    user_id: int
    day: date
    pieces: int
    cents: int

    def line(self) -> str:
        return f" {self.user_id} {self.day:%Y%m%d} {self.pieces:2d} {self.cents // 100:4d}.{self.cents % 100:02d}\r\n"


@pytest.fixture
def purchases() -> list[Purchase]:
    """By users of this test alone, in a month of its own; some lines say the same, some paid nothing."""
    dice = random.Random()
    first_user, first_day = dice.randrange(10**9, 10**12), date(1960, 1, 1) + timedelta(days=DAYS * dice.randrange(400))
    made = [
        Purchase(
            user_id=first_user + int(CUSTOMERS * dice.random() ** 2),
            day=first_day + timedelta(days=dice.randrange(DAYS)),
            pieces=dice.randint(1, 9),
            cents=dice.choice((0, dice.randint(1, 30_000))),
        )
        for _ in range(PURCHASES - 50)
    ]
    return made + dice.choices(made, k=50)


def written(folder: Path, *lines: str) -> Path:
    file = folder / "purchases.txt.gz"
    file.write_bytes(gzip.compress("".join(lines).encode()))
    return file


async def run_import(system: System, file: Path, *arguments: str) -> tuple[int, str, str]:
    """Return the exit code and what was printed on stdout and stderr."""
    words = ("import", "orders", str(file), "--gateway", system.gateway, *arguments)
    done = await asyncio.to_thread(Cqrs(data=file.parent), *words)
    return done.returncode, done.stdout, done.stderr


async def get(system: System, path: str) -> Any:
    async with aiohttp.ClientSession() as http, http.get(f"{system.gateway}/cqrs/queries/{path}") as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def test_every_purchase_is_in_every_view_once_however_often_it_is_imported(
    system: System, purchases: list[Purchase], tmp_path: Path
) -> None:
    source = f"test-{uuid4().hex}"
    file = written(tmp_path, HEADING, *(purchase.line() for purchase in purchases))
    before = await get(system, "statistics/orders")
    code, printed, said = await run_import(system, file, "--source", source)
    assert (code, said) == (0, ""), printed + said
    assert f"{PURCHASES:,} orders are written and visible in every view" in printed
    await _require_sums(system, before, purchases)

    code, printed, said = await run_import(system, file, "--source", source)
    assert code == 0, printed + said
    assert f"{PURCHASES:,} of them were written before" in printed
    await _require_sums(system, before, purchases)


async def _require_sums(system: System, before: dict[str, Any], purchases: list[Purchase]) -> None:
    """Other tests import nothing meanwhile, but what they did before stays in the statistics."""
    after = await get(system, "statistics/orders")
    assert after["total_orders"] - before["total_orders"] == len(purchases)
    assert after["total_users"] - before["total_users"] == len({purchase.user_id for purchase in purchases})
    assert after["total_items"] - before["total_items"] == sum(purchase.pieces for purchase in purchases)
    assert _cents(after) - _cents(before) == sum(purchase.cents for purchase in purchases)
    for user_id, count in Counter(purchase.user_id for purchase in purchases).most_common(5):
        summary = await get(system, f"users/{user_id}/summary")
        assert summary["total_orders"] == count
        assert summary["order_statuses"] == {"COMPLETED": count}
        spent = sum(purchase.cents for purchase in purchases if purchase.user_id == user_id)
        assert _in_cents(summary["spent"]) == spent
        assert await _placed_on(system, user_id) == Counter(p.day for p in purchases if p.user_id == user_id)


def _cents(numbers: dict[str, Any]) -> int:
    return _in_cents(numbers["revenue"])


def _in_cents(sums: list[dict[str, str]]) -> int:
    """Of the dollars in a list of sums."""
    return sum(int(money["amount"].replace(".", "")) for money in sums if money["currency"] == "USD")


async def _placed_on(system: System, user_id: int) -> Counter[date]:
    """Follow the pages of a user's orders; each must be placed at midnight."""
    days: Counter[date] = Counter()
    query = "?limit=100"
    while query:
        page = await get(system, f"users/{user_id}/orders{query}")
        for order in page["data"]:
            day, _, clock = order["placed_at"].partition("T")
            assert clock.rstrip("Z").strip("0:.") == ""
            days[date.fromisoformat(day)] += 1
        query = f"?limit=100&cursor={page['next_cursor']}" if page["has_more"] else ""
    return days


async def test_a_refused_line_is_told_and_the_others_are_imported(system: System, tmp_path: Path) -> None:
    user_id = random.randrange(10**9, 10**12)
    file = written(
        tmp_path,
        "user_id,placed_at,item_count,total,currency\n",
        f"{user_id},2001-02-03,1,10.00,USD\n",
        f"{user_id},2001-02-30,1,10.00,USD\n",
        f"{user_id},2001-02-03,1,10.001,USD\n",
        f"{user_id},9999-01-01,1,10.00,USD\n",
        f"{user_id},2001-02-03,1,10.00,XXX\n",
        f"{user_id},2001-02-04,1,5.50,USD\n",
    )
    code, printed, said = await run_import(system, file, "--source", f"test-{uuid4().hex}")
    assert code == 1
    refused = dict(line.split(": ", 1) for line in said.splitlines())
    assert set(refused) == {"line 3", "line 4", "line 5", "line 6"}
    assert refused["line 3"].startswith("invalid_placed_at")
    assert refused["line 4"].startswith("invalid_body: /total")
    assert refused["line 5"].startswith("placed_in_the_future")
    assert "4 lines were refused" in printed
    summary = await get(system, f"users/{user_id}/summary")
    assert (summary["total_orders"], _in_cents(summary["spent"])) == (2, 1550)


async def test_another_order_under_a_line_that_was_imported_is_refused(system: System, tmp_path: Path) -> None:
    user_id, source = random.randrange(10**9, 10**12), f"test-{uuid4().hex}"
    await run_import(system, written(tmp_path, f"{user_id} 20010203 1 5.00\n"), "--source", source)
    code, _, said = await run_import(system, written(tmp_path, f"{user_id} 20010203 1 6.00\n"), "--source", source)
    assert code == 1
    assert said.startswith("line 1: idempotency_key_reused")


async def test_where_it_is_no_terminal_the_import_prints_plain_text(system: System, tmp_path: Path) -> None:
    file = written(tmp_path, f"{random.randrange(10**9, 10**12)} 20010203 1 5.00\n")
    code, printed, _ = await run_import(system, file, "--source", f"test-{uuid4().hex}")
    assert code == 0
    assert "\x1b" not in printed


async def test_what_cannot_be_imported_is_said_in_one_sentence(system: System, tmp_path: Path) -> None:
    letter = written(tmp_path, "Dear customer,\n")
    code, printed, said = await run_import(system, letter, "--source", "letters")
    assert (code, printed) == (1, "")
    assert "neither a CSV heading" in said
    assert said.count("\n") == 1
