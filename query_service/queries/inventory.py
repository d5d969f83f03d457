"""The stock of one product, and of all."""

import asyncio
from typing import Any

from aiohttp import web

from common.access.actors import Actor
from common.access.routes import actor_of
from common.paging import invalid_cursor, page, read_cursor, read_limit, write_cursor
from common.read_models.inventory import INVENTORY, PRODUCT_DEMAND, InventoryView
from common.read_models.order_indexes import BY_PRODUCT
from common.read_models.order_shapes import AWAITING_STOCK
from common.read_models.orders import ORDERS
from common.read_models.storage import SUMS, all_of, to_view
from query_service.answers import Answer, product_id_of
from query_service.documents import answer_with, read_document
from query_service.money import show
from query_service.shown.stock import PendingOrder, Stock
from query_service.views import Views

SHOWN_PENDING_ORDERS = 100  # the newest; their number stands beside them
LISTED_PENDING_ORDERS = 10  # the same in a list of products


async def one_product(http: web.Request, views: Views) -> Answer:
    document = await read_document(views, INVENTORY.collection, product_id_of(http), named="product")
    return answer_with(await _show(views, document, actor_of(http), SHOWN_PENDING_ORDERS), document)


async def all_products(http: web.Request, views: Views) -> Answer:
    """In the order of their ids."""
    limit = read_limit(http.query)
    (after,) = read_cursor(http.query, (int,)) or [0]
    if not 0 <= after < 2**53:
        raise invalid_cursor()
    query = views[INVENTORY.collection].find({"_id": {"$gt": after}, "version": {"$gt": 0}}, sort=[("_id", 1)])
    documents = await query.limit(limit + 1).to_list()
    actor = actor_of(http)
    shown = await asyncio.gather(*(_show(views, each, actor, LISTED_PENDING_ORDERS) for each in documents[:limit]))
    next_cursor = write_cursor([documents[limit - 1]["_id"]]) if len(documents) > limit else None
    return Answer(page(list(shown), next_cursor))


async def _show(views: Views, document: dict[str, Any], actor: Actor, limit_orders: int) -> Stock:
    """How many wait everybody may know; which orders they are, who may see everybody's."""
    stock = show_stock(document)
    product_id = stock["product_id"]
    waiting = await views[SUMS].find(all_of(PRODUCT_DEMAND, product_id)).to_list()
    stock["pending_orders_count"] = sum(demand.get("pending_orders", 0) for demand in waiting)
    stock["pending_orders"] = [] if actor.sees_only_own else await _pending_orders(views, product_id, limit_orders)
    return stock


def show_stock(document: dict[str, Any]) -> Stock:
    """The stock itself, without who waits for it."""
    inventory = to_view(InventoryView, document)
    return {
        "product_id": inventory.product_id,
        "product_name": inventory.product_name,
        "sku": inventory.sku,
        "status": inventory.status,
        "available_quantity": inventory.available_quantity,
        "reserved_quantity": inventory.reserved_quantity,
        "total_quantity": inventory.total_quantity,
        "sold_quantity": inventory.sold_quantity,
        "low_stock_threshold": inventory.low_stock_threshold,
        "low_stock_alert": inventory.low_stock_alert,
        "unit_price": show(inventory.unit_price),
        "media_count": inventory.media_count,
        "updated_at": inventory.updated_at,
        "version": document["version"],
    }


async def _pending_orders(views: Views, product_id: int, limit_orders: int) -> list[PendingOrder]:
    wanted = {"items.product_id": product_id, "status": {"$in": list(AWAITING_STOCK)}, "is_deleted": False}
    fields, hint = {"items": 1, "status": 1, "placed_at": 1}, list(BY_PRODUCT.fields)
    newest = [("placed_at", -1), ("_id", 1)]
    query = views[ORDERS.collection].find(wanted, fields, sort=newest, limit=limit_orders, hint=hint)
    return [
        {
            "order_id": order["_id"],
            "quantity": sum(line["quantity"] for line in order["items"] if line["product_id"] == product_id),
            "status": order["status"],
            "placed_at": order["placed_at"],
        }
        async for order in query
    ]
