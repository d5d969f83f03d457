"""One product, its parts, and lists of products."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web
from msgspec import to_builtins
from pydantic import TypeAdapter, ValidationError

from common.contract.operations import Parameter
from common.errors import BadRequest, NotFound
from common.paging import invalid_cursor, page, read_cursor, read_limit, write_cursor
from common.product_values import Category, Sku
from common.read_models.products import PRODUCTS, SHOWN, AttributeView, FileView, ProductView, StockView
from common.read_models.storage import to_view
from common.read_models.words import LONGEST_BEGINNING, asked_words
from common.values import DEFAULT_CURRENCY, MAX_MINOR_UNITS, parse_money
from query_service.answers import Answer, product_id_of
from query_service.documents import WITHOUT_WORDS, answer_with, read_document
from query_service.money import show
from query_service.parameters import AMOUNT, CURRENCY_CODE
from query_service.shown.products import Product, ProductInventory
from query_service.views import Views

Filter = dict[str, Any]
MOST_ASKED_WORDS = 10

_PRICE = ("min_price", "max_price", "currency")
FILTERS = ("category", "sku", "status", *_PRICE, "q")
TOGETHER: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset({"category"}),
    frozenset({"sku"}),
    frozenset({"status"}),
    frozenset({"price"}),
    frozenset({"category", "status"}),
    frozenset({"category", "price"}),
    frozenset({"q"}),
)
"""Which filters an index serves together; `price` is any of _PRICE."""
_EXACT: Mapping[str, TypeAdapter[Any]] = {
    "category": TypeAdapter(Category),
    "sku": TypeAdapter(Sku),
    "status": TypeAdapter(Literal["PENDING", "ACTIVE", "ROLLED_BACK"]),
}
FILTER_PARAMETERS = (
    *(Parameter(name, adapter.json_schema(), f"Products of exactly this {name}.") for name, adapter in _EXACT.items()),
    Parameter("min_price", AMOUNT, "Products that cost this or more."),
    Parameter("max_price", AMOUNT, "Products that cost this or less."),
    Parameter("currency", CURRENCY_CODE, "The currency of the prices."),
    Parameter(
        "q",
        {"type": "string"},
        f"Products with all of these 1 to {MOST_ASKED_WORDS} words; the last may be a beginning.",
    ),
)


@dataclass(frozen=True, slots=True)
class Listing:
    """What the database is asked for a page.

    `order` names the fields by which it is sorted, and cut off; `index` those of the index that must serve it, None
    where it depends on the words which one does.
    """

    wanted: Filter
    order: tuple[str, ...]
    index: tuple[str, ...] | None

    @property
    def sort(self) -> list[tuple[str, int]]:
        return [(field, 1) for field in self.order]

    @property
    def hint(self) -> list[tuple[str, int]] | None:
        return [(field, 1) for field in self.index] if self.index else None

    def place_of(self, document: Mapping[str, Any]) -> list[int]:
        """What a cursor says when this is the last document of a page."""
        return [document["price"]["amount"] if field == "price.amount" else document["_id"] for field in self.order]


async def one_product(http: web.Request, views: Views) -> Answer:
    document = await _read(http, views)
    return answer_with(lambda: show_product(document), document)


async def attributes_of_product(http: web.Request, views: Views) -> Answer:
    document = await _read(http, views)
    return answer_with(lambda: page(_show_all(to_view(ProductView, document).attributes), None), document)


async def media_of_product(http: web.Request, views: Views) -> Answer:
    document = await _read(http, views)
    return answer_with(lambda: page(_show_all(to_view(ProductView, document).media), None), document)


async def inventory_of_product(http: web.Request, views: Views) -> Answer:
    document = await _read(http, views)
    if document.get("inventory") is None:
        product_id = product_id_of(http)
        raise NotFound("unknown_inventory", f"Product {product_id} has no inventory, or it is not yet visible.")
    return answer_with(lambda: _show_inventory(document), document)


async def list_of_products(http: web.Request, views: Views) -> Answer:
    """By id; where a price is asked for, by price."""
    limit, asked = read_limit(http.query), listing(http.query)
    query = views[PRODUCTS.collection].find(
        asked.wanted, WITHOUT_WORDS, sort=asked.sort, limit=limit + 1, hint=asked.hint
    )
    documents = await query.to_list()
    next_cursor = write_cursor(asked.place_of(documents[limit - 1])) if len(documents) > limit else None
    return Answer(page([show_product(document) for document in documents[:limit]], next_cursor))


async def _read(http: web.Request, views: Views) -> dict[str, Any]:
    return await read_document(views, PRODUCTS.collection, product_id_of(http), named="product")


def _show_inventory(document: dict[str, Any]) -> ProductInventory:
    product = to_view(ProductView, document)
    stock = product.inventory or StockView()
    return {
        "product_id": product.product_id,
        "product_name": stock.product_name,
        "sku": stock.sku,
        "status": stock.status,
        "quantity": stock.quantity,
        "low_stock_threshold": stock.low_stock_threshold,
        "media": _show_all(product.inventory_media),
    }


def show_product(document: dict[str, Any]) -> Product:
    product = to_view(ProductView, document)
    return {
        "product_id": product.product_id,
        "name": product.name,
        "price": show(product.price),
        "sku": product.sku,
        "category": product.category,
        "description": product.description,
        "status": product.status,
        "attributes": _show_all(product.attributes),
        "media": _show_all(product.media),
        "inventory": to_builtins(product.inventory),
        "inventory_media": _show_all(product.inventory_media),
        "counts": to_builtins(product.counts),
        "rollback_code": product.rollback_code,
        "rollback_reason": product.rollback_reason,
        "created_at": product.created_at,
        "activated_at": product.activated_at,
        "updated_at": product.updated_at,
        "version": document["version"],
    }


def _show_all(parts: tuple[AttributeView, ...] | tuple[FileView, ...]) -> list[Any]:
    return [to_builtins(part) for part in parts]


def listing(query: Mapping[str, str]) -> Listing:
    """Read the filters and the cursor; BadRequest for filters that no index serves together."""
    given = {"price" if name in _PRICE else name for name in FILTERS if name in query}
    if given not in TOGETHER:
        sets = "; ".join(" and ".join(sorted(names)) for names in TOGETHER if names)
        raise BadRequest(
            "unsupported_filters",
            f"These filters go together: {sets}; where price is {', '.join(_PRICE)}, of which each may be left out.",
        )
    exact: Filter = {name: _exact(name, query[name]) for name in _EXACT if name in query}
    if "price" in given:
        return _by_price(exact, query)
    (after,) = read_cursor(query, (int,)) or [0]
    if not 0 <= after < 2**53:
        raise invalid_cursor()
    if not given:
        return Listing(SHOWN | {"product_id": {"$gt": after}}, ("product_id",), ("product_id",))
    wanted = SHOWN | {"_id": {"$gt": after}}
    if "q" in given:
        return _saying(query["q"], wanted)
    return Listing(wanted | exact, ("_id",), (*exact, "_id"))


def _exact(name: str, text: str) -> str:
    try:
        return _EXACT[name].validate_python(text)
    except ValidationError as error:
        raise BadRequest(f"invalid_{name}", f"{name}: {error.errors()[0]['msg']}.") from error


def _by_price(exact: Filter, query: Mapping[str, str]) -> Listing:
    currency = query.get("currency", DEFAULT_CURRENCY)
    lowest = _amount(query.get("min_price", "0"), currency)
    highest = _amount(query["max_price"], currency) if "max_price" in query else MAX_MINOR_UNITS
    wanted = SHOWN | exact | {"price.currency": currency}
    order, index = ("price.amount", "_id"), (*exact, "price.currency", "price.amount", "_id")
    if (after := read_cursor(query, (int, int))) is None:
        return Listing(wanted | {"price.amount": {"$gte": lowest, "$lte": highest}}, order, index)
    amount, product_id = after
    if not (lowest <= amount <= highest and 0 <= product_id < 2**53):
        raise invalid_cursor()
    rest = {"price.amount": {"$gt": amount, "$lte": highest}}
    same = {"price.amount": amount, "_id": {"$gt": product_id}}
    return Listing({"$or": [wanted | rest, wanted | same]}, order, index)


def _amount(text: str, currency: str) -> int:
    try:
        return parse_money({"amount": text, "currency": currency}).amount
    except ValueError as error:
        raise BadRequest("invalid_price", f"{error}.") from error


def _saying(text: str, wanted: Filter) -> Listing:
    """What has all the words, of which the last may be only a beginning."""
    words = asked_words(text)
    if not 1 <= len(words) <= MOST_ASKED_WORDS:
        raise BadRequest("invalid_q", f"q has 1 to {MOST_ASKED_WORDS} words.")
    *whole, last = words
    conditions: list[Filter] = [{"words": word} for word in whole]
    if len(last) > LONGEST_BEGINNING:
        conditions.append({"words": {"$elemMatch": {"$gte": last, "$lt": last + "\U0010ffff"}}})
    wanted = wanted | {"beginnings": last[:LONGEST_BEGINNING]} | ({"$and": conditions} if conditions else {})
    return Listing(wanted, ("_id",), None if whole else ("beginnings", "_id"))
