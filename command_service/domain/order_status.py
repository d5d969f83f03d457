"""How an order stands, and how that stands in the way of a command."""

from enum import StrEnum

from command_service.domain.decider import Context
from common.errors import CommandRejected


class OrderStatus(StrEnum):
    PENDING = "PENDING"
    VALIDATED = "VALIDATED"
    PAID = "PAID"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


PAID = frozenset({OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.COMPLETED})
OVER = {
    OrderStatus.SHIPPED: "order_shipped",
    OrderStatus.DELIVERED: "order_shipped",
    OrderStatus.COMPLETED: "order_completed",
    OrderStatus.REJECTED: "order_rejected",
    OrderStatus.CANCELLED: "order_cancelled",
    OrderStatus.REFUNDED: "order_cancelled",
}
"""How a command is refused that comes too late; one that comes too early names what it waits for."""


def refusal(status: OrderStatus, context: Context, *, otherwise: str = "order_not_pending") -> CommandRejected:
    """Name what stands in the way: how the order ended or left, or `otherwise` while it is on its way."""
    return CommandRejected(OVER.get(status, otherwise), f"Order {context.subject} is {status}; this cannot be done.")
