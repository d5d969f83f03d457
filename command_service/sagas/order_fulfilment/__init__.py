"""From a placed order to one that is paid and shipped, or to one of which nothing is left (DESIGN 4, PROTOCOL S)."""

from datetime import datetime

from command_service.sagas.order_fulfilment.plan import NAME, plan
from command_service.sagas.order_fulfilment.state import react
from command_service.sagas.order_fulfilment.values import UNDONE, Fulfilment
from command_service.sagas.shapes import Saga, Want


def order_fulfilment(*, payment_seconds: float) -> Saga[Fulfilment]:
    """The rules; a validated order waits `payment_seconds` for its money."""
    return Saga(
        name=NAME,
        context="order",
        begins_with="OrderInitiated",  # an imported order is over when it comes
        id_prefix="",
        state=Fulfilment,
        initial=lambda order_id: Fulfilment(order_id=order_id, payment_seconds=payment_seconds),
        react=react,
        plan=_wanted,
        waits_until=_waits_until,
        waits_for=_waits_for,
        is_over=_is_over,
        trouble=lambda fulfilment: fulfilment.trouble,
    )


def _wanted(fulfilment: Fulfilment) -> tuple[Want, ...]:
    """One want at a time."""
    want = plan(fulfilment)
    return (want,) if want else ()


def _waits_until(fulfilment: Fulfilment) -> datetime | None:
    is_waiting = fulfilment.status == "VALIDATED" and not fulfilment.is_overdue
    return fulfilment.due_at if is_waiting else None


def _waits_for(fulfilment: Fulfilment) -> str | None:
    """What must come from outside, in a word."""
    return {"VALIDATED": "payment", "PAID": "shipment", "SHIPPED": "delivery", "DELIVERED": "completion"}.get(
        fulfilment.status
    )


def _is_over(fulfilment: Fulfilment) -> bool:
    has_ended = fulfilment.status in UNDONE or fulfilment.status == "COMPLETED"
    return has_ended and not fulfilment.trouble and plan(fulfilment) is None
