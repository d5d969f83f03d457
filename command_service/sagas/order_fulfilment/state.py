"""How the fulfilment of an order learns."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from command_service.sagas.order_fulfilment.values import UNDONE, Fulfilment, Line, Payment, Refund, Removal
from command_service.sagas.shapes import Accepted, Happened, Input, Refused, TimeIsUp
from common.events import Event
from common.events.inventory import StockReserved
from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderInitiated,
    OrderItemAdded,
    OrderItemRemoved,
    OrderPaid,
    OrderPaymentFailed,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
    PaymentRequested,
    RefundRequested,
)
from common.events.payments import PaymentFailed, PaymentProcessed

_STATUS_AFTER: Mapping[type[Event], str] = {
    OrderValidated: "VALIDATED",
    OrderRejected: "REJECTED",
    OrderPaid: "PAID",
    OrderShipped: "SHIPPED",
    OrderDelivered: "DELIVERED",
    OrderCompleted: "COMPLETED",
    OrderCancelled: "CANCELLED",
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


_STOCK_AFTER = {"release": "released", "commit": "committed"}
_RETURNING = ("requested", "initiated", "returned", "settled")
_REFUND_AFTER = {"give_back": "initiated", "return": "returned", "tell_refund": "settled"}
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
_ORDER_AFTER = {"reject": "REJECTED", "time_out": "CANCELLED"}


def react(fulfilment: Fulfilment, told: Input) -> Fulfilment:
    match told:
        case Happened(event=event, at=at):
            return _happened(fulfilment, event, at)
        case Accepted(step=step):
            if _is_of_an_earlier_payment(fulfilment, told):
                return fulfilment
            if step == "validate":
                return _validated(fulfilment, told)
            return _accepted(fulfilment, told, *step.split("/"))
        case Refused():
            return _refused(fulfilment, told)
        case TimeIsUp():
            return replace(fulfilment, is_overdue=True)


def _validated(fulfilment: Fulfilment, answer: Accepted) -> Fulfilment:
    """The order's own event says the same, a little later. Its items may have changed since."""
    if answer.round != fulfilment.revision:
        return fulfilment
    return _moved(replace(fulfilment, validated_at=answer.at or fulfilment.validated_at), "VALIDATED")


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
        case OrderItemAdded() | OrderItemRemoved():
            return _changed(fulfilment, event)
        case OrderValidated():
            fulfilment = replace(fulfilment, validated_at=at)
        case PaymentRequested():
            fulfilment = replace(fulfilment, payment=_requested(event))
        case RefundRequested():
            return replace(fulfilment, refund=_wanted_back(event))
        case OrderRefunded():
            return _refunded(fulfilment, event)
        case OrderPaymentFailed():
            fulfilment = _at(fulfilment, "told")
        case OrderPaid():
            fulfilment = replace(_at(fulfilment, "told"), was_paid=True)
    status = _STATUS_AFTER.get(type(event))
    return _moved(fulfilment, status) if status else fulfilment


def _changed(fulfilment: Fulfilment, event: OrderItemAdded | OrderItemRemoved) -> Fulfilment:
    """Each change has a round of its own, so that what it wants does not depend on when it was heard (S2)."""
    revision, product_id = fulfilment.revision + 1, event.product_id
    match event:
        case OrderItemAdded(quantity=quantity):
            line = Line(product_id=product_id, round=revision, quantity=quantity)
            fulfilment = replace(fulfilment, lines=(*fulfilment.lines, line))
        case OrderItemRemoved(quantity=quantity):
            removal = Removal(product_id=product_id, round=revision, left=quantity)
            fulfilment = replace(fulfilment, removals=(*fulfilment.removals, removal))
    fulfilment = replace(fulfilment, revision=revision, is_stale=False)
    if fulfilment.status != "VALIDATED":  # PENDING, or over as an outcome told before
        return fulfilment
    return replace(fulfilment, status="PENDING", validated_at=None, is_overdue=False)


def _requested(event: PaymentRequested) -> Payment:
    return Payment(
        payment_id=event.payment_id,
        attempt=event.attempt,
        amount=event.amount,
        card_token=event.personal.card_token,
    )


def _wanted_back(event: RefundRequested) -> Refund:
    return Refund(payment_id=event.payment_id, refund_id=event.refund_id, number=event.number, amount=event.amount)


