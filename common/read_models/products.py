"""A product as people look at it: with its attributes, its files, its inventory and the inventory's files."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from common.events import Event
from common.events.attributes import AttributesCreated, AttributesRolledBack
from common.events.inventory import (
    InventoryCreated,
    InventoryMediaAttached,
    InventoryMediaRemoved,
    InventoryRolledBack,
    InventoryUpdated,
    LowStockDetected,
    StockCommitted,
    StockReleased,
    StockReserved,
)
from common.events.media import MediaCreated, MediaRolledBack
from common.events.products import PriceChanged, ProductActivated, ProductCreated, ProductRolledBack, ProductUpdated
from common.product_values import MediaFile
from common.read_models.shapes import Index, ReadModel, Told
from common.read_models.words import beginnings_of, words_of
from common.values import Money


class AttributeView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    key: str
    value: str


class FileView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    bucket: str
    key: str
    url: str
    type: str


class StockView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`quantity` is the number on hand, whether reserved or not: reservations do not concern a product's page."""

    product_name: str = ""
    sku: str | None = None
    status: str = "ACTIVE"
    quantity: int = 0
    low_stock_threshold: int = 0


class CountsView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    attributes: int = 0
    media: int = 0
    inventory_media: int = 0


class ProductView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`status` is PENDING, ACTIVE or ROLLED_BACK; None, as `created_at`, before there is more than an inventory.

    `words` are what a text is searched by, `beginnings` how they begin.
    """

    product_id: int
    name: str = ""
    price: Money | None = None
    sku: str | None = None
    category: str | None = None
    description: str | None = None
    status: str | None = None
    attributes: tuple[AttributeView, ...] = ()
    media: tuple[FileView, ...] = ()
    inventory: StockView | None = None
    inventory_media: tuple[FileView, ...] = ()
    counts: CountsView = CountsView()
    rollback_code: str | None = None
    rollback_reason: str | None = None
    created_at: datetime | None = None
    activated_at: datetime | None = None
    updated_at: datetime
    words: tuple[str, ...] = ()
    beginnings: tuple[str, ...] = ()


def project(product: ProductView | None, event: Event, told: Told) -> ProductView | None:
    """The product after an event; the very same one after what does not show here."""
    match event:
        case StockReserved() | StockReleased() | LowStockDetected():
            return product
        case InventoryCreated() | InventoryUpdated():
            begun = product or ProductView(product_id=event.product_id, updated_at=told.recorded_at)
            return replace(begun, inventory=_stock(begun.inventory, event), updated_at=told.recorded_at)
        case ProductCreated():
            return _created(product, event, told)
        case _ if product is None:
            raise ValueError(f"{type(event).__name__} comes before the product")
        case ProductUpdated() | PriceChanged() | ProductActivated() | ProductRolledBack():
            return _changed(product, event, told)
        case StockCommitted() | InventoryRolledBack() | InventoryMediaAttached() | InventoryMediaRemoved():
            return _with_inventory(product, event, told)
        case MediaCreated() | MediaRolledBack() | AttributesCreated() | AttributesRolledBack():
            return _with_parts(product, event, told)
    raise ValueError(f"{type(event).__name__} says nothing about a product")


def _created(known: ProductView | None, event: ProductCreated, told: Told) -> ProductView:
    created = ProductView(
        product_id=event.product_id,
        name=event.name,
        price=event.price,
        sku=event.sku,
        category=event.category,
        description=event.description,
        status="PENDING",
        inventory=known.inventory if known else None,
        inventory_media=known.inventory_media if known else (),
        counts=known.counts if known else CountsView(),
        created_at=told.recorded_at,
        updated_at=told.recorded_at,
    )
    return _searchable(created)


def _changed(
    product: ProductView, event: ProductUpdated | PriceChanged | ProductActivated | ProductRolledBack, told: Told
) -> ProductView:
    product = replace(product, updated_at=told.recorded_at)
    match event:
        case ProductUpdated():
            updated = replace(
                product,
                name=event.name or product.name,
                description=event.description or product.description,
                category=event.category or product.category,
                sku=event.sku or product.sku,
            )
            return _searchable(updated)
        case PriceChanged():
            return replace(product, price=event.price)
        case ProductActivated():
            return replace(product, status="ACTIVE", activated_at=told.recorded_at)
        case ProductRolledBack():
            return replace(product, status="ROLLED_BACK", rollback_code=event.code, rollback_reason=event.reason)


def _with_parts(
    product: ProductView,
    event: MediaCreated | MediaRolledBack | AttributesCreated | AttributesRolledBack,
    told: Told,
) -> ProductView:
    product = replace(product, updated_at=told.recorded_at)
    match event:
        case MediaCreated():
            return _counted(replace(product, media=(*product.media, _file(event.file))))
        case MediaRolledBack():
            return _counted(replace(product, media=_without(product.media, event.bucket, event.key)))
        case AttributesCreated():
            new = (AttributeView(key=one.key, value=one.value) for one in event.attributes)
            return _searchable(_counted(replace(product, attributes=(*product.attributes, *new))))
        case AttributesRolledBack():
            gone = frozenset(event.keys)
            left = tuple(one for one in product.attributes if one.key not in gone)
            return _searchable(_counted(replace(product, attributes=left)))


def _with_inventory(
    product: ProductView,
    event: StockCommitted | InventoryRolledBack | InventoryMediaAttached | InventoryMediaRemoved,
    told: Told,
) -> ProductView:
    stock = product.inventory
    if stock is None:
        raise ValueError(f"{type(event).__name__} comes before the inventory")
    product = replace(product, updated_at=told.recorded_at)
    match event:
        case StockCommitted():
            return replace(product, inventory=replace(stock, quantity=stock.quantity - event.quantity))
        case InventoryRolledBack():
            return _counted(replace(product, inventory=None, inventory_media=()))
        case InventoryMediaAttached():
            return _counted(replace(product, inventory_media=(*product.inventory_media, _file(event.file))))
        case InventoryMediaRemoved():
            left = _without(product.inventory_media, event.bucket, event.key)
            return _counted(replace(product, inventory_media=left))


def _stock(stock: StockView | None, event: InventoryCreated | InventoryUpdated) -> StockView:
    match event:
        case InventoryCreated():
            return StockView(
                product_name=event.product_name,
                sku=event.sku,
                quantity=event.quantity,
                low_stock_threshold=event.low_stock_threshold,
            )
        case InventoryUpdated():
            before, threshold = stock or StockView(), event.low_stock_threshold
            return replace(
                before,
                product_name=event.product_name or before.product_name,
                sku=event.sku or before.sku,
                status=event.status or before.status,
                quantity=before.quantity if event.quantity is None else event.quantity,
                low_stock_threshold=before.low_stock_threshold if threshold is None else threshold,
            )


def _file(file: MediaFile) -> FileView:
    return FileView(bucket=file.bucket, key=file.key, url=file.url, type=file.type)


def _without(files: tuple[FileView, ...], bucket: str, key: str) -> tuple[FileView, ...]:
    return tuple(file for file in files if (file.bucket, file.key) != (bucket, key))


def _counted(product: ProductView) -> ProductView:
    counts = CountsView(
        attributes=len(product.attributes), media=len(product.media), inventory_media=len(product.inventory_media)
    )
    return replace(product, counts=counts)


def _searchable(product: ProductView) -> ProductView:
    values = (attribute.value for attribute in product.attributes)
    words = words_of(product.name, product.sku, product.category, *values, product.description)
    return replace(product, words=words, beginnings=beginnings_of(words))


SHOWN: dict[str, Any] = {"version": {"$gt": 0}}
"""What queries show; an inventory without a product is not among it, however many there are."""


def _by(*fields: str) -> Index:
    return Index(fields=(*((field, 1) for field in fields), ("_id", 1)), where=SHOWN)


PRODUCTS = ReadModel(
    collection="products",
    context="product",
    also=("inventory", "media", "attributes"),
    key=int,
    view=ProductView,
    project=project,
    indexes=(
        Index(fields=(("product_id", 1),), where=SHOWN),  # as the ids are, without those that are not shown
        _by("category"),
        _by("sku"),
        _by("status"),
        _by("price.currency", "price.amount"),
        _by("category", "status"),
        _by("category", "price.currency", "price.amount"),
        _by("words"),
        _by("beginnings"),
    ),
)
