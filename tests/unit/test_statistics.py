"""How sums of days become periods, averages and rates."""

from datetime import date
from typing import Any

import pytest

from query_service.days import added, added_days
from query_service.queries.revenue import PERIODS, rows_of
from query_service.queries.statistics import show_averages, show_conversion


def a_part(day: str, partition: int = 0, **numbers: Any) -> dict[str, Any]:
    return {"_id": f"days/{day}/p{partition}", "of": "days", "day": day, "partition": partition, **numbers}


def test_a_day_is_the_sum_of_its_partitions() -> None:
    first = a_part("2026-01-02", 0, total_orders=2, paid_orders=1, spent={"EUR": 500}, statuses={"PAID": 1})
    second = a_part("2026-01-02", 3, total_orders=1, spent={"EUR": 1, "USD": 2}, statuses={"PAID": 1, "PENDING": 0})
    (day,) = added_days([first, second])
    assert (day["day"], day["total_orders"], day["paid_orders"], day["total_items"]) == ("2026-01-02", 3, 1, 0)
    assert (day["spent"], day["statuses"]) == ({"EUR": 501, "USD": 2}, {"PAID": 2, "PENDING": 0})


@pytest.mark.parametrize(
    ("period", "day", "name"),
    [
        ("day", "2026-01-31", "2026-01-31"),
        ("week", "2026-01-01", "2026-W01"),
        ("week", "2024-12-30", "2025-W01"),
        ("week", "2027-01-03", "2026-W53"),
        ("month", "2026-01-31", "2026-01"),
        ("month", "0997-12-31", "0997-12"),
    ],
)
def test_a_day_lies_in_its_iso_week_and_in_its_month(period: str, day: str, name: str) -> None:
    assert PERIODS[period](date.fromisoformat(day)) == name


def test_gross_is_what_was_captured_and_net_what_is_left_of_it() -> None:
    days = added_days(
        [
            a_part("2026-01-31", total_orders=3, spent={"EUR": 1000}, refunded={"EUR": 250}, paid={"EUR": 2}),
            a_part("2026-02-01", total_orders=1, spent={"USD": 5}, paid={"USD": 1}),
        ]
    )
    january, february = rows_of(days, PERIODS["month"], "EUR")
    assert january == {
        "period": "2026-01",
        "orders": 3,
        "paid_orders": 2,
        "gross": {"amount": "12.50", "currency": "EUR"},
        "refunded": {"amount": "2.50", "currency": "EUR"},
        "net": {"amount": "10.00", "currency": "EUR"},
    }
    assert (february["orders"], february["paid_orders"], february["gross"]["amount"]) == (1, 0, "0.00")


def test_a_period_with_neither_orders_nor_money_is_left_out() -> None:
    rejected = a_part("2026-01-31", statuses={"REJECTED": 1}, spent={"EUR": 0})
    refunded = a_part("2026-02-01", refunded={"EUR": 100})
    rows = rows_of(added_days([rejected, refunded]), PERIODS["day"], "EUR")
    assert [(row["period"], row["net"]["amount"]) for row in rows] == [("2026-02-01", "0.00")]


def test_the_average_is_over_paid_orders_in_each_currency() -> None:
    assert show_averages({"EUR": 1000, "USD": 5}, {"EUR": 3, "USD": 0, "JPY": 1}) == [
        {"amount": "3.33", "currency": "EUR"},
        {"amount": "0", "currency": "JPY"},
    ]


def test_rejected_orders_were_initiated_and_imported_ones_were_not() -> None:
    day = a_part("2026-01-01", total_orders=5, imported=2, converted=1, statuses={"REJECTED": 1})
    assert show_conversion(added([day])) == {"initiated": 4, "paid": 1, "rate": 0.25}
    assert show_conversion(added([])) == {"initiated": 0, "paid": 0, "rate": None}
