"""O9: everything that had to follow has followed, once, and nothing of what was undone is left."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from common.read_models.storage import CHECKPOINTS, REQUESTS
from tests.chaos.oracle.facts import Document, Facts, Finding, last_status
from tests.chaos.oracle.money import kept_of

TIMER_SECONDS = 5.0  # so late may a saga notice that its time is over
UNDONE = frozenset({"REJECTED", "CANCELLED", "REFUNDED"})
WAITS_FOR = {"VALIDATED": "payment", "PAID": "shipment", "SHIPPED": "delivery", "DELIVERED": "completion"}
MAY_HOLD_STOCK = frozenset({"PENDING", "VALIDATED", "PAID"})


def o9_everything_is_at_rest(facts: Facts) -> Iterator[Finding]:
    """Lag is 0, every saga terminal, no reservation of a cancelled order left, every external effect once per key.

    A saga that waits for people (shipment, delivery, completion) is at rest, as is one whose time for paying is not
    over; PENDING is nobody's rest. What an order that came to nothing has paid must have gone back.
    """
    yield from _lags(facts)
    yield from _checkpoints(facts)
    for request in facts.views.get(REQUESTS, ()):
        yield f"request {request['_id']}", "nobody has served it"
    if facts.sagas is not None:
        yield from _sagas(facts, facts.sagas)
    yield from _reservations(facts)
    yield from _effects(facts)


def _lags(facts: Facts) -> Iterator[Finding]:
    head, groups = facts.positions.get("head"), facts.positions.get("groups", {})
    if head != len(facts.commits):
        yield "log", f"its head is said to be {head}, and it has {len(facts.commits)} commits"
    wanted = {"views"} if facts.sagas is None else {"views", "sagas"}
    for name in wanted - groups.keys():
        yield f"group {name}", "it has no position"
    for name, group in lagging(facts.positions).items():
        yield f"group {name}", f"its lag is {group.get('lag')} at position {group.get('position')}"


def lagging(positions: Document) -> dict[str, Document]:
    """The groups, and the relay, that are not known to have read the whole log."""
    relay = positions.get("relay")
    everybody = positions.get("groups", {}) | ({"relay": relay} if relay else {})
    return {name: group for name, group in everybody.items() if group.get("lag") != 0}


def _checkpoints(facts: Facts) -> Iterator[Finding]:
    """Each stands at its partition's last commit: `seen`, by which there is no lag, may hide that one went back.

    A generation that is kept and not shown (`orders@2`) stands where it was left.
    """
    last = {commit["partition"]: (commit["_id"], commit["command_id"]) for commit in facts.commits}
    for checkpoint in facts.views.get(CHECKPOINTS, ()):
        if "@" in checkpoint["_id"]:
            continue
        stands = (checkpoint["position"], checkpoint["command_id"])
        expected = last.get(checkpoint["partition"], (0, None))
        if stands != expected:
            yield f"checkpoint {checkpoint['_id']}", f"(position, command) is {stands}, not {expected}"


def _sagas(facts: Facts, sagas: Sequence[Document]) -> Iterator[Finding]:
    statuses = last_status(facts)
    placed = {data["order_id"] for _, data in facts.told("OrderInitiated")}
    of_orders = [saga for saga in sagas if saga["saga"] == "order_fulfilment"]
    known = {saga["_id"] for saga in of_orders}
    for saga_id in placed ^ known:
        yield f"sagas/{saga_id}", "there is none" if saga_id in placed else "there is no such order"
    for saga in of_orders:
        if restless := _restless(saga, statuses.get(saga["_id"], ""), facts):
            yield f"sagas/{saga['_id']}", restless


def _restless(saga: Document, status: str, facts: Facts) -> str | None:
    """Why a saga of an order in this status is not at rest."""
    state = (saga["state"]["status"], saga["state_word"], saga["waits_for"])
    waits_for = WAITS_FOR.get(status)
    if saga["is_open"]:
        step = saga["steps"][-1]["want"]["step"]
        return None if _is_still_charging(saga, facts) else f"its step {step} has no outcome"
    if saga["trouble"]:
        return f"it is stuck: {saga['trouble']}"
    if status == "PENDING" or state != (status, "running" if waits_for else "over", waits_for):
        return f"(status, state, waits for) is {state}, and the order is {status}"
    latest = facts.looked_at - timedelta(seconds=TIMER_SECONDS)
    if waits_for == "payment" and (saga["due_at"] is None or saga["due_at"] < latest):
        return f"it waits for a payment since its time was over at {saga['due_at']}"
    return None


def _is_still_charging(saga: Document, facts: Facts) -> bool:
    """A provider that gives no answer is asked until the time for paying is over, by the clock that set it."""
    want = saga["steps"][-1]["want"]
    return want["step"] == "charge" and datetime.fromisoformat(want["body"]["until"]) > facts.looked_at


def _reservations(facts: Facts) -> Iterator[Finding]:
    statuses = last_status(facts)
    closed = _closed(facts)
    charging = {saga["_id"] for saga in facts.sagas or () if saga["is_open"] and _is_still_charging(saga, facts)}
    for _, data in facts.told("StockReserved"):
        if data["order_id"] in charging:  # what was reserved is given back when the money is certain
            continue
        status = statuses.get(data["order_id"], "unknown")
        left = data["quantity"] - closed[data["reservation_id"]]
        if left > 0 and status not in MAY_HOLD_STOCK:
            pieces = f"{left} of product {data['product_id']}"
            yield f"orders/{data['order_id']}", f"it is {status}, and {pieces} are reserved for it"


def _closed(facts: Facts) -> Counter[str]:
    """Reservation → pieces of it that were released or have left."""
    closed: Counter[str] = Counter()
    for _, data in facts.told("StockReleased", "StockCommitted"):
        closed[data["reservation_id"]] += data["quantity"]
    return closed


def _effects(facts: Facts) -> Iterator[Finding]:
    statuses = last_status(facts)
    orders = {data["payment_id"]: data["order_id"] for _, data in facts.told("PaymentInitiated")}
    for about, times in effects(facts).items():
        if times > 1:
            yield about, f"it is there {times} times"
    for charge in facts.books or ():
        kept = kept_of(charge)
        order_id = orders.get(charge["payment_id"], "")
        if kept < 0:
            yield f"charge {charge['payment_id']}", "more was given back than was captured"
        if kept > 0 and statuses.get(order_id) in UNDONE:
            yield f"orders/{order_id}", f"it is {statuses[order_id]}, and the provider has its money"


def effects(facts: Facts) -> Counter[str]:
    """Every effect that must be there once, and how often it is: by the provider's count, and as the log tells it."""
    found: Counter[str] = Counter()
    parts = Counter(data["payment_id"] for _, data in facts.told("PaymentRefundInitiated") if "refund_id" in data)
    for charge in facts.books or ():
        found[f"capture of {charge['payment_id']}"] += charge["captured_count"]
        found[f"refund of {charge['payment_id']}"] += charge["refunded_count"] - max(0, parts[charge["payment_id"]] - 1)
    for event_type in ("PaymentInitiated", "PaymentProcessed", "PaymentFailed"):
        found.update(f"{event_type} {data['payment_id']}" for _, data in facts.told(event_type))
    for _, data in facts.told("PaymentRefunded"):
        found[f"PaymentRefunded {data['payment_id']} {data.get('refund_id', '')}"] += 1
    closed = _closed(facts)
    for _, data in facts.told("StockReserved"):
        reservation_id = data["reservation_id"]
        found[f"reservation {reservation_id}"] += 1
        found[f"end of reservation {reservation_id}"] = math.ceil(closed[reservation_id] / data["quantity"])
    return found
