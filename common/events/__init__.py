"""Every fact there is, and the name under which each is stored for ever."""

from common.events.attributes import AttributesCreated, AttributesEvent, AttributesRolledBack
from common.events.inventory import (
    InventoryCreated,
    InventoryEvent,
    InventoryMediaAttached,
    InventoryMediaRemoved,
    InventoryRolledBack,
    InventoryUpdated,
    LowStockDetected,
    StockCommitted,
    StockReleased,
    StockReserved,
)
from common.events.media import MediaCreated, MediaEvent, MediaRolledBack
from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderEvent,
    OrderImported,
    OrderInitiated,
    OrderPaid,
    OrderPaymentFailed,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
    PaymentRequested,
)
from common.events.payments import (
    PaymentEvent,
    PaymentFailed,
    PaymentInitiated,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRefundInitiated,
)
from common.events.products import (
    PriceChanged,
    ProductActivated,
    ProductCreated,
    ProductEvent,
    ProductRolledBack,
    ProductUpdated,
)
from common.events.sagas import CommandRefused, SagaEvent

Event = OrderEvent | PaymentEvent | InventoryEvent | ProductEvent | MediaEvent | AttributesEvent | SagaEvent

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
    "OrderRefunded": OrderRefunded,
    "OrderImported": OrderImported,
    "PaymentInitiated": PaymentInitiated,
    "PaymentProcessed": PaymentProcessed,
    "PaymentFailed": PaymentFailed,
    "PaymentRefundInitiated": PaymentRefundInitiated,
    "PaymentRefunded": PaymentRefunded,
    "InventoryCreated": InventoryCreated,
    "InventoryUpdated": InventoryUpdated,
    "InventoryRolledBack": InventoryRolledBack,
    "InventoryMediaAttached": InventoryMediaAttached,
    "InventoryMediaRemoved": InventoryMediaRemoved,
    "LowStockDetected": LowStockDetected,
    "StockReserved": StockReserved,
    "StockReleased": StockReleased,
    "StockCommitted": StockCommitted,
    "ProductCreated": ProductCreated,
    "ProductUpdated": ProductUpdated,
    "PriceChanged": PriceChanged,
    "ProductActivated": ProductActivated,
    "ProductRolledBack": ProductRolledBack,
    "MediaCreated": MediaCreated,
    "MediaRolledBack": MediaRolledBack,
    "AttributesCreated": AttributesCreated,
    "AttributesRolledBack": AttributesRolledBack,
    "CommandRefused": CommandRefused,
}
