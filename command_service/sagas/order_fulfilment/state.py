"""What the fulfilment of an order knows, and how it learns."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from command_service.sagas.shapes import Accepted, Happened, Input, Refused, TimeIsUp
from common.events import Event
from common.events.inventory import StockReserved
from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderInitiated,
    OrderPaid,
    OrderPaymentFailed,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
    PaymentRequested,
)
from common.events.payments import PaymentFailed, PaymentProcessed
from common.values import Money

_STATUS_AFTER: Mapping[type[Event], str] = {
    OrderValidated: "VALIDATED",
    OrderRejected: "REJECTED",
    OrderPaid: "PAID",
    OrderShipped: "SHIPPED",
    OrderDelivered: "DELIVERED",
    OrderCompleted: "COMPLETED",
    OrderCancelled: "CANCELLED",
    OrderRefunded: "REFUNDED",
}
_ORDER_OF = {
    "UNKNOWN": 0,
    "PENDING": 1,
    "VALIDATED": 2,
    "PAID": 3,
    "SHIPPED": 4,
    "DELIVERED": 5,
    "COMPLETED": 6,
    "REJECTED": 7,
    "CANCELLED": 7,
    "REFUNDED": 8,
}
UNDONE = frozenset({"REJECTED", "CANCELLED", "REFUNDED"})


_STOCK_AFTER = {"release": "released", "commit": "committed"}
_STAGE_AFTER = {
    "initiate": "initiated",
    "fail": "told",
    "fail_unasked": "told",
    "fail_late": "told",
    "refund": "refunding",
    "pay_back": "refunded",
    "confirm_refund": "settled",
}
_PAYMENT_STEPS = frozenset({"charge", "void", "confirm", *_STAGE_AFTER})
_ORDER_AFTER = {"validate": "VALIDATED", "reject": "REJECTED", "time_out": "CANCELLED"}


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`stock` goes from `wanted` to `reserved`, then to `committed` or `released`."""

    product_id: int
    quantity: int
    unit_price: Money | None = None
    stock: str = "wanted"


class Payment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`stage`: requested, initiated, captured or declined, told (to the order), refunding, refunded, settled."""

    payment_id: str
    attempt: int
    amount: Money
    card_token: str | None  # None once it was erased
    stage: str = "requested"
    code: str | None = None
    reason: str | None = None


class Fulfilment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`payment_seconds` is how long a validated order waits for its money."""

    order_id: str
    payment_seconds: float
    status: str = "UNKNOWN"  # the order's
    lines: tuple[Line, ...] = ()  # in the order of their product ids
    rejection: tuple[str, str] | None = None  # code and sentence
    validated_at: datetime | None = None
    is_overdue: bool = False
    was_paid: bool = False
    payment: Payment | None = None
    trouble: str | None = None  # what no rule foresees; a person must look

    @property
    def due_at(self) -> datetime | None:
        """When the time for paying is over; None before the order is validated."""
        return self.validated_at and self.validated_at + timedelta(seconds=self.payment_seconds)


def react(fulfilment: Fulfilment, told: Input) -> Fulfilment:
    match told:
        case Happened(event=event, at=at):
            return _happened(fulfilment, event, at)
        case Accepted(step=step, events=events):
            if _is_of_an_earlier_payment(fulfilment, told):
                return fulfilment
            if step == "validate":  # the order's own event says the same, a little later
                fulfilment = replace(fulfilment, validated_at=told.at or fulfilment.validated_at)
            return _accepted(fulfilment, step.partition("/")[0], step.partition("/")[2], events)
        case Refused():
            return _refused(fulfilment, told)
        case TimeIsUp():
            return replace(fulfilment, is_overdue=True)


def _is_of_an_earlier_payment(fulfilment: Fulfilment, answer: Accepted) -> bool:
    """The order's own events may overtake an answer, and even the next payment may have begun."""
    payment = fulfilment.payment
    return answer.step in _PAYMENT_STEPS and payment is not None and payment.attempt != answer.round


