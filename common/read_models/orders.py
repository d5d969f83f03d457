"""How events make an order as people look at it."""

from datetime import datetime
from typing import Any, assert_never

from msgspec.structs import replace

from common.events import Event
from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderDeleted,
    OrderDelivered,
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
from common.postal import Address
from common.read_models.inventory import PRODUCT_DEMAND
from common.read_models.order_indexes import ORDER_INDEXES
from common.read_models.order_shapes import (
    AWAITING_STOCK,
    AddressView,
    OrderLineView,
    OrderView,
    PaymentView,
    RefundView,
    ShipmentView,
    TimelineEntry,
)
from common.read_models.order_statistics import CANCELLATIONS, DAYS
from common.read_models.order_sums import contribute, quantities
from common.read_models.shapes import ReadModel, Told
from common.read_models.users import USER_PRODUCTS, USERS
from common.read_models.words import words_of
from common.values import Money


def project(order: OrderView | None, event: Event, told: Told) -> OrderView:
    match event:
        case OrderInitiated():
            return _initiated(event, told)
        case OrderImported():
            return _imported(event, told)
        case _ if order is None:
            raise ValueError(f"{type(event).__name__} comes before the order")
        case OrderItemAdded() | OrderItemRemoved() | ShippingAddressUpdated() | OrderDeleted():
            return _amended(order, event, told)
        case PaymentRequested() | OrderPaid() | OrderPaymentFailed():
            return _paying(order, event, told)
        case RefundRequested() | OrderRefunded():
            return _returning(order, event, told)
    return _moved(order, event, told)


def _initiated(event: OrderInitiated, told: Told) -> OrderView:
    order = OrderView(
        order_id=event.order_id,
        order_number=_number(told, told.recorded_at),
        user_id=event.user_id,
        user_email=event.personal.email,
        user_username=event.personal.username,
        customer_name=event.personal.name,
        shipping_address=_address(event.personal.shipping_address),
        notes=event.personal.notes,
        status="PENDING",
        is_deleted=False,
        items=tuple(OrderLineView(product_id=line.product_id, quantity=line.quantity) for line in event.items),
        item_count=sum(line.quantity for line in event.items),
        total=None,
        captured=None,
        is_pending=True,
        placed_at=told.recorded_at,
        updated_at=told.recorded_at,
        timeline=(_entry(told),),
    )
    return _findable(order)


def _findable(order: OrderView) -> OrderView:
    """With the words of the customer, the products and the parcel; its number is looked up as it is."""
    names = (line.product_name for line in order.items)
    tracking = order.shipment and order.shipment.tracking_number
    words = words_of(order.customer_name, order.user_username, order.user_email, tracking, *names)
    return order if words == order.words else replace(order, words=words)


def _imported(event: OrderImported, told: Told) -> OrderView:
    return OrderView(
        order_id=event.order_id,
        order_number=_number(told, event.placed_at),
        user_id=event.user_id,
        status="COMPLETED",
        is_deleted=False,
        items=tuple(OrderLineView(product_id=line.product_id, quantity=line.quantity) for line in event.items),
        item_count=event.item_count,
        total=event.paid,
        captured=event.paid,
        is_pending=False,
        placed_at=event.placed_at,
        updated_at=told.recorded_at,
        timeline=(_entry(told),),
    )


def _address(address: Address | None) -> AddressView | None:
    return None if address is None else AddressView(**address.model_dump())


def _amended(
    order: OrderView, event: OrderItemAdded | OrderItemRemoved | ShippingAddressUpdated | OrderDeleted, told: Told
) -> OrderView:
    match event:
        case OrderItemAdded():
            return _with_items(order, event.product_id, event.quantity, told)
        case OrderItemRemoved():
            return _with_items(order, event.product_id, -event.quantity, told)
        case ShippingAddressUpdated():
            address = _address(event.personal.shipping_address)
            return _entered(order, order.status, told, shipping_address=address)
        case OrderDeleted():
            return _entered(order, order.status, told, is_deleted=True)
    assert_never(event)


def _with_items(order: OrderView, product_id: int, more: int, told: Told) -> OrderView:
    """Prices and total come again when the order is validated again."""
    pieces = quantities(order)
    pieces[product_id] = pieces.get(product_id, 0) + more
    items = tuple(
        OrderLineView(product_id=product, quantity=quantity) for product, quantity in pieces.items() if quantity
    )
    item_count = order.item_count + more
    return _findable(_entered(order, "PENDING", told, items=items, item_count=item_count, total=None))


