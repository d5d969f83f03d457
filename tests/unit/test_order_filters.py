"""What a list of orders may be asked for, which filters go together, and in what order it comes."""

from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest

from common.errors import BadRequest
from common.paging import mark
from common.read_models import order_indexes as indexes
from query_service.queries.order_filters import PARAMETERS, kinds_of, order_number_in, read_filters
from query_service.queries.order_plans import PLANS, conditions_of, plan_for, sort_for

VALUES = {
    "status": "PAID",
    "user_id": "7",
    "user_email": "ada@example.org",
    "user_username": "ada",
    "placed_from": "2026-01-01T00:00:00Z",
    "placed_to": "2026-02-01T00:00:00+01:00",
    "min_amount": "9.99",
    "max_amount": "100",
    "currency": "EUR",
    "product_id": "456",
    "deleted": "true",
    "q": "ada lovel",
}
GOOD = {
    (): indexes.BY_STATUS,
    ("status",): indexes.BY_STATUS,
    ("placed_from",): indexes.BY_STATUS,
    ("placed_from", "placed_to"): indexes.BY_STATUS,
    ("status", "placed_from", "placed_to"): indexes.BY_STATUS,
    ("user_id",): indexes.BY_USER,
    ("user_id", "status"): indexes.BY_USER,
    ("user_id", "placed_to"): indexes.BY_USER,
    ("user_id", "status", "placed_from", "placed_to"): indexes.BY_USER,
    ("user_email",): indexes.BY_EMAIL,
    ("user_email", "placed_from"): indexes.BY_EMAIL,
    ("user_username",): indexes.BY_USERNAME,
    ("min_amount",): indexes.BY_TOTAL,
    ("min_amount", "max_amount", "currency"): indexes.BY_TOTAL,
    ("currency",): indexes.BY_TOTAL,
    ("product_id",): indexes.BY_PRODUCT,
    ("product_id", "status"): indexes.BY_PRODUCT,
    ("deleted",): indexes.DELETED,
    ("q",): indexes.BY_WORD,
    ("q", "status"): indexes.BY_WORD,
}
WRONG_VALUES = (
    *(("status", text) for text in ("", "paid", "NEW", "PAID,SHIPPED", "$ne")),
    *((name, text) for name in ("user_id", "product_id") for text in ("", "0", "-1", "1.0", "٣", str(2**53), "x")),
    *((name, text) for name in ("user_email", "user_username", "q") for text in ("", " ", "x" * 255)),
    *(("placed_from", text) for text in ("", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "now")),
    *(("min_amount", text) for text in ("", "-1", "1,5", "1.234", "1e3", "NaN", "9" * 14)),
    *(("currency", text) for text in ("", "eur", "EURO", "XX", "$")),
    *(("deleted", text) for text in ("", "1", "yes", "TRUE")),
)


def asked(*names: str) -> dict[str, Any]:
    return dict(read_filters({name: VALUES[name] for name in names}))


def test_every_parameter_is_read_as_what_it_means() -> None:
    assert asked("status", "user_id", "placed_from", "placed_to") == {
        "status": "PAID",
        "user_id": 7,
        "placed_from": datetime(2026, 1, 1, tzinfo=UTC),
        "placed_to": datetime(2026, 1, 31, 23, tzinfo=UTC),
    }


@pytest.mark.parametrize(("name", "text"), WRONG_VALUES)
def test_what_is_no_value_is_refused_by_its_name(name: str, text: str) -> None:
    with pytest.raises(BadRequest, match=name) as refused:
        read_filters({name: text})
    assert refused.value.code == "invalid_filter"


@pytest.mark.parametrize(
    "query",
    [
        {"placed_from": "2026-01-02T00:00:00Z", "placed_to": "2026-01-01T00:00:00Z"},
        {"placed_from": "2026-01-01T01:00:00+01:00", "placed_to": "2026-01-01T00:00:00Z"},
        {"min_amount": "2", "max_amount": "1.99"},
    ],
)
def test_a_range_that_holds_nothing_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest) as refused:
        read_filters(query)
    assert refused.value.code == "invalid_filter"


