"""An order and a stock as they stood at a position: each is folded of its own stream."""

from typing import Any

from aiohttp import web

from common.access.routes import actor_of
from common.errors import Unavailable
from common.log_history import commits_of
from common.read_models.folding import Doc, applied
from common.read_models.inventory import INVENTORY
from common.read_models.orders import ORDERS
from common.read_models.shapes import ReadModel
from query_service.answers import Answer, order_id_of, product_id_of
from query_service.documents import not_found
from query_service.past.asking import Past
from query_service.queries.inventory import show_stock
from query_service.queries.orders import show_order


async def one_order(http: web.Request, past: Past) -> Answer:
    """To those who may not see it there is no such order."""
    order_id, actor = order_id_of(http), actor_of(http)
    doc = await _doc_of(past, ORDERS, order_id)
    if (doc.view is None and not doc.parked) or actor.is_kept_from(doc.view and doc.view.user_id):
        raise not_found("order", order_id)
    return Answer(show_order(_shown(doc, "order")), is_parked=doc.parked is not None)


async def one_product(http: web.Request, past: Past) -> Answer:
    """Without the orders that waited for it: no stream of the product tells of them."""
    product_id = product_id_of(http)
    doc = await _doc_of(past, INVENTORY, product_id)
    if doc.view is None and not doc.parked:
        raise not_found("product", product_id)
    return Answer(show_stock(_shown(doc, "product")), is_parked=doc.parked is not None)


async def _doc_of(past: Past, model: ReadModel[Any], key: str | int) -> Doc:
    doc, skips = Doc(partition=0), await past.skips()
    async for page in commits_of(past.events, [f"{model.context}-{key}"], past.position):
        for commit in page:
            doc = applied(model, doc, commit, skips)
    return doc


def _shown(doc: Doc, named: str) -> dict[str, Any]:
    """As it is stored; Unavailable where it was parked before there was anything to show."""
    if doc.fields is None:
        raise Unavailable(f"This {named} cannot be shown until its view is repaired.", code="view_parked")
    return doc.fields | {"version": doc.version}
