"""Setting an order's status does what the command of that step does; deleting takes an order out of sight."""

from typing import Any

import pytest
from pydantic import ValidationError

from command_service.domain.order_commands import DeleteOrder, UpdateOrderStatus
from command_service.domain.order_status import OrderStatus
from command_service.domain.orders import ORDERS
from common.events.orders import OrderCancelled, OrderCompleted, OrderDeleted, OrderEvent
from tests.support.order_facts import (
    A_CANCELLED_ORDER,
    A_DELIVERED_ORDER,
    A_PAID_ORDER,
    A_PENDING_ORDER,
    A_REFUNDED_ORDER,
    A_REJECTED_ORDER,
    A_SHIPPED_ORDER,
    A_VALIDATED_ORDER,
    DELIVERED,
    SHIPPED,
    Facts,
)
from tests.support.rules import SUBJECT, given

PARCEL = {"carrier": "DHL", "tracking_number": "JD0146"}
COMPLETED = OrderCompleted(order_id=SUBJECT)
A_COMPLETED_ORDER: Facts = (*A_DELIVERED_ORDER, COMPLETED)
DELETED = OrderDeleted(order_id=SUBJECT, reason="a test order")
DELETE = DeleteOrder(reason="a test order")


def to(status: str, **more: Any) -> UpdateOrderStatus:
    return UpdateOrderStatus(status=OrderStatus(status), **more)


@pytest.mark.parametrize(
    ("facts", "command", "fact"),
    [
        (A_PAID_ORDER, to("SHIPPED", **PARCEL), SHIPPED),
        (A_SHIPPED_ORDER, to("DELIVERED"), DELIVERED),
        (A_DELIVERED_ORDER, to("COMPLETED"), COMPLETED),
        (
            A_PENDING_ORDER,
            to("CANCELLED", reason="too slow"),
            OrderCancelled(order_id=SUBJECT, code="requested", reason="too slow"),
        ),
    ],
)
def test_a_status_is_reached_by_its_step(facts: Facts, command: UpdateOrderStatus, fact: OrderEvent) -> None:
    given(ORDERS, *facts).when(command).then(fact)


@pytest.mark.parametrize(
    ("facts", "command", "code"),
    [
        (A_VALIDATED_ORDER, to("SHIPPED", **PARCEL), "order_not_paid"),
        (A_PAID_ORDER, to("DELIVERED"), "order_not_shipped"),
        (A_SHIPPED_ORDER, to("COMPLETED"), "order_not_delivered"),
        (A_SHIPPED_ORDER, to("CANCELLED"), "order_shipped"),
        ((), to("DELIVERED"), "unknown_order"),
    ],
)
def test_no_step_is_left_out(facts: Facts, command: UpdateOrderStatus, code: str) -> None:
    given(ORDERS, *facts).when(command).rejects(code)


@pytest.mark.parametrize("status", ["PENDING", "VALIDATED", "PAID", "REJECTED", "REFUNDED"])
def test_what_happens_to_an_order_is_never_set(status: str) -> None:
    given(ORDERS, *A_VALIDATED_ORDER).when(to(status)).rejects("status_not_settable")


@pytest.mark.parametrize(
    ("facts", "command"),
    [
        (A_SHIPPED_ORDER, to("SHIPPED", **PARCEL)),
        (A_DELIVERED_ORDER, to("DELIVERED")),
        (A_COMPLETED_ORDER, to("COMPLETED")),
        (A_CANCELLED_ORDER, to("CANCELLED")),
    ],
)
def test_a_status_that_is_reached_is_reached(facts: Facts, command: UpdateOrderStatus) -> None:
    given(ORDERS, *facts).when(command).stays_quiet()


def test_shipping_names_the_parcel() -> None:
    with pytest.raises(ValidationError):
        to("SHIPPED", carrier="DHL")


@pytest.mark.parametrize("facts", [A_COMPLETED_ORDER, A_REJECTED_ORDER, A_CANCELLED_ORDER, A_REFUNDED_ORDER])
def test_an_order_that_is_over_can_be_deleted(facts: Facts) -> None:
    given(ORDERS, *facts).when(DELETE).then(DELETED)


@pytest.mark.parametrize(
    "facts", [A_PENDING_ORDER, A_VALIDATED_ORDER, A_PAID_ORDER, A_SHIPPED_ORDER, A_DELIVERED_ORDER]
)
def test_an_order_on_its_way_cannot_be_deleted(facts: Facts) -> None:
    given(ORDERS, *facts).when(DELETE).rejects("order_not_over")


def test_a_deleted_order_is_deleted() -> None:
    given(ORDERS, *A_COMPLETED_ORDER, DELETED).when(DELETE).stays_quiet()