def test_amounts_are_in_minor_units_of_the_currency_that_stands_beside_them() -> None:
    assert asked("min_amount", "max_amount") == {"min_amount": 999, "max_amount": 10000, "currency": "EUR"}
    assert read_filters({"max_amount": "100", "currency": "JPY"}) == {"max_amount": 100, "currency": "JPY"}
    with pytest.raises(BadRequest, match="decimals"):
        read_filters({"min_amount": "9.99", "currency": "JPY"})


def test_orders_that_are_not_deleted_are_no_filter() -> None:
    assert read_filters({"deleted": "false"}) == {}
    assert plan_for(read_filters({"deleted": "false", "user_id": "7"})).index is indexes.BY_USER


@pytest.mark.parametrize("text", ["ORD-2026-1207", "ord-2026-1207", " ORD-2026-1207 "])
def test_a_whole_order_number_is_looked_up_as_it_is(text: str) -> None:
    filters = read_filters({"q": text, "status": "PAID"})
    assert filters == {"number": "ORD-2026-1207", "status": "PAID"}
    assert plan_for(filters).index is indexes.BY_NUMBER


@pytest.mark.parametrize("text", ["", "1207", "ORD-2026", "ORD-2026-0", "ORD-2026-12x", "ORD-26-1", "ORD-2026-1207 x"])
def test_a_piece_of_an_order_number_is_none(text: str) -> None:
    assert order_number_in(text) is None


@pytest.mark.parametrize("names", GOOD)
def test_filters_that_people_use_have_an_index(names: tuple[str, ...]) -> None:
    assert plan_for(asked(*names)).index is GOOD[names]


def test_any_other_combination_is_refused_and_told_which_there_are() -> None:
    """All pairs and triples: served by an index that holds every one of their fields, or refused."""
    refused: list[BadRequest] = []
    for names in (names for size in (2, 3) for names in combinations(VALUES, size)):
        try:
            plan = plan_for(asked(*names))
        except BadRequest as error:
            refused.append(error)
        else:
            assert kinds_of(asked(*names)) <= {plan.begins, *plan.beside}
    assert len(refused) > 100
    assert {error.code for error in refused} == {"unsupported_filters"}
    assert all("user_id and any of status, placed_from, placed_to; " in error.detail for error in refused)


def test_the_table_names_every_kind_of_filter_once_at_the_beginning() -> None:
    begins = [plan.begins for plan in PLANS]
    assert len(begins) == len(set(begins))
    kinds = {parameter.kind for parameter in PARAMETERS.values()}
    assert kinds - set(begins) == {"status", "placed"}


def test_a_status_that_does_not_matter_is_any() -> None:
    conditions = conditions_of(asked("user_id"), plan_for(asked("user_id")))
    assert {"is_deleted": False} in conditions
    (status,) = (condition for condition in conditions if "status" in condition)
    assert len(status["status"]["$in"]) == 9


@pytest.mark.parametrize(
    ("names", "sort", "fields"),
    [
        ((), None, [("placed_at", -1), ("_id", 1)]),
        ((), "placed_at", [("placed_at", 1), ("_id", -1)]),
        (("q",), "-placed_at", [("placed_at", -1), ("_id", 1)]),
        (("min_amount",), None, [("total.amount", -1), ("_id", 1)]),
        (("currency",), "total", [("total.amount", 1), ("_id", -1)]),
    ],
)
def test_a_list_comes_in_the_order_of_its_index(names: tuple[str, ...], sort: str | None, fields: list[Any]) -> None:
    assert sort_for(plan_for(asked(*names)), sort).fields == fields


@pytest.mark.parametrize(
    ("names", "sort"),
    [((), "total"), (("min_amount",), "placed_at"), ((), "updated_at"), ((), ""), ((), "--placed_at"), ((), "-")],
)
def test_another_order_is_refused(names: tuple[str, ...], sort: str) -> None:
    with pytest.raises(BadRequest) as refused:
        sort_for(plan_for(asked(*names)), sort)
    assert refused.value.code == "unsupported_sort"


def test_a_cursor_fits_one_list_alone() -> None:
    lists = [asked(*names) for names in GOOD] + [asked("user_id") | {"user_id": 8}]
    marks = {mark(filters, sort) for filters in lists for sort in ("placed_at", "-placed_at")}
    assert len(marks) == 2 * len(lists)
