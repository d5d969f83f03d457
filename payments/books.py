"""The provider's books: every charge and every movement of money, in SQLite."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from common.errors import Unavailable
from common.values import Money
from payments.charges import Card, Charge, Decision, Movement, Refund, Status

BUSY_SECONDS = 5.0  # another process writes to the same file
SCHEMA = """
CREATE TABLE IF NOT EXISTS charges (
    number INTEGER PRIMARY KEY,
    payment_id TEXT NOT NULL UNIQUE,
    amount INTEGER,
    currency TEXT,
    card TEXT,
    status TEXT NOT NULL,
    asked INTEGER NOT NULL,
    capture_reference TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS movements (
    number INTEGER PRIMARY KEY,
    payment_id TEXT NOT NULL REFERENCES charges (payment_id),
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    reference TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS movements_of_a_payment ON movements (payment_id);
"""
COLUMNS = "payment_id, amount, currency, card, status, asked, capture_reference"
READ = f"SELECT {COLUMNS} FROM charges WHERE payment_id = ?"
WRITE = f"""
INSERT INTO charges ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (payment_id) DO UPDATE SET amount = excluded.amount, currency = excluded.currency, card = excluded.card,
    status = excluded.status, asked = excluded.asked, capture_reference = excluded.capture_reference
"""
REFUNDS = "SELECT reference, amount FROM movements WHERE payment_id = ? AND kind = 'refund' ORDER BY number"
MOVE = "INSERT INTO movements (payment_id, kind, amount, currency, reference) VALUES (?, ?, ?, ?, ?)"
_MOVED = "(SELECT {} FROM movements WHERE movements.payment_id = charges.payment_id AND kind = '{}')"
_CAPTURED, _REFUNDED = _MOVED.format("count(*)", "capture"), _MOVED.format("count(*)", "refund")
ENTRIES = f"""
SELECT number, payment_id, status, amount, currency, asked, {_CAPTURED}, {_REFUNDED},
    {_MOVED.format("coalesce(sum(amount), 0)", "refund")}
FROM charges
"""
PAGE = f"{ENTRIES} WHERE number > ? ORDER BY number LIMIT ?"
ONE = f"{ENTRIES} WHERE payment_id = ?"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A charge as the books show it; the counts and what went back are taken from the movements."""

    number: int
    payment_id: str
    status: str
    amount: int | None
    currency: str | None
    asked: int
    captured_count: int
    refunded_count: int
    refunded_amount: int  # minor units


@asynccontextmanager
async def open_books(path: Path) -> AsyncIterator["Books"]:
    """Make the file unless it is there; its folder must be. Raise Unavailable when it cannot be used."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="books") as thread:
        books = Books(path, thread)
        try:
            await books.open()
            yield books
        finally:
            await books.close()


class Books:
    """One file, one thread that uses it; what `change` has returned is on the disk."""

    def __init__(self, path: Path, thread: ThreadPoolExecutor) -> None:
        self._path = path
        self._thread = thread
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        try:
            await self._in_thread(self._open)
        except Unavailable as error:  # only who starts the process is told where the file is
            raise Unavailable(f"{self._path}: {error.detail}", code=error.code) from error

    async def close(self) -> None:
        await self._in_thread(self._close)

    async def change(self, payment_id: str, rule: Callable[[Charge], Decision]) -> Charge:
        """Write what the rule makes of the charge, and the money it moves, in one transaction.

        A crash leaves both or neither. A caller that is cancelled does not stop the transaction.
        """
        return await self._in_thread(lambda: self._change(payment_id, rule))

    async def entry(self, payment_id: str) -> Entry | None:
        found = await self._in_thread(lambda: self._entries(ONE, payment_id))
        return found[0] if found else None

    async def page(self, *, after: int, limit: int) -> tuple[Entry, ...]:
        """In the order in which the ids were first heard of, from behind number `after`."""
        return await self._in_thread(lambda: self._entries(PAGE, after, limit))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise Unavailable(f"The books cannot be used: {error}.", code="books_closed") from error

    def _open(self) -> None:
        self._db = db = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.executescript(SCHEMA)

    def _close(self) -> None:
        if self._db:
            self._db.close()
            self._db = None

    def _change(self, payment_id: str, rule: Callable[[Charge], Decision]) -> Charge:
        db = self._opened()
        db.execute("BEGIN IMMEDIATE")
        try:
            before = _read(db, payment_id)
            after, moved = rule(before or Charge(payment_id=payment_id))
            if after != before:
                _write(db, after, moved)
            db.execute("COMMIT")
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
        return after

    def _entries(self, statement: str, *values: Any) -> tuple[Entry, ...]:
        return tuple(_entry(row) for row in self._opened().execute(statement, values))

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            raise sqlite3.ProgrammingError("they are not open")
        return self._db


def _read(db: sqlite3.Connection, payment_id: str) -> Charge | None:
    row = db.execute(READ, (payment_id,)).fetchone()
    if row is None:
        return None
    payment_id, amount, currency, card, status, asked, capture_reference = row
    refunds = tuple(Refund(reference=reference, amount=back) for reference, back in db.execute(REFUNDS, (payment_id,)))
    return Charge(
        payment_id=payment_id,
        amount=None if amount is None else Money(amount=amount, currency=currency),
        card=None if card is None else Card(card),
        status=Status(status),
        asked=asked,
        capture_reference=capture_reference,
        refunds=refunds,
    )


def _write(db: sqlite3.Connection, charge: Charge, moved: Movement | None) -> None:
    amount, currency = (charge.amount.amount, charge.amount.currency) if charge.amount else (None, None)
    known = (charge.payment_id, amount, currency, charge.card, charge.status, charge.asked)
    db.execute(WRITE, (*known, charge.capture_reference))
    if moved:
        money = (moved.amount.amount, moved.amount.currency)
        db.execute(MOVE, (moved.payment_id, moved.kind, *money, moved.reference))


def _entry(row: tuple[Any, ...]) -> Entry:
    number, payment_id, status, amount, currency, asked, captured_count, refunded_count, refunded_amount = row
    return Entry(
        number=number,
        payment_id=payment_id,
        status=status,
        amount=amount,
        currency=currency,
        asked=asked,
        captured_count=captured_count,
        refunded_count=refunded_count,
        refunded_amount=refunded_amount,
    )
