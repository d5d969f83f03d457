"""The 69,659 purchases of CDNOW on a stack as a user starts it: what must come out, before and after a rebuild.

The figures are counted from the file itself; 255 of its lines repeat others exactly and are orders of their own.
"""

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from tests.support.cqrs import Cqrs

REBUILT_SECONDS = 300


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Cqrs]:
    cqrs = Cqrs(data=tmp_path / "data")
    cqrs.does("up", "--detach", "--no-sample")
    yield cqrs
    cqrs.does("down")


def query(stack: Cqrs, path: str) -> Any:
    with urllib.request.urlopen(f"{stack.status()['gateway']}/cqrs/queries/{path}", timeout=10) as answer:
        return json.load(answer)


@pytest.mark.timeout(900)
def test_all_purchases_come_out_right_and_again_after_the_views_were_dropped(stack: Cqrs) -> None:
    said = stack.does("import", "orders", "--fetch-cdnow")
    assert "69,659 orders are written and visible in every view" in said
    require_figures(stack)
    drop_the_views(stack)
    deadline = time.monotonic() + REBUILT_SECONDS
    while not is_level(stack):
        assert time.monotonic() < deadline, "the views are not made anew in time"
        time.sleep(0.5)
    require_figures(stack)


def require_figures(stack: Cqrs) -> None:
    statistics = query(stack, "statistics/orders")
    totals = {name: statistics[name] for name in ("total_orders", "total_users", "total_items", "total_revenue")}
    assert totals == {
        "total_orders": 69_659,
        "total_users": 23_570,
        "total_items": 167_881,
        "total_revenue": 2_500_315.63,
    }
    best, second, *_ = statistics["best_customers"]
    assert (best["user_id"], best["total_spent"]) == (7592, 13_990.93)
    assert (second["user_id"], second["total_spent"]) == (14048, 8_976.33)
    busiest, *_ = statistics["busiest_days"]
    assert (busiest["day"], busiest["orders"]) == ("1997-02-24", 504)
    assert query(stack, "users/14048/summary")["total_orders"] == 217
    assert query(stack, "users/7592/summary")["total_orders"] == 201


def drop_the_views(stack: Cqrs) -> None:
    """As by an accident: the whole database is gone, nobody has asked for a rebuild."""
    with pymongo.MongoClient(stack.status()["mongodb"]) as client:
        client.drop_database("cqrs_views")


def is_level(stack: Cqrs) -> bool:
    return ("views", 69_659, 0) in [(view["name"], view["position"], view["lag"]) for view in stack.status()["views"]]
