"""The provider's books in a file: what is written stays, what is refused leaves no trace."""

import asyncio
import contextlib
import functools
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common.errors import CommandRejected, Unavailable
from common.values import Money
from payments import charges
from payments.books import Books, open_books
from payments.charges import Card, Charge, Decision, Status

PRICE = Money(amount=1250, currency="EUR")


def asking(card: Card = Card.APPROVED, amount: Money = PRICE) -> functools.partial[Decision]:
    return functools.partial(charges.ask, amount=amount, card=card, failures=1)


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    async with open_books(tmp_path / "books.sqlite") as opened:
        yield opened


async def test_what_was_written_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with open_books(tmp_path / "books.sqlite") as first:
        written = {card.value: await first.change(card.value, asking(card)) for card in Card}
        written[Card.SLOW.value] = await first.change(Card.SLOW.value, charges.refund)
    seen: dict[str, Charge] = {}

    def look(charge: Charge) -> Decision:
        seen[charge.payment_id] = charge
        return charge, None

    async with open_books(tmp_path / "books.sqlite") as again:
        for payment_id in written:
            await again.change(payment_id, look)
    assert seen == written


async def test_a_refusal_writes_nothing(books: Books) -> None:
    with pytest.raises(CommandRejected):
        await books.change("p", charges.refund)
    assert await books.entry("p") is None


async def test_books_go_on_after_a_rule_that_broke(books: Books) -> None:
    def broken(_: Charge) -> Decision:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await books.change("p", broken)
    assert (await books.change("p", asking())).asked == 1


async def test_a_caller_who_leaves_does_not_break_what_is_being_written(books: Books) -> None:
    leaving = [asyncio.create_task(books.change(f"p{number}", asking())) for number in range(20)]
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    for entry in await books.page(after=0, limit=100):
        assert (entry.status, entry.captured_count) == (Status.APPROVED, 1)
    assert (await books.change("p0", asking())).status is Status.APPROVED


async def test_pages_follow_each_other_without_a_gap(books: Books) -> None:
    names = [f"p{number}" for number in range(7)]
    for name in reversed(names):
        await books.change(name, asking())
    found, after = [], 0
    while page := await books.page(after=after, limit=3):
        found += [entry.payment_id for entry in page]
        after = page[-1].number
    assert found == names[::-1]


async def test_two_processes_on_one_file_charge_once(tmp_path: Path) -> None:
    file = tmp_path / "books.sqlite"
    async with open_books(file) as one, open_books(file) as other:
        await asyncio.gather(*(books.change("p", asking()) for books in (one, other) for _ in range(20)))
        entry = await one.entry("p")
    assert entry
    assert (entry.asked, entry.captured_count) == (40, 1)


async def test_no_card_token_is_kept(books: Books, tmp_path: Path) -> None:
    await books.change("p", asking(charges.card_of("tok_of_one_person")))
    with contextlib.closing(sqlite3.connect(tmp_path / "books.sqlite")) as kept:
        assert "tok_of_one_person" not in "\n".join(kept.iterdump())


@pytest.mark.parametrize("place", ["no-such-folder/books.sqlite", "."])
async def test_books_that_cannot_be_opened_are_one_sentence(tmp_path: Path, place: str) -> None:
    with pytest.raises(Unavailable, match="cannot be used"):
        await _open(tmp_path / place)


async def test_a_file_that_holds_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious " * 200)
    with pytest.raises(Unavailable, match="not a database"):
        await _open(tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text().startswith("precious")


async def _open(path: Path) -> None:
    async with open_books(path):
        pass
