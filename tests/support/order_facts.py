"""The facts of one order, in the words of the tests."""

from uuid import UUID, uuid5

from common.events.orders import (
    OrderCancelled,
    OrderDelivered,
    OrderEvent,
    OrderInitiated,
    OrderLine,
    OrderPaid,
    OrderPaymentFailed,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
    PaymentRequested,
    PricedLine,
)
from common.values import CardPersonal, Money
from tests.support.rules import SUBJECT

TOTAL = Money(amount=9998, currency="EUR")
PRICED = PricedLine(product_id=456, quantity=2, unit_price=Money(amount=4999, currency="EUR"))
FIRST, SECOND = (str(uuid5(UUID(SUBJECT), f"payment/{attempt}")) for attempt in (1, 2))

INITIATED = OrderInitiated(order_id=SUBJECT, user_id=123, items=(OrderLine(product_id=456, quantity=2),))
VALIDATED = OrderValidated(order_id=SUBJECT, items=(PRICED,))
REJECTED = OrderRejected(order_id=SUBJECT, code="insufficient_stock", reason="Too few.")
REQUESTED = PaymentRequested(
    order_id=SUBJECT,
    payment_id=FIRST,
    attempt=1,
    amount=TOTAL,
    method="card",
    personal=CardPersonal(card_token="tok_approve"),
)
FAILED = OrderPaymentFailed(order_id=SUBJECT, payment_id=FIRST, code="insufficient_funds", reason="Declined.")
PAID = OrderPaid(order_id=SUBJECT, payment_id=FIRST, amount=TOTAL)
SHIPPED = OrderShipped(order_id=SUBJECT, carrier="DHL", tracking_number="JD0146")
DELIVERED = OrderDelivered(order_id=SUBJECT)
CANCELLED = OrderCancelled(order_id=SUBJECT, code="requested")
REFUNDED = OrderRefunded(order_id=SUBJECT, payment_id=FIRST, amount=TOTAL)

Facts = tuple[OrderEvent, ...]
A_PENDING_ORDER: Facts = (INITIATED,)
A_REJECTED_ORDER: Facts = (INITIATED, REJECTED)
A_VALIDATED_ORDER: Facts = (INITIATED, VALIDATED)
AN_ORDER_BEING_PAID: Facts = (*A_VALIDATED_ORDER, REQUESTED)
A_PAID_ORDER: Facts = (*AN_ORDER_BEING_PAID, PAID)
A_SHIPPED_ORDER: Facts = (*A_PAID_ORDER, SHIPPED)
A_DELIVERED_ORDER: Facts = (*A_SHIPPED_ORDER, DELIVERED)
A_CANCELLED_ORDER: Facts = (*A_PAID_ORDER, CANCELLED)
A_REFUNDED_ORDER: Facts = (*A_CANCELLED_ORDER, REFUNDED)
