"""Every fact there is, and the name under which each is stored for ever."""

from common.events.inventory import InventoryEvent, InventoryUpdated, LowStockDetected
from common.events.orders import OrderCancelled, OrderEvent, OrderImported, OrderInitiated

Event = OrderEvent | InventoryEvent

EVENT_TYPES: dict[str, type[Event]] = {
    "OrderInitiated": OrderInitiated,
    "OrderCancelled": OrderCancelled,
    "OrderImported": OrderImported,
    "InventoryUpdated": InventoryUpdated,
    "LowStockDetected": LowStockDetected,
}
