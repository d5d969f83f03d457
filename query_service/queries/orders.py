"""One order, and a user's orders."""

from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from msgspec.structs import asdict
from pymongo.asynchronous.database import AsyncDatabase

from common.read_models.order_shapes import AddressView, OrderLineView, OrderView, RefundView, ShipmentView
from common.read_models.orders import ORDERS
from common.read_models.storage import to_view
from common.values import is_uuid
from query_service.answers import Answer, order_id_of, user_id_of
from query_service.documents import answer_with, read_document
from query_service.money import number, show
from query_service.paging import allow_only, invalid_cursor, page, read_cursor, read_limit, write_cursor


async def one_order(http: web.Request, views: AsyncDatabase) -> Answer:
    allow_only(http.query)
    document = await read_document(views, ORDERS.collection, order_id_of(http), named="order")
    return answer_with(show_order(document), document)


async def orders_of_user(http: web.Request, views: AsyncDatabase) -> Answer:
    """Newest first."""
    allow_only(http.query, "limit", "cursor")
    user_id, limit = user_id_of(http), read_limit(http.query)
    wanted: dict[str, Any] = {"user_id": {"$eq": user_id}}
    if after := read_cursor(http.query, (str, str)):
        placed_at, last_id = _place(after)
        wanted["$or"] = [{"placed_at": {"$lt": placed_at}}, {"placed_at": placed_at, "_id": {"$gt": last_id}}]
    query = views[ORDERS.collection].find(wanted, sort=[("placed_at", -1), ("_id", 1)], limit=limit + 1)
    documents = await query.to_list()
    shown = documents[:limit]
    last = shown[-1] if len(documents) > limit else None
    next_cursor = write_cursor([last["placed_at"].isoformat(), last["_id"]]) if last else None
    return Answer(page([show_order(document) for document in shown], next_cursor))


def show_order(document: dict[str, Any]) -> dict[str, Any]:
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
        "items": [_show_line(line) for line in order.items],
        "items_count": order.item_count,
        "payment_info": _show_payment(order),
        "refunded": show(order.refunded),
        "refund": order.refund and _show_refund(order.refund),
        "shipment": order.shipment and _show_shipment(order.shipment),
        "reject_code": order.reject_code,
        "reject_reason": order.reject_reason,
        "cancel_reason": order.cancel_reason,
        "timeline": [{"event": entry.event, "timestamp": entry.timestamp} for entry in order.timeline],
        "placed_at": order.placed_at,
        "created_at": order.placed_at,
        "updated_at": order.updated_at,
        "version": document["version"],
    }


def _show_payment(order: OrderView) -> dict[str, Any] | None:
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


def _show_refund(refund: RefundView) -> dict[str, Any]:
    return {
        "refund_id": refund.refund_id,
        "status": refund.status,
        "amount": show(refund.amount),
        "reason": refund.reason,
    }


def _show_shipment(shipment: ShipmentView) -> dict[str, Any]:
    return {
        "carrier": shipment.carrier,
        "tracking_number": shipment.tracking_number,
        "tracking_url": shipment.tracking_url,
    }


def _show_address(address: AddressView) -> dict[str, Any]:
    return {name: value for name, value in asdict(address).items() if value is not None}


def _show_line(line: OrderLineView) -> dict[str, Any]:
    return {
        "product_id": line.product_id,
        "product_name": line.product_name,
        "quantity": line.quantity,
        "unit_price": show(line.unit_price),
    }


def _place(cursor: list[str]) -> tuple[datetime, str]:
    """Return what a cursor of ours says, and nothing that only looks like it."""
    text, last_id = cursor
    try:
        placed_at = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid_cursor() from error
    if placed_at.utcoffset() != timedelta(0) or placed_at.isoformat() != text or not is_uuid(last_id):
        raise invalid_cursor()
    return placed_at, last_id
