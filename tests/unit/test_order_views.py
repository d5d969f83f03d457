"""What the views say of orders on their way, and that they say the same as a program that knows nothing of ours."""

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import orjson
import pytest

from common.envelope import Commit
from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderDeleted,
    OrderEvent,
    OrderImported,
    OrderItemAdded,
    OrderPersonal,
)
from common.read_models.order_shapes import STATUSES, OrderView, PaymentView, ShipmentView
from common.read_models.order_sums import reason_key
from common.read_models.orders import ORDERS
from common.read_models.shapes import Numbers, Told
from common.read_models.storage import summary_id, to_fields, to_view
from common.values import Money
from projector.batch import Doc, DocumentId, fold
from query_service.queries.orders import show_order
from tests.support import naive
from tests.support.imagined_shop import ImaginedShop
from tests.support.order_facts import (
    A_CANCELLED_ORDER,
    A_DELIVERED_ORDER,
    A_PAID_ORDER,
    A_PENDING_ORDER,
    A_REFUNDED_ORDER,
    A_REJECTED_ORDER,
    A_SHIPPED_ORDER,
    A_VALIDATED_ORDER,
    AN_ORDER_BEING_PAID,
    FAILED,
    FIRST,
    INITIATED,
    PRICED,
    TOTAL,
    VALIDATED,
    Facts,
)
from tests.support.rules import NOW, SUBJECT

A_COMPLETED_ORDER: Facts = (*A_DELIVERED_ORDER, OrderCompleted(order_id=SUBJECT))


def view_of(facts: tuple[OrderEvent, ...]) -> OrderView:
    view: OrderView | None = None
    for position, fact in enumerate(facts, 1):
        at = NOW + timedelta(minutes=position)
        told = Told(
            event_type=type(fact).__name__, subject=SUBJECT, position=position, version=position, recorded_at=at
        )
        view = ORDERS.project(view, fact, told)
    assert view is not None
    return view


def counted(facts: tuple[OrderEvent, ...]) -> dict[str, Numbers]:
    """What the order adds to the sums of each kind; it has one line."""
    return {key.summary.of: numbers for key, numbers in ORDERS.contribute(view_of(facts)).items()}


def test_an_order_has_prices_and_a_total_once_it_is_validated() -> None:
    assert (view_of(A_PENDING_ORDER).total, view_of(A_PENDING_ORDER).items[0].unit_price) == (None, None)
    view = view_of(A_VALIDATED_ORDER)
    assert (view.status, view.total, view.captured) == ("VALIDATED", TOTAL, None)
    assert view.items[0].unit_price == Money(amount=4999, currency="EUR")


def test_a_payment_is_shown_from_its_request_to_its_refund() -> None:
    steps = (AN_ORDER_BEING_PAID, A_PAID_ORDER, A_REFUNDED_ORDER)
    payments = [view_of(facts).payment for facts in steps]
    assert payments == [
        PaymentView(payment_id=FIRST, status=status, amount=TOTAL) for status in ("REQUESTED", "CAPTURED", "REFUNDED")
    ]
    assert [view_of(facts).captured for facts in steps] == [None, TOTAL, None]


def test_a_failed_payment_says_why_and_leaves_the_order_validated() -> None:
    view = view_of((*AN_ORDER_BEING_PAID, FAILED))
    assert (view.status, view.captured) == ("VALIDATED", None)
    assert view.payment == PaymentView(
        payment_id=FIRST, status="FAILED", amount=TOTAL, code="insufficient_funds", reason="Declined."
    )


def test_a_shipment_is_shown() -> None:
    assert view_of(A_SHIPPED_ORDER).shipment == ShipmentView(carrier="DHL", tracking_number="JD0146")


def test_a_rejected_order_says_why() -> None:
    view = view_of(A_REJECTED_ORDER)
    assert (view.status, view.reject_code, view.reject_reason) == ("REJECTED", "insufficient_stock", "Too few.")


def test_every_fact_stands_in_the_timeline() -> None:
    names = [entry.event for entry in view_of(A_COMPLETED_ORDER).timeline]
    assert names == [type(fact).__name__ for fact in A_COMPLETED_ORDER]


@pytest.mark.parametrize(
    ("facts", "is_pending"),
    [
        (A_PENDING_ORDER, True),
        (A_VALIDATED_ORDER, True),
        (A_PAID_ORDER, True),
        (A_SHIPPED_ORDER, False),
        (A_COMPLETED_ORDER, False),
        (A_REJECTED_ORDER, False),
        (A_CANCELLED_ORDER, False),
    ],
)
def test_an_order_waits_for_its_stock_until_it_is_shipped(facts: Facts, is_pending: bool) -> None:
    assert view_of(facts).is_pending is is_pending
    assert ("product_demand" in counted(facts)) is is_pending