def _refunded(fulfilment: Fulfilment, event: OrderRefunded) -> Fulfilment:
    """All of a cancelled order's money, or a part of a delivered one's: that stays what it is until all is back."""
    if event.refund_id is None:
        return _moved(fulfilment, "REFUNDED")
    refunded = fulfilment.refunded + event.amount.amount
    fulfilment = replace(_returned(fulfilment, event.refund_id, "settled"), refunded=refunded)
    if fulfilment.payment is None or refunded < fulfilment.payment.amount.amount:
        return fulfilment
    return _moved(_at(fulfilment, "settled"), "REFUNDED")


def _returned(fulfilment: Fulfilment, refund_id: str, stage: str) -> Fulfilment:
    """Only onwards: the order's own event may overtake an answer, and the next refund may have begun."""
    refund = fulfilment.refund
    if refund is None or refund.refund_id != refund_id or _RETURNING.index(stage) <= _RETURNING.index(refund.stage):
        return fulfilment
    return replace(fulfilment, refund=replace(refund, stage=stage))


def _accepted(  # noqa: PLR0911 - one row per kind of step
    fulfilment: Fulfilment, answer: Accepted, step: str, product: str = "", of_round: str = ""
) -> Fulfilment:
    match step, answer.events:
        case "reserve", (StockReserved(unit_price=price, product_name=name), *_):
            return _line(fulfilment, product, answer.round, stock="reserved", unit_price=price, product_name=name)
        case "take_back", _:
            return _taken_back(fulfilment, int(product), int(of_round), answer.round)
        case "charge", () if fulfilment.status in UNDONE:  # it was voided instead, before the saga was folded again
            return fulfilment
        case (("charge" | "void"), (PaymentProcessed(), *_)):
            return _at(fulfilment, "captured")
        case (("charge" | "void"), (PaymentFailed(code=code, reason=reason), *_)):
            return _at(fulfilment, "declined", code=code, reason=reason)
        case "confirm", _:
            return replace(_moved(_at(fulfilment, "told"), "PAID"), was_paid=True)
        case _ if stock := _STOCK_AFTER.get(step):
            return _line(fulfilment, product, answer.round, stock=stock)
        case _ if stage := _REFUND_AFTER.get(step):
            return _returned(fulfilment, product, stage)
        case _ if stage := _STAGE_AFTER.get(step):
            return _at(fulfilment, stage)
        case _ if status := _ORDER_AFTER.get(step):  # the order's own event says the same, a little later
            return _moved(fulfilment, status)
    return replace(fulfilment, trouble=f"{answer.step} was accepted without saying what came of it")


def _refused(  # noqa: PLR0911 - one row per kind of refusal
    fulfilment: Fulfilment, refused: Refused
) -> Fulfilment:
    step = refused.step.partition("/")[0]
    match step, refused.code:
        case "reserve", _:
            return replace(fulfilment, rejection=(refused.code, refused.detail))
        case "initiate", code:
            return _at(fulfilment, "declined", code=code, reason=refused.detail)
        case "validate", "items_changed":
            return replace(fulfilment, is_stale=refused.round == fulfilment.revision)
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


def _line(fulfilment: Fulfilment, product: str, round_: int, **change: Any) -> Fulfilment:
    its = (int(product), round_)
    lines = tuple(
        replace(line, **change) if (line.product_id, line.round) == its else line for line in fulfilment.lines
    )
    return replace(fulfilment, lines=lines)


def _taken_back(fulfilment: Fulfilment, product_id: int, of_round: int, round_: int) -> Fulfilment:
    """So many of the line's pieces went back as the removal of this round had left."""
    removal = next(r for r in fulfilment.removals if (r.product_id, r.round) == (product_id, round_))
    line = next(line for line in fulfilment.lines if (line.product_id, line.round) == (product_id, of_round))
    pieces = min(removal.left, line.quantity)
    left = replace(removal, left=removal.left - pieces)
    removals = tuple(left if each is removal else each for each in fulfilment.removals)
    rest = {"quantity": line.quantity - pieces, "stock": "reserved" if line.quantity > pieces else "released"}
    return _line(replace(fulfilment, removals=removals), str(product_id), of_round, **rest)


def _at(fulfilment: Fulfilment, stage: str, **change: Any) -> Fulfilment:
    payment = fulfilment.payment and replace(fulfilment.payment, stage=stage, **change)
    return replace(fulfilment, payment=payment)
