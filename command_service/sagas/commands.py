"""What a want is called, and the command it becomes."""

from collections.abc import Mapping
from typing import Any

from command_service.domain.attributes import ATTRIBUTES, CreateAttributes, RollbackAttributes
from command_service.domain.decider import Decider
from command_service.domain.inventory import INVENTORY
from command_service.domain.inventory_commands import (
    AttachInventoryMedia,
    CommitStock,
    CreateInventory,
    ReleaseStock,
    RemoveInventoryMedia,
    ReserveStock,
    RollbackInventory,
    UpdateInventory,
)
from command_service.domain.media import MEDIA, CreateMedia, RollbackMedia
from command_service.domain.order_commands import (
    CancelOrder,
    ConfirmPayment,
    ConfirmRefund,
    FailPayment,
    RejectOrder,
    ValidateOrder,
)
from command_service.domain.orders import ORDERS
from command_service.domain.payments import (
    PAYMENTS,
    ProcessPayment,
    RecordPaymentResult,
    RecordRefundResult,
    RefundPayment,
)
from command_service.domain.products import PRODUCTS, ActivateProduct, RollbackProduct
from command_service.domain.sagas import SAGAS, RecordRefusal
from common.values import Message

COMMANDS: Mapping[str, tuple[type[Message], Decider[Any, Any, Any]]] = {
    "ReserveStock": (ReserveStock, INVENTORY),
    "ReleaseStock": (ReleaseStock, INVENTORY),
    "CommitStock": (CommitStock, INVENTORY),
    "ValidateOrder": (ValidateOrder, ORDERS),
    "RejectOrder": (RejectOrder, ORDERS),
    "CancelOrder": (CancelOrder, ORDERS),
    "ConfirmPayment": (ConfirmPayment, ORDERS),
    "FailPayment": (FailPayment, ORDERS),
    "ConfirmRefund": (ConfirmRefund, ORDERS),
    "ProcessPayment": (ProcessPayment, PAYMENTS),
    "RefundPayment": (RefundPayment, PAYMENTS),
    "Charge": (RecordPaymentResult, PAYMENTS),
    "Void": (RecordPaymentResult, PAYMENTS),
    "PayBack": (RecordRefundResult, PAYMENTS),
    "CreateInventory": (CreateInventory, INVENTORY),
    "UpdateInventory": (UpdateInventory, INVENTORY),
    "RollbackInventory": (RollbackInventory, INVENTORY),
    "AttachInventoryMedia": (AttachInventoryMedia, INVENTORY),
    "RemoveInventoryMedia": (RemoveInventoryMedia, INVENTORY),
    "CreateMedia": (CreateMedia, MEDIA),
    "RollbackMedia": (RollbackMedia, MEDIA),
    "CreateAttributes": (CreateAttributes, ATTRIBUTES),
    "RollbackAttributes": (RollbackAttributes, ATTRIBUTES),
    "ActivateProduct": (ActivateProduct, PRODUCTS),
    "RollbackProduct": (RollbackProduct, PRODUCTS),
    "RecordRefusal": (RecordRefusal, SAGAS),
}
"""The payment provider makes the bodies of `Charge`, `Void` and `PayBack`."""