def test_a_paid_order_counts_with_what_was_captured() -> None:
    numbers = {"total_orders": 1, "statuses.PAID": 1, "paid_orders": 1, "spent.EUR": 9998}
    assert counted(A_PAID_ORDER)["users"] == numbers
    assert counted(A_PAID_ORDER)["days"] == numbers | {"total_items": 2, "paid.EUR": 1, "converted": 1}


def test_a_refunded_order_counts_without_money() -> None:
    numbers = {"total_orders": 1, "statuses.REFUNDED": 1, "refunded.EUR": 9998}
    assert counted(A_REFUNDED_ORDER)["users"] == numbers
    assert counted(A_REFUNDED_ORDER)["days"] == numbers | {"total_items": 2, "converted": 1, "cancelled": 1}


def test_of_a_deleted_order_only_its_money_counts() -> None:
    money = {"paid_orders": 1, "spent.EUR": 9998}
    assert counted((*A_COMPLETED_ORDER, OrderDeleted(order_id=SUBJECT))) == {
        "users": money,
        "days": money | {"paid.EUR": 1},
    }


def test_a_changed_order_has_no_prices_until_it_is_validated_again() -> None:
    added = OrderItemAdded(order_id=SUBJECT, product_id=456, quantity=1)
    changed = view_of((*A_VALIDATED_ORDER, added))
    assert (changed.status, changed.total, changed.item_count) == ("PENDING", None, 3)
    assert [(line.quantity, line.unit_price) for line in changed.items] == [(3, None)]


def test_an_order_is_found_by_its_customer_its_products_and_its_parcel() -> None:
    placed = INITIATED.model_copy(update={"personal": OrderPersonal(name="Ada Lovelace", email="ada@example.org")})
    named = PRICED.model_copy(update={"product_name": "Clicky Keyboard"})
    validated = VALIDATED.model_copy(update={"items": (named,)})
    order = view_of((placed, validated, *A_SHIPPED_ORDER[2:]))
    words = ("ada", "lovelace", "example.org", "example", "org", "jd0146", "clicky", "keyboard")
    assert order.words == words


def test_a_rejected_order_counts_as_rejected_and_as_nothing_else() -> None:
    assert counted(A_REJECTED_ORDER) == {"users": {"statuses.REJECTED": 1}, "days": {"statuses.REJECTED": 1}}


def test_a_cancelled_order_counts_by_its_reason() -> None:
    reason = OrderCancelled(order_id=SUBJECT, code="requested", reason="  Too   SLOW / too late")
    order = view_of((*A_PENDING_ORDER, reason))
    keys = {key.summary.of: key.parts for key in ORDERS.contribute(order)}
    assert keys["cancellations"] == ("too slow too late",)
    assert counted((*A_PENDING_ORDER, reason))["cancellations"] == {"orders": 1}


@pytest.mark.parametrize("reason", [None, "", " / "])
def test_a_cancellation_without_a_reason_counts_by_none(reason: str | None) -> None:
    assert reason_key(reason) == ""


def test_a_reason_is_cut_where_it_is_counted() -> None:
    assert reason_key("x" * 500) == "x" * 60
    assert reason_key("x" * 59 + " y") == "x" * 59


def test_an_imported_order_was_not_won_here() -> None:
    placed_at, paid = NOW - timedelta(days=400), Money(amount=1999, currency="USD")
    imported = OrderImported(
        order_id=SUBJECT, user_id=7, source="old shop", line_number=1, placed_at=placed_at, item_count=2, paid=paid
    )
    of_day = counted((imported,))["days"]
    assert (of_day["imported"], of_day["paid.USD"]) == (1, 1)
    assert "converted" not in of_day


@pytest.mark.parametrize("seed", range(4))
def test_every_status_of_an_order_is_one_that_lists_know(seed: int) -> None:
    shop = ImaginedShop(seed)
    shop.trade(250)
    documents, _ = _folded(shop.commits, Random(seed))
    assert {order["status"] for order in documents["orders"].values()} <= set(STATUSES)


def shown(facts: Facts) -> dict[str, Any]:
    return show_order(to_fields(view_of(facts)) | {"version": len(facts)})


