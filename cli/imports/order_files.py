"""Orders in text files: how a line of a known format becomes the body of an ImportOrder.

CSV has a heading line, commas, and one order a line. Its columns, in any order:

    user_id               a whole number
    placed_at             2024-05-31 (midnight UTC), or an instant with its zone: 2024-05-31T12:30:00+02:00
    total                 what was paid: 99.98
    currency              optional, ISO 4217; EUR where the column is missing or empty
    item_count            how many pieces it had, where the products are not known; or
    product_id, quantity  the product, and how many of it

CDNOW is the format of the CDNOW data set: customer id, date as YYYYMMDD, number of CDs and dollars, with blanks between
them, behind an optional heading. A day is midnight UTC.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import orjson

from cli.errors import UnknownFormat
from common.values import DEFAULT_CURRENCY

CDNOW_CURRENCY = "USD"
SHOWN_CHARACTERS = 40  # of a cell that is refused
REQUIRED_COLUMNS = ("user_id", "placed_at", "total")
OPTIONAL_COLUMNS = ("currency", "item_count", "product_id", "quantity")

_NUMBER = re.compile(r"[0-9]{1,16}")
_AMOUNT = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,4})?")
_DAY = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")


class Format(StrEnum):
    CSV = "csv"
    CDNOW = "cdnow"


@dataclass(frozen=True, slots=True)
class Order:
    """`body` is the JSON of an ImportOrder: the same line makes the same bytes every time."""

    line_number: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is no order, and why."""

    line_number: int
    code: str
    detail: str


class _Bad(Exception):
    """A cell or a line says nothing we understand."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


Fields = dict[str, Any]
Lines = Iterable[tuple[int, bytes]]  # the line's number in the file, from 1, and what it says, without its end
ParseLine = Callable[[str], Fields | None]  # None: no order, and nothing wrong, like a blank line


def read_orders(lines: Lines, source: str, wanted: Format | None = None) -> Iterator[Order | Rejected]:
    """Yield every line that says something; raises UnknownFormat when the first one shows that the file is not ours.

    Lazy: a line is read when its order is asked for. The number of a line is its number in the file, heading included,
    and with `source` it identifies the order: two lines that say the same are two orders.
    """
    parse: ParseLine | None = None
    for number, line in lines:
        try:
            text = _text(line)
            if parse is None and text.strip():
                text, parse = _begin(text, wanted)
            if parse and (fields := parse(text)):
                yield Order(number, orjson.dumps({"source": source, "line_number": number, **fields}))
        except _Bad as bad:
            yield Rejected(number, bad.code, str(bad))
    if parse is None:
        raise UnknownFormat("there is no line in it")


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise _Bad("not_utf8", f"the line is not UTF-8 at byte {error.start + 1}") from error


def _begin(first: str, wanted: Format | None) -> tuple[str, ParseLine]:
    """Return how to parse the lines, and of the first line what is left to parse."""
    first = first.removeprefix("\ufeff")
    match wanted or _detect(first):
        case Format.CSV:
            return "", _csv_parser(first)
        case Format.CDNOW:
            return (first if any(map(str.isdigit, first)) else ""), parse_cdnow_line


def _detect(first: str) -> Format:
    if "user_id" in first:
        return Format.CSV
    words = first.split()
    if words[:2] == ["customer_id", "date"] or (len(words) == 4 and _DAY.fullmatch(words[1])):
        return Format.CDNOW
    raise UnknownFormat(
        f"the first line is neither a CSV heading ({', '.join(REQUIRED_COLUMNS + OPTIONAL_COLUMNS)}) "
        f"nor one of the CDNOW format: {_shown(first)}"
    )


def parse_cdnow_line(text: str) -> Fields | None:
    cells = text.split()
    if not cells:
        return None
    if len(cells) != 4:
        raise _Bad("wrong_columns", f"4 columns are expected, {len(cells)} are there")
    user_id, day, pieces, dollars = cells
    return {
        "user_id": _number("customer_id", user_id),
        "placed_at": _midnight("date", day),
        "item_count": _number("number_of_cds", pieces),
        "total": {"amount": _amount("dollar_value", dollars), "currency": CDNOW_CURRENCY},
    }


def _csv_parser(heading: str) -> ParseLine:
    columns = [cell.strip() for cell in _cells(heading)]
    for column in REQUIRED_COLUMNS:
        if column not in columns:
            raise UnknownFormat(f"the heading has no column {column}: {_shown(heading)}")
    for column in columns:
        if column not in REQUIRED_COLUMNS + OPTIONAL_COLUMNS or columns.count(column) > 1:
            raise UnknownFormat(f"the heading has a column that is not understood, or twice: {_shown(column)}")

    def parse(text: str) -> Fields | None:
        if not text.strip():
            return None
        cells = [cell.strip() for cell in _cells(text)]
        if len(cells) != len(columns):
            raise _Bad("wrong_columns", f"{len(columns)} columns are expected, {len(cells)} are there")
        return parse_csv_row(dict(zip(columns, cells, strict=True)))

    return parse


def _cells(text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise _Bad("wrong_csv", f"the line is not CSV: {error}") from error


def parse_csv_row(row: Mapping[str, str]) -> Fields:
    """Whether item_count and items fit together is a rule of the order, and said by the service."""
    fields: Fields = {
        "user_id": _number("user_id", row["user_id"]),
        "placed_at": _instant("placed_at", row["placed_at"]),
        "total": {"amount": _amount("total", row["total"]), "currency": row.get("currency") or DEFAULT_CURRENCY},
    }
    if row.get("item_count"):
        fields["item_count"] = _number("item_count", row["item_count"])
    if row.get("product_id") or row.get("quantity"):
        names = ("product_id", "quantity")
        fields["items"] = [{name: _number(name, row.get(name, "")) for name in names}]
    return fields


def _number(name: str, cell: str) -> int:
    if not _NUMBER.fullmatch(cell):
        raise _Bad(f"invalid_{name}", f"{name} must be a whole number, not {_shown(cell)}")
    return int(cell)


def _amount(name: str, cell: str) -> str:
    """Money stays text on its way: it never is a binary float."""
    if not _AMOUNT.fullmatch(cell):
        raise _Bad(f"invalid_{name}", f"{name} must be an amount like 49.99, not {_shown(cell)}")
    return cell


def _instant(name: str, cell: str) -> str:
    if len(cell) == len("2024-05-31"):
        return _midnight(name, cell)
    try:
        instant = datetime.fromisoformat(cell)
        if instant.tzinfo is None:
            raise _Bad(f"invalid_{name}", f"{name} must say its zone, like 2024-05-31T12:30:00Z, not {_shown(cell)}")
        return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError) as error:
        raise _Bad(f"invalid_{name}", f"{name} must be a day or an instant, not {_shown(cell)}") from error


@lru_cache(maxsize=4096)  # a file has many orders and few days
def _midnight(name: str, cell: str) -> str:
    try:
        if found := _DAY.fullmatch(cell):
            return date(int(found[1]), int(found[2]), int(found[3])).isoformat() + "T00:00:00Z"
    except ValueError:
        pass
    raise _Bad(f"invalid_{name}", f"{name} must be a day, not {_shown(cell)}")


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…")
