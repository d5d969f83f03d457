"""What docs/seeds.md says of the five documents is there: every path, every route and name, every test."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from command_service.routes import ROUTES
from common.events import EVENT_TYPES
from query_service.routes import LOG_QUERIES, QUERIES
from tests.support.syntax import syntax_of

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "seeds.md"
SEEDS = ("000", "001", "002", "003", "004")
NOT_YET = "not yet"
MOST_NOT_YET = 15  # rows; it may only get smaller

TEST = re.compile(r"(tests/\w+/test_\w+\.py)::(test_\w+)")
FILE_ENDINGS = (".py", ".md", ".yml")
SERVED = frozenset(
    [(route.method, route.path) for route in ROUTES] + [("GET", route.path) for route in (*QUERIES, *LOG_QUERIES)]
)
NAMES = frozenset(EVENT_TYPES) | {route.command.__name__ for route in ROUTES}


@dataclass(frozen=True, slots=True)
class Row:
    seed: str
    name: str
    where: str
    test: str

    def __str__(self) -> str:
        return f"{self.seed} {self.name}"

    @property
    def places(self) -> list[str]:
        """What stands in code's letters in the column of places."""
        return re.findall(r"`([^`]+)`", self.where)


def read_rows(text: str) -> Iterator[Row]:
    """Every row of every table, below the heading of its seed."""
    seed = ""
    for line in text.splitlines():
        if heading := re.match(r"## (\d{3}):", line):
            seed = heading[1]
        elif line.startswith("| ") and not line.startswith("| named there |"):
            name, where, test = (cell.strip() for cell in line.strip("|").split("|"))
            yield Row(seed, name, where, test)


ROWS = tuple(read_rows(DOCUMENT.read_text()))
OFFERED = tuple(row for row in ROWS if row.where != NOT_YET)


@cache
def functions_of(file: Path) -> frozenset[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    if not file.exists():
        return frozenset()
    return frozenset(node.name for node in ast.walk(syntax_of(file)) if isinstance(node, kinds))


def is_path(place: str) -> bool:
    file = place.partition(":")[0]
    return " " not in place and not place.startswith("/") and ("/" in file or file.endswith(FILE_ENDINGS))


def lacking(row: Row) -> Iterator[str]:
    """The tests that the row names and that are not there."""
    for cell in row.test.split(", "):
        named = TEST.fullmatch(cell.strip("`"))
        if not (named and named[2] in functions_of(ROOT / named[1])):
            yield cell


def is_there(place: str) -> bool:
    path, _, name = place.partition(":")
    return (ROOT / path).exists() and (not name or bool(re.search(rf"\b{name}\b", (ROOT / path).read_text())))


def is_known(place: str) -> bool:
    """A route is served, a name is an event's or a client's command's; anything else is not looked at."""
    if route := re.fullmatch(r"(GET|POST|PUT|DELETE) ([^?]+)(\?\w+=)?", place):
        return (route[1], route[2]) in SERVED
    return place in NAMES or not re.fullmatch(r"[A-Z][a-z]+([A-Z][a-z]+)+", place)


def test_the_table_has_all_five_documents_and_many_rows() -> None:
    assert len(ROWS) >= 120
    assert {row.seed for row in ROWS} == set(SEEDS)


def test_every_row_says_where_it_lives() -> None:
    assert [row for row in ROWS if not (row.name and row.where)] == []


def test_only_what_is_not_yet_there_has_no_test() -> None:
    assert [str(row) for row in ROWS if (row.where == NOT_YET) != (row.test == "")] == []
    assert len(ROWS) - len(OFFERED) <= MOST_NOT_YET


def test_every_test_that_is_named_exists() -> None:
    assert [(str(row), cell) for row in OFFERED for cell in lacking(row)] == []


def test_every_path_that_is_named_exists() -> None:
    assert [place for row in OFFERED for place in row.places if is_path(place) and not is_there(place)] == []


def test_every_route_and_name_that_is_named_exists() -> None:
    assert [place for row in OFFERED for place in row.places if not is_known(place)] == []
