"""Every fact there is, and the name under which each is stored for ever."""

from common.events.inventory import (
    InventoryEvent,
    InventoryUpdated,
    LowStockDetected,
    StockCommitted,
    StockReleased,
    StockReserved,
)
from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderDeleted,
    OrderDelivered,
    OrderEvent,
    OrderImported,
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
    ShippingAddressUpdated,
)
from common.events.payments import (
    PaymentEvent,
    PaymentFailed,
    PaymentInitiated,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRefundInitiated,
)
from common.events.sagas import CommandRefused, SagaEvent

Event = OrderEvent | PaymentEvent | InventoryEvent | SagaEvent

EVENT_TYPES: dict[str, type[Event]] = {
    "OrderInitiated": OrderInitiated,
    "OrderValidated": OrderValidated,
    "OrderRejected": OrderRejected,
    "PaymentRequested": PaymentRequested,
    "OrderPaid": OrderPaid,
    "OrderPaymentFailed": OrderPaymentFailed,
    "OrderShipped": OrderShipped,
    "OrderDelivered": OrderDelivered,
    "OrderCompleted": OrderCompleted,
    "OrderCancelled": OrderCancelled,
    "RefundRequested": RefundRequested,
    "OrderRefunded": OrderRefunded,
    "OrderItemAdded": OrderItemAdded,
    "OrderItemRemoved": OrderItemRemoved,
    "OrderDeleted": OrderDeleted,
    "ShippingAddressUpdated": ShippingAddressUpdated,
    "OrderImported": OrderImported,
    "PaymentInitiated": PaymentInitiated,
    "PaymentProcessed": PaymentProcessed,
    "PaymentFailed": PaymentFailed,
    "PaymentRefundInitiated": PaymentRefundInitiated,
    "PaymentRefunded": PaymentRefunded,
    "InventoryUpdated": InventoryUpdated,
    "LowStockDetected": LowStockDetected,
    "StockReserved": StockReserved,
    "StockReleased": StockReleased,
    "StockCommitted": StockCommitted,
    "CommandRefused": CommandRefused,
}