def _happened(fulfilment: Fulfilment, event: Event, at: datetime) -> Fulfilment:
    match event:
        case OrderInitiated(items=items):
            lines = (Line(product_id=line.product_id, quantity=line.quantity) for line in items)
            ordered = tuple(sorted(lines, key=lambda line: line.product_id))
            return replace(fulfilment, status="PENDING", lines=ordered)
        case OrderValidated():
            fulfilment = replace(fulfilment, validated_at=at)
        case PaymentRequested():
            fulfilment = replace(fulfilment, payment=_requested(event))
        case OrderPaymentFailed():
            fulfilment = _at(fulfilment, "told")
        case OrderPaid():
            fulfilment = replace(_at(fulfilment, "told"), was_paid=True)
    status = _STATUS_AFTER.get(type(event))
    return _moved(fulfilment, status) if status else fulfilment


def _requested(event: PaymentRequested) -> Payment:
    return Payment(
        payment_id=event.payment_id,
        attempt=event.attempt,
        amount=event.amount,
        card_token=event.personal.card_token,
    )


def _accepted(  # noqa: PLR0911 - one row per kind of step
    fulfilment: Fulfilment, step: str, about: str, events: tuple[Event, ...]
) -> Fulfilment:
    match step, events:
        case "reserve", (StockReserved(unit_price=price), *_):
            return _line(fulfilment, int(about), stock="reserved", unit_price=price)
        case "charge", () if fulfilment.status in UNDONE:  # it was voided instead, before the saga was folded again
            return fulfilment
        case (("charge" | "void"), (PaymentProcessed(), *_)):
            return _at(fulfilment, "captured")
        case (("charge" | "void"), (PaymentFailed(code=code, reason=reason), *_)):
            return _at(fulfilment, "declined", code=code, reason=reason)
        case "confirm", _:
            return replace(_moved(_at(fulfilment, "told"), "PAID"), was_paid=True)
        case _ if stock := _STOCK_AFTER.get(step):
            return _line(fulfilment, int(about), stock=stock)
        case _ if stage := _STAGE_AFTER.get(step):
            return _at(fulfilment, stage)
        case _ if status := _ORDER_AFTER.get(step):  # the order's own event says the same, a little later
            return _moved(fulfilment, status)
    return replace(fulfilment, trouble=f"{step} {about} was accepted without saying what came of it")


def _refused(fulfilment: Fulfilment, refused: Refused) -> Fulfilment:
    step = refused.step.partition("/")[0]
    match step, refused.code:
        case "reserve", _:
            return replace(fulfilment, rejection=(refused.code, refused.detail))
        case "initiate", code:
            return _at(fulfilment, "declined", code=code, reason=refused.detail)
        case "validate", code if code != "order_cancelled":
            return replace(fulfilment, rejection=(code, refused.detail))
        case (("validate" | "reject" | "confirm"), "order_cancelled"):
            return _moved(fulfilment, "CANCELLED")
        case "time_out", _:
            return replace(fulfilment, is_overdue=False)
    return replace(fulfilment, trouble=f"{refused.step}: {refused.code}: {refused.detail}")


def _moved(fulfilment: Fulfilment, status: str) -> Fulfilment:
    """Only onwards: an answer and the order's own event say the same, and either may come late."""
    is_onwards = _ORDER_OF[status] > _ORDER_OF[fulfilment.status]
    return replace(fulfilment, status=status) if is_onwards else fulfilment


def _line(fulfilment: Fulfilment, product_id: int, **change: Any) -> Fulfilment:
    lines = tuple(replace(line, **change) if line.product_id == product_id else line for line in fulfilment.lines)
    return replace(fulfilment, lines=lines)


def _at(fulfilment: Fulfilment, stage: str, **change: Any) -> Fulfilment:
    payment = fulfilment.payment and replace(fulfilment.payment, stage=stage, **change)
    return replace(fulfilment, payment=payment)
