"""What the fulfilment of an order wants next: it follows from what is known, and from nothing else.

One want at a time, so that compensation never meets an open one (S4).
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from command_service.sagas.order_fulfilment.values import UNDONE, Fulfilment, Line, Payment, Refund, Removal
from command_service.sagas.shapes import Want, want_id
from common.values import Money

NAME = "order_fulfilment"
_NOT_ASKED = "The order was cancelled before the provider was asked."
_CAME_LATE = "The money came after the order was cancelled, and went back."
_GONE_OUT = frozenset({"SHIPPED", "DELIVERED", "COMPLETED"})


def plan(fulfilment: Fulfilment) -> Want | None:
    """What is wanted next, when nothing is open."""
    if fulfilment.trouble:
        return None
    if fulfilment.status in UNDONE or fulfilment.rejection:
        return _undo(fulfilment)
    if fulfilment.status == "PENDING":
        return _reserve(fulfilment)
    if fulfilment.status in _GONE_OUT:
        return _about_stock(fulfilment, "commit", "CommitStock", having="reserved") or _refund(fulfilment)
    return _pay(fulfilment)


def _refund(fulfilment: Fulfilment) -> Want | None:
    """Give back what a customer is to have of what the order paid."""
    refund = fulfilment.refund
    match refund:
        case Refund(stage="requested"):
            body = {"refund_id": refund.refund_id, "amount": refund.amount.model_dump()}
            return _about_refund(refund, "give_back", "RefundPayment", refund.payment_id, body)
        case Refund(stage="initiated"):
            body = {"refund_id": refund.refund_id, "amount": refund.amount.model_dump()}
            return _about_refund(refund, "return", "PayBack", refund.payment_id, body)
        case Refund(stage="returned"):
            told = {"payment_id": refund.payment_id, "refund_id": refund.refund_id}
            body = told | {"amount": refund.amount.model_dump()}
            return _about_refund(refund, "tell_refund", "ConfirmRefund", fulfilment.order_id, body)
    return None


def _about_refund(refund: Refund, step: str, command: str, subject: str, body: dict[str, Any]) -> Want:
    return Want(step=f"{step}/{refund.refund_id}", command=command, subject=subject, body=body)


def _reserve(fulfilment: Fulfilment) -> Want | None:
    """Change after change, line after line; then all of it with the prices that the reservations found."""
    wanted = [line for line in fulfilment.lines if line.stock == "wanted"]
    removed = [removal for removal in fulfilment.removals if removal.left]
    match min((*wanted, *removed), key=lambda each: (each.round, each.product_id), default=None):
        case Line() as line:
            return _about_line(fulfilment, "reserve", "ReserveStock", line)
        case Removal() as removal:
            return _take_back(fulfilment, removal)
    if fulfilment.is_stale:
        return None
    body = {"items": _priced(fulfilment.lines)}
    return _about_order(fulfilment, "validate", "ValidateOrder", body, round_=fulfilment.revision)


def _priced(lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    """What is reserved; pieces of a product that were found at the same price are one line."""
    quantities: dict[tuple[int, str | None, Money], int] = {}
    for line in lines:
        if line.unit_price and line.stock == "reserved":
            key = (line.product_id, line.product_name, line.unit_price)
            quantities[key] = quantities.get(key, 0) + line.quantity
    return [
        {"product_id": product_id, "quantity": quantity, "unit_price": price.model_dump()}
        | ({"product_name": name} if name else {})
        for (product_id, name, price), quantity in quantities.items()
    ]


def _take_back(fulfilment: Fulfilment, removal: Removal) -> Want:
    """From what was reserved last."""
    of_product = [line for line in fulfilment.lines if line.product_id == removal.product_id]
    line = max((line for line in of_product if line.stock == "reserved"), key=lambda line: line.round)
    body = {**_reservation(fulfilment, line), "quantity": min(line.quantity, removal.left)}
    return Want(
        step=f"take_back/{line.product_id}/{line.round}",
        round=removal.round,
        command="ReleaseStock",
        subject=str(line.product_id),
        body=body,
    )


def _pay(fulfilment: Fulfilment) -> Want | None:
    payment = fulfilment.payment
    match payment:
        case Payment(stage="requested"):
            return _initiate(fulfilment, payment)
        case Payment(stage="initiated"):
            return _about_payment(payment, "charge", "Charge", _charge(fulfilment, payment))
        case Payment(stage="captured"):
            told = {"payment_id": payment.payment_id, "amount": payment.amount.model_dump()}
            return _about_order(fulfilment, "confirm", "ConfirmPayment", told, round_=payment.attempt)
        case Payment(stage="declined"):
            return _fail(fulfilment, payment)
    if fulfilment.status == "VALIDATED" and fulfilment.is_overdue:
        body = {"reason": "The payment did not come in time."}
        return _about_order(fulfilment, "time_out", "CancelOrder", body, round_=fulfilment.revision)
    return None


def _undo(fulfilment: Fulfilment) -> Want | None:
    """Give back what was captured and what was reserved; then say how it ended, where nobody has said so yet."""
    return (
        _give_back(fulfilment)
        or _about_stock(fulfilment, "release", "ReleaseStock", having="reserved")
        or _reject(fulfilment)
    )


def _give_back(fulfilment: Fulfilment) -> Want | None:
    payment = fulfilment.payment
    match payment:
        case None:
            return None
        case Payment(stage="initiated"):  # nobody has asked the provider yet, and nobody shall
            return _about_payment(payment, "void", "Void", {})
        case Payment(stage="captured" | "told") if payment.stage == "captured" or fulfilment.was_paid:
            return _about_payment(payment, "refund", "RefundPayment", {})
        case Payment(stage="refunding"):
            return _about_payment(payment, "pay_back", "PayBack", {})
        case Payment(stage="refunded") if fulfilment.was_paid:
            told = {"payment_id": payment.payment_id, "amount": payment.amount.model_dump()}
            return _about_order(fulfilment, "confirm_refund", "ConfirmRefund", told, round_=payment.attempt)
    return _close(fulfilment, payment)


def _close(fulfilment: Fulfilment, payment: Payment) -> Want | None:
    """Tell the order the end of a payment that did not pay it."""
    match payment.stage:
        case "requested":
            return _fail(fulfilment, replace(payment, code="order_cancelled", reason=_NOT_ASKED), "fail_unasked")
        case "refunded":
            return _fail(fulfilment, replace(payment, code="order_cancelled", reason=_CAME_LATE), "fail_late")
        case "declined":
            return _fail(fulfilment, payment)
    return None


def _fail(fulfilment: Fulfilment, payment: Payment, step: str = "fail") -> Want:
    told = {"payment_id": payment.payment_id, "code": payment.code, "reason": payment.reason}
    return _about_order(fulfilment, step, "FailPayment", told, round_=payment.attempt)


def _reject(fulfilment: Fulfilment) -> Want | None:
    if fulfilment.status != "PENDING" or fulfilment.rejection is None:
        return None
    code, reason = fulfilment.rejection
    return _about_order(fulfilment, "reject", "RejectOrder", {"code": code, "reason": reason})


def _about_stock(fulfilment: Fulfilment, step: str, command: str, *, having: str) -> Want | None:
    """For the first line whose stock is so."""
    line = next((line for line in fulfilment.lines if line.stock == having), None)
    return line and _about_line(fulfilment, step, command, line)


def _about_line(fulfilment: Fulfilment, step: str, command: str, line: Line) -> Want:
    body = _reservation(fulfilment, line)
    if step == "reserve":
        body["quantity"] = line.quantity
    name, subject = f"{step}/{line.product_id}", str(line.product_id)
    return Want(step=name, round=line.round, command=command, subject=subject, body=body)


def _reservation(fulfilment: Fulfilment, line: Line) -> dict[str, Any]:
    """It is called by the id of the command that made it (S4)."""
    reservation_id = want_id(NAME, fulfilment.order_id, f"reserve/{line.product_id}", line.round)
    return {"product_id": line.product_id, "order_id": fulfilment.order_id, "reservation_id": reservation_id}


def _about_order(fulfilment: Fulfilment, step: str, command: str, body: dict[str, Any], round_: int = 0) -> Want:
    return Want(step=step, round=round_, command=command, subject=fulfilment.order_id, body=body)


def _about_payment(payment: Payment, step: str, command: str, body: Mapping[str, Any]) -> Want:
    return Want(step=step, round=payment.attempt, command=command, subject=payment.payment_id, body=body)


def _initiate(fulfilment: Fulfilment, payment: Payment) -> Want:
    body = {
        "payment_id": payment.payment_id,
        "order_id": fulfilment.order_id,
        "amount": payment.amount.model_dump(),
        "card_token": payment.card_token,
    }
    return _about_payment(payment, "initiate", "ProcessPayment", body)


def _charge(fulfilment: Fulfilment, payment: Payment) -> dict[str, Any]:
    """A provider that is silent until the time is over is told to forget the charge."""
    until = fulfilment.due_at and fulfilment.due_at.isoformat()
    return {"amount": payment.amount.model_dump(), "card_token": payment.card_token, "until": until}