def _paying(order: OrderView, event: PaymentRequested | OrderPaid | OrderPaymentFailed, told: Told) -> OrderView:
    match event:
        case PaymentRequested():
            payment = PaymentView(
                payment_id=event.payment_id, status="REQUESTED", amount=event.amount, method=event.method
            )
            return _entered(order, order.status, told, payment=payment)
        case OrderPaymentFailed():
            payment = order.payment and replace(order.payment, status="FAILED", code=event.code, reason=event.reason)
            return _entered(order, order.status, told, payment=payment)
        case OrderPaid():
            method = order.payment.method if order.payment else "card"
            payment = PaymentView(payment_id=event.payment_id, status="CAPTURED", amount=event.amount, method=method)
            return _entered(order, "PAID", told, payment=payment, captured=event.amount)
    assert_never(event)


def _returning(order: OrderView, event: RefundRequested | OrderRefunded, told: Told) -> OrderView:
    """An order of which all went back is REFUNDED; of which some did, it stays what it is."""
    if isinstance(event, RefundRequested):
        refund = RefundView(refund_id=event.refund_id, status="REQUESTED", amount=event.amount, reason=event.reason)
        return _entered(order, order.status, told, refund=refund)
    captured = _left(order, event.amount)
    return _entered(
        order,
        order.status if captured else "REFUNDED",
        told,
        captured=captured,
        refunded=_added(order.refunded, event.amount),
        refund=order.refund and replace(order.refund, status="REFUNDED"),
        payment=order.payment if captured else order.payment and replace(order.payment, status="REFUNDED"),
    )


def _left(order: OrderView, refunded: Money) -> Money | None:
    amount = 0 if order.captured is None else order.captured.amount - refunded.amount
    return Money(amount=amount, currency=refunded.currency) if amount > 0 else None


def _added(before: Money | None, more: Money) -> Money:
    return Money(amount=more.amount + (before.amount if before else 0), currency=more.currency)


def _moved(order: OrderView, event: Event, told: Told) -> OrderView:
    match event:
        case OrderValidated():
            return _validated(order, event, told)
        case OrderRejected():
            return _entered(order, "REJECTED", told, reject_code=event.code, reject_reason=event.reason)
        case OrderShipped():
            return _shipped(order, event, told)
        case OrderDelivered():
            return _entered(order, "DELIVERED", told)
        case OrderCompleted():
            return _entered(order, "COMPLETED", told)
        case OrderCancelled():
            return _entered(order, "CANCELLED", told, cancel_code=event.code, cancel_reason=event.reason)
    raise ValueError(f"{type(event).__name__} says nothing about an order")


def _validated(order: OrderView, event: OrderValidated, told: Told) -> OrderView:
    items = tuple(
        OrderLineView(
            product_id=line.product_id,
            quantity=line.quantity,
            unit_price=line.unit_price,
            product_name=line.product_name,
        )
        for line in event.items
    )
    amount = sum(line.unit_price.amount * line.quantity for line in event.items)
    total = Money(amount=amount, currency=event.items[0].unit_price.currency)
    return _findable(_entered(order, "VALIDATED", told, items=items, total=total))


def _shipped(order: OrderView, event: OrderShipped, told: Told) -> OrderView:
    shipment = ShipmentView(
        carrier=event.carrier, tracking_number=event.tracking_number, tracking_url=event.tracking_url
    )
    return _findable(_entered(order, "SHIPPED", told, shipment=shipment))


def _entered(order: OrderView, status: str, told: Told, **changes: Any) -> OrderView:
    """The order in this status, with the event in its timeline, and what else it changes: copied once, not twice."""
    return replace(
        order,
        status=status,
        is_pending=status in AWAITING_STOCK,
        updated_at=told.recorded_at,
        timeline=(*order.timeline, _entry(told)),
        **changes,
    )


def _number(told: Told, placed_at: datetime) -> str:
    return f"ORD-{placed_at.year}-{told.position}"


def _entry(told: Told) -> TimelineEntry:
    return TimelineEntry(event=told.event_type, timestamp=told.recorded_at)


ORDERS = ReadModel(
    collection="orders",
    context="order",
    key=str,
    view=OrderView,
    project=project,
    contribute=contribute,
    summaries=(USERS, USER_PRODUCTS, DAYS, CANCELLATIONS, PRODUCT_DEMAND),
    indexes=ORDER_INDEXES,
    rules=2,  # of old: without cancel_code
)
