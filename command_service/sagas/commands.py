"""What a want is called, and the command it becomes."""

from collections.abc import Mapping
from typing import Any

from command_service.domain.decider import Decider
from command_service.domain.order_commands import ConfirmPayment, ConfirmRefund, FailPayment, RejectOrder, ValidateOrder
from command_service.domain.orders import ORDERS
from command_service.domain.payments import (
    PAYMENTS,
    ProcessPayment,
    RecordPaymentResult,
    RecordRefundResult,
    RefundPayment,
)
from command_service.domain.sagas import SAGAS, RecordRefusal
from command_service.routes import ROUTES
from common.values import Message

Row = tuple[type[Message], Decider[Any, Any, Any]]

_OF_CLIENTS: Mapping[str, Row] = {route.command.__name__: (route.command, route.decider) for route in ROUTES}
_OF_SAGAS: Mapping[str, Row] = {
    "ValidateOrder": (ValidateOrder, ORDERS),
    "RejectOrder": (RejectOrder, ORDERS),
    "ConfirmPayment": (ConfirmPayment, ORDERS),
    "FailPayment": (FailPayment, ORDERS),
    "ConfirmRefund": (ConfirmRefund, ORDERS),
    "ProcessPayment": (ProcessPayment, PAYMENTS),
    "RefundPayment": (RefundPayment, PAYMENTS),
    "Charge": (RecordPaymentResult, PAYMENTS),
    "Void": (RecordPaymentResult, PAYMENTS),
    "PayBack": (RecordRefundResult, PAYMENTS),
    "RecordRefusal": (RecordRefusal, SAGAS),
}
"""The payment provider makes the bodies of `Charge`, `Void` and `PayBack`."""

COMMANDS: Mapping[str, Row] = {**_OF_CLIENTS, **_OF_SAGAS}
"""A saga may want what any client may, and what only sagas may."""

COMPENSATIONS = frozenset(
    {"CancelOrder", "RejectOrder", "FailPayment", "Void", "RefundPayment", "PayBack", "ConfirmRefund", "ReleaseStock"}
    | {"RollbackInventory", "RollbackMedia", "RemoveInventoryMedia", "RollbackAttributes", "RollbackProduct"}
)
"""Those that take back what was done before."""
