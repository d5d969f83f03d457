"""What lists of products ask the database for, and what they refuse."""

from typing import Any

import pytest

from common.errors import BadRequest
from common.paging import write_cursor
from query_service.queries.products import TOGETHER, listing


def refused(**query: str) -> BadRequest:
    with pytest.raises(BadRequest) as error:
        listing(query)
    return error.value


@pytest.mark.parametrize(
    "query",
    [
        {"sku": "KB-1", "category": "Lamps"},
        {"q": "lamp", "status": "ACTIVE"},
        {"status": "ACTIVE", "min_price": "1"},
        {"category": "Lamps", "status": "ACTIVE", "max_price": "1"},
    ],
    ids="+".join,
)
def test_filters_that_no_index_serves_together_are_named(query: dict[str, str]) -> None:
    problem = refused(**query)
    assert problem.code == "unsupported_filters"
    for names in TOGETHER:
        assert " and ".join(sorted(names)) in problem.detail


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"status": "active"}, "invalid_status"),
        ({"sku": "kb 1"}, "invalid_sku"),
        ({"category": " "}, "invalid_category"),
        ({"min_price": "1,50"}, "invalid_price"),
        ({"max_price": "-1"}, "invalid_price"),
        ({"max_price": "1", "currency": "euro"}, "invalid_price"),
        ({"q": " - "}, "invalid_q"),
        ({"q": "a b c d e f g h i j k"}, "invalid_q"),
    ],
    ids=repr,
)
def test_a_filter_that_means_nothing_is_refused(query: dict[str, str], code: str) -> None:
    assert refused(**query).code == code


@pytest.mark.parametrize("cursor", [[-1], [2**53], [1, 2], ["1"], []], ids=repr)
def test_a_cursor_that_is_not_ours_is_refused(cursor: list[Any]) -> None:
    assert refused(cursor=write_cursor(cursor)).code == "invalid_cursor"


@pytest.mark.parametrize("cursor", [[99, 1], [501, 1], [100, -1], [100]], ids=repr)
def test_a_cursor_outside_the_prices_that_are_asked_for_is_refused(cursor: list[Any]) -> None:
    assert refused(cursor=write_cursor(cursor), min_price="1", max_price="5").code == "invalid_cursor"


def test_nothing_is_asked_for_that_a_product_does_not_show() -> None:
    for query in ({}, {"sku": "A"}, {"q": "lamp"}, {"currency": "EUR"}):
        assert listing(query).wanted["version"] == {"$gt": 0}
    following = listing({"currency": "EUR", "cursor": write_cursor([1, 1])})
    assert [part["version"] for part in following.wanted["$or"]] == [{"$gt": 0}] * 2
