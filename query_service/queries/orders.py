"""One order, by its id or its number, and how people see it."""

from typing import Any

from aiohttp import web
from msgspec.structs import asdict

from common.access.routes import actor_of
from common.errors import BadRequest
from common.read_models.order_indexes import BY_NUMBER
from common.read_models.order_shapes import AddressView, OrderLineView, OrderView, RefundView, ShipmentView
from common.read_models.orders import ORDERS
from common.read_models.storage import to_view
from query_service.answers import Answer, order_id_of
from query_service.documents import answer_with, not_found, read_document
from query_service.money import number, show
from query_service.queries.order_filters import order_number_in
from query_service.shown.orders import Order, OrderedItem, PaymentInfo, Refund, Shipment
from query_service.views import Views


async def one_order(http: web.Request, views: Views) -> Answer:
    order_id = order_id_of(http)
    return await _answer(http, views, order_id, asked=order_id)


async def order_by_number(http: web.Request, views: Views) -> Answer:
    number = order_number_in(http.match_info["order_number"])
    if number is None:
        raise BadRequest("invalid_id", "An order's number is like ORD-2026-1207.")
    found = await views[ORDERS.collection].find_one({"order_number": number}, {"_id": 1}, hint=list(BY_NUMBER.fields))
    if found is None:
        raise not_found("order", number)
    return await _answer(http, views, found["_id"], asked=number)


async def _answer(http: web.Request, views: Views, order_id: str, *, asked: str) -> Answer:
    """To those who may not see it there is no such order."""
    actor = actor_of(http)
    document = await read_document(
        views,
        ORDERS.collection,
        order_id,
        named="order",
        asked=asked,
        is_hidden=lambda order: actor.is_kept_from(order.get("user_id")),
    )
    return answer_with(lambda: show_order(document), document)


def show_order(document: dict[str, Any]) -> Order:
    order = to_view(OrderView, document)
    return {
        "order_id": order.order_id,
        "order_number": order.order_number,
        "user_id": order.user_id,
        "user_email": order.user_email,
        "user_username": order.user_username,
        "customer_name": order.customer_name,
        "shipping_address": order.shipping_address and _show_address(order.shipping_address),
        "notes": order.notes,
        "status": order.status,
        "is_deleted": order.is_deleted,
        "total_amount": order.total and number(order.total.amount, order.total.currency),
        "total": show(order.total),
        "refunded": show(order.refunded),
        "items": [_show_line(line) for line in order.items],
        "items_count": order.item_count,
        "payment_info": _show_payment(order),
        "refund": order.refund and _show_refund(order.refund),
        "shipment": order.shipment and _show_shipment(order.shipment),
        "reject_code": order.reject_code,
        "reject_reason": order.reject_reason,
        "cancel_code": order.cancel_code,
        "cancel_reason": order.cancel_reason,
        "timeline": [{"event": entry.event, "timestamp": entry.timestamp} for entry in order.timeline],
        "placed_at": order.placed_at,
        "created_at": order.placed_at,
        "updated_at": order.updated_at,
        "version": document["version"],
    }


def _show_payment(order: OrderView) -> PaymentInfo | None:
    """The latest payment; an order paid elsewhere has what was captured and no more."""
    payment = order.payment
    if payment is None:
        return order.captured and {"status": "CAPTURED", "captured": show(order.captured)}
    return {
        "payment_id": payment.payment_id,
        "status": payment.status,
        "method": payment.method,
        "amount": show(payment.amount),
        "captured": show(order.captured),
        "code": payment.code,
        "reason": payment.reason,
    }


def _show_refund(refund: RefundView) -> Refund:
    return {
        "refund_id": refund.refund_id,
        "status": refund.status,
        "amount": show(refund.amount),
        "reason": refund.reason,
    }


def _show_shipment(shipment: ShipmentView) -> Shipment:
    return {
        "carrier": shipment.carrier,
        "tracking_number": shipment.tracking_number,
        "tracking_url": shipment.tracking_url,
    }


def _show_address(address: AddressView) -> Any:
    """A PostalAddress: what is not there is left out."""
    return {name: value for name, value in asdict(address).items() if value is not None}


def _show_line(line: OrderLineView) -> OrderedItem:
    return {
        "product_id": line.product_id,
        "product_name": line.product_name,
        "quantity": line.quantity,
        "unit_price": show(line.unit_price),
    }
