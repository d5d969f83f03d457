"""The judge finds what is wrong with the views and their sums (O3, O6)."""

from dataclasses import replace

import pytest

from common.read_models.storage import CHECKPOINTS, DIFFERENCES, REQUESTS
from tests.chaos.oracle.facts import Facts
from tests.chaos.oracle.views import KEPT_BESIDE
from tests.support.planting import (
    Fault,
    Plant,
    add,
    found_by,
    kind_of_sum,
    list_of,
    view,
)


def edit_an_order(facts: Facts) -> None:
    view(facts, "orders", status="PAID")["status"] = "SHIPPED"


def shorten_a_total(facts: Facts) -> None:
    view(facts, "orders", status="PAID")["total"]["amount"] -= 1


def park(facts: Facts) -> None:
    view(facts, "orders", status="PAID")["parked"] = {"code": "x", "detail": "y", "position": 1}


def edit_stock(facts: Facts) -> None:
    view(facts, "inventory", _id=1)["reserved_quantity"] += 1


def make_a_whole_number_a_fraction(facts: Facts) -> None:
    product = view(facts, "inventory", _id=1)
    product["total_quantity"] = float(product["total_quantity"])


def edit_sum(kind: str, name: str) -> Plant:
    def edit(facts: Facts) -> None:
        kind_of_sum(facts, kind)[name] += 1

    return edit


def shorten_a_sum(facts: Facts) -> None:
    kind_of_sum(facts, "users")["spent"]["EUR"] -= 1


def lose_from(collection: str) -> Plant:
    def lose(facts: Facts) -> None:
        del list_of(facts.views[collection])[0]

    return lose


def lose_a_sum(facts: Facts) -> None:
    list_of(facts.views["sums"]).remove(kind_of_sum(facts, "days"))


AN_EMPTY_SUM = {"_id": "users/99", "of": "users", "user_id": 99, "partition": 3, "total_orders": 0}
FAULTS: dict[str, Fault] = {
    "an order is edited": (edit_an_order, "O3", "status is 'SHIPPED', not 'PAID'"),
    "an order's total is off by a cent": (shorten_a_total, "O3", "total is"),
    "an order is parked": (park, "O3", "parked is"),
    "a product is edited": (edit_stock, "O3", "inventory/1"),
    "an integer is a float": (make_a_whole_number_a_fraction, "O3", "total_quantity is"),
    "a user's sum is edited": (edit_sum("users", "total_orders"), "O3", "sums/users/"),
    "a user's sum is off by a cent": (shorten_a_sum, "O3", "spent.EUR is"),
    "a day's sum is edited": (edit_sum("days", "total_items"), "O3", "sums/days/"),
    "a user's product is edited": (edit_sum("user_products", "quantity"), "O3", "sums/user_products/"),
    "a product's demand is edited": (edit_sum("product_demand", "pending_orders"), "O3", "sums/product_demand/"),
    "an order is missing": (lose_from("orders"), "O3", "it is missing"),
    "a product is missing": (lose_from("inventory"), "O3", "it is missing"),
    "a sum is missing": (lose_a_sum, "O3", "sums/days/"),
    "an order is extra": (add("orders", {"_id": "nobody's"}), "O3", "orders/nobody's: it should not be there"),
    "a product is extra": (add("inventory", {"_id": 99}), "O3", "inventory/99: it should not be there"),
    "an empty sum is extra": (add("sums", AN_EMPTY_SUM), "O3", "sums/users/99: it should not be there"),
    "a collection is extra": (add("orders_old", {"_id": 1}), "O3", "no read model"),
    "a sum is not the sum of the orders": (edit_sum("days", "total_orders"), "O6", "sums/days/"),
    "a sum of money is off by a cent": (shorten_a_sum, "O6", "spent.EUR is"),
    "the statistics are off": (
        lambda f: replace(f, statistics={**(f.statistics or {}), "total_orders": 6}),
        "O6",
        "6 is shown",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_its_rule(fault: str) -> None:
    plant, rule, said = FAULTS[fault]
    found = found_by(rule, plant)
    assert any(said in violation for violation in found), found


@pytest.mark.parametrize("collection", sorted(KEPT_BESIDE - {CHECKPOINTS, REQUESTS}))
def test_what_stands_beside_the_views_is_no_view(collection: str) -> None:
    assert found_by("O3", add(collection, {"_id": "anything"})) == []


def test_a_difference_that_the_projector_found_is_told() -> None:
    assert any("differences" in one for one in found_by("O3", add(DIFFERENCES, {"_id": "orders/1"})))