def test_people_see_how_an_order_was_paid_and_sent() -> None:
    order, amount = shown(A_SHIPPED_ORDER), {"amount": "99.98", "currency": "EUR"}
    payment = {"payment_id": FIRST, "status": "CAPTURED", "method": "card", "amount": amount, "captured": amount}
    assert order["payment_info"] == {**payment, "code": None, "reason": None}
    assert order["shipment"] == {"carrier": "DHL", "tracking_number": "JD0146", "tracking_url": None}
    assert (order["total_amount"], order["total"]) == (99.98, amount)


def test_people_see_why_an_order_was_not_paid_or_not_taken() -> None:
    payment = shown((*AN_ORDER_BEING_PAID, FAILED))["payment_info"]
    assert (payment["status"], payment["code"], payment["reason"]) == ("FAILED", "insufficient_funds", "Declined.")
    order = shown(A_REJECTED_ORDER)
    assert (order["payment_info"], order["reject_code"], order["reject_reason"]) == (
        None,
        "insufficient_stock",
        "Too few.",
    )


def test_a_view_that_was_stored_before_there_were_payments_can_be_read() -> None:
    view = view_of(A_PENDING_ORDER)
    stored = to_fields(view)
    assert not {"payment", "shipment", "reject_code", "reject_reason"} & stored.keys()
    assert to_view(OrderView, stored) == view


def test_a_view_is_read_as_it_was_stored() -> None:
    for facts in (A_COMPLETED_ORDER, A_REFUNDED_ORDER, A_REJECTED_ORDER, (*AN_ORDER_BEING_PAID, FAILED)):
        assert to_view(OrderView, to_fields(view_of(facts))) == view_of(facts)


@pytest.mark.parametrize("seed", range(12))
def test_the_views_are_the_naive_fold_of_what_a_shop_did(seed: int) -> None:
    shop = ImaginedShop(seed)
    shop.trade(250)
    expected = naive.expected_views([_as_stored(commit) for commit in shop.commits])
    documents, sums = _folded(shop.commits, Random(seed))
    for collection in ("orders", "inventory", "products"):
        assert _plain(documents[collection]) == _plain(expected[collection])
    assert sums == naive.normal("sums", expected["sums"])


def test_the_imagined_shop_does_everything_that_can_be_done() -> None:
    done: Counter[str] = Counter()
    for seed in range(12):
        shop = ImaginedShop(seed)
        shop.trade(250)
        done.update(event.type for commit in shop.commits for event in commit.events)
    facts = (*A_COMPLETED_ORDER, *A_REFUNDED_ORDER, *A_REJECTED_ORDER, FAILED)
    assert {type(fact).__name__ for fact in facts} <= set(done)
    assert {"OrderItemAdded", "OrderItemRemoved", "ShippingAddressUpdated", "OrderDeleted"} <= set(done)
    assert done["RefundRequested"] >= 3
    assert {"StockReserved", "StockReleased", "StockCommitted", "LowStockDetected"} <= set(done)


def _folded(commits: list[Commit], chance: Random) -> tuple[dict[str, dict[Any, Any]], dict[str, dict[str, int]]]:
    """What the projector makes of the commits, in batches of any size."""
    known: dict[DocumentId, Doc] = {}
    sums: dict[str, Counter[str]] = {}
    rest = list(commits)
    while rest:
        size = chance.randint(1, 20)
        batch: dict[int, list[Commit]] = {}
        for commit in rest[:size]:
            batch.setdefault(commit.partition, []).append(commit)
        del rest[:size]
        changes = fold(batch, known)
        known |= {document_id: change.after for document_id, change in changes.documents.items()}
        for (key, partition), numbers in changes.sums.items():
            sums.setdefault(summary_id(key, partition), Counter()).update(numbers)
    assert not [doc for doc in known.values() if doc.parked]
    documents: dict[str, dict[Any, Any]] = {"orders": {}, "inventory": {}, "products": {}}
    for (collection, key), doc in known.items():
        stand = {"_id": key, "partition": doc.partition, "position": doc.position, "version": doc.version}
        documents[collection][key] = stand | to_fields(doc.view)
    return documents, {name: counts for name, c in sums.items() if (counts := {k: n for k, n in c.items() if n})}


def _as_stored(commit: Commit) -> dict[str, Any]:
    stored = msgspec.to_builtins(commit, builtin_types=(type(commit.recorded_at),))
    return {**stored, "_id": commit.position}


def _plain(documents: dict[Any, Any]) -> Any:
    return orjson.loads(orjson.dumps(documents, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS))
