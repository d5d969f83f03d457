"""What the fulfilment of an order wants next: it follows from what is known, and from nothing else.

One want at a time, so that compensation never meets an open one (S4).
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from command_service.sagas.order_fulfilment.state import UNDONE, Fulfilment, Line, Payment
from command_service.sagas.shapes import Want, want_id

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
        return _about_stock(fulfilment, "commit", "CommitStock", having="reserved")
    return _pay(fulfilment)


def _reserve(fulfilment: Fulfilment) -> Want:
    """Line after line, then all of it with the prices that the reservations found."""
    if want := _about_stock(fulfilment, "reserve", "ReserveStock", having="wanted"):
        return want
    items = [_priced(line) for line in fulfilment.lines if line.unit_price]
    return _about_order(fulfilment, "validate", "ValidateOrder", {"items": items})


def _priced(line: Line) -> dict[str, Any]:
    price = line.unit_price and line.unit_price.model_dump()
    return {"product_id": line.product_id, "quantity": line.quantity, "unit_price": price}


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
        return _about_order(fulfilment, "time_out", "CancelOrder", {"reason": "The payment did not come in time."})
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
    """For the first line whose stock is so; a reservation is called by the id of the command that made it (S4)."""
    line = next((line for line in fulfilment.lines if line.stock == having), None)
    if line is None:
        return None
    body: dict[str, Any] = {
        "product_id": line.product_id,
        "order_id": fulfilment.order_id,
        "reservation_id": want_id(NAME, fulfilment.order_id, f"reserve/{line.product_id}"),
    }
    if step == "reserve":
        body["quantity"] = line.quantity
    return Want(step=f"{step}/{line.product_id}", command=command, subject=str(line.product_id), body=body)


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
