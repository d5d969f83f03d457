"""The rules of a product: it is created, made complete, offered, changed, and withdrawn for good."""

import hashlib
from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec.structs import replace
from pydantic import model_validator

from command_service.domain.decider import Context, Decider
from command_service.domain.product_rules import changed
from common.errors import CommandRejected, NotFound
from common.events.products import (
    Onboarding,
    PlannedStock,
    PriceChanged,
    ProductActivated,
    ProductCreated,
    ProductEvent,
    ProductRolledBack,
    ProductUpdated,
)
from common.product_values import Attributes, Category, Description, Files, Sku
from common.values import Code, Message, Money, Name, Price, ProductId, Reason


class CreateProduct(Message):
    """Create a product; what is given of its inventory, files and attributes is made after it."""

    product_id: ProductId
    name: Name
    price: Price
    sku: Sku | None = None
    category: Category | None = None
    description: Description | None = None
    inventory: PlannedStock | None = None
    media: Files = ()
    inventory_media: Files = ()
    attributes: Attributes = ()

    @model_validator(mode="after")
    def _files_of_an_inventory_need_one(self) -> "CreateProduct":
        if self.inventory_media and self.inventory is None:
            raise ValueError("inventory_media needs inventory")
        return self


class UpdateProduct(Message):
    """Set what is given and leave the rest."""

    name: Name | None = None
    description: Description | None = None
    category: Category | None = None
    sku: Sku | None = None


class ChangePrice(Message):
    price: Price


class ActivateProduct(Message):
    """Offer the product: all that belongs to it is there."""


class RollbackProduct(Message):
    """Withdraw the product for good, whether it is offered already or not."""

    code: Code = "rolled_back"
    reason: Reason


ProductCommand = CreateProduct | UpdateProduct | ChangePrice | ActivateProduct | RollbackProduct


class ProductStatus(StrEnum):
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    ROLLED_BACK = "ROLLED_BACK"


class Product(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`status` is None before there is a product; `created_as` tells apart what it was created as."""

    status: ProductStatus | None = None
    created_as: str = ""
    name: str = ""
    price: Money | None = None
    sku: str | None = None
    category: str | None = None
    description: str | None = None


def decide(command: ProductCommand, product: Product, context: Context) -> tuple[ProductEvent, ...]:
    match command:
        case CreateProduct():
            return _create(command, product)
        case RollbackProduct():
            return _roll_back(command, product, context)
    if product.status is None:
        raise NotFound("unknown_product", f"There is no product {context.subject}.")
    if product.status is ProductStatus.ROLLED_BACK:
        raise _rolled_back(context.subject)
    match command:
        case UpdateProduct():
            return _update(command, product, context)
        case ChangePrice():
            is_so = command.price == product.price
            return () if is_so else (PriceChanged(product_id=int(context.subject), price=command.price),)
        case ActivateProduct():
            is_so = product.status is ProductStatus.ACTIVE
            return () if is_so else (ProductActivated(product_id=int(context.subject)),)
    assert_never(command)


def _create(command: CreateProduct, product: Product) -> tuple[ProductEvent, ...]:
    created = ProductCreated(
        product_id=command.product_id,
        name=command.name,
        price=command.price,
        sku=command.sku,
        category=command.category,
        description=command.description,
        onboarding=Onboarding(
            inventory=command.inventory,
            media=command.media,
            inventory_media=command.inventory_media,
            attributes=command.attributes,
        ),
    )
    match product.status:
        case None:
            return (created,)
        case ProductStatus.ROLLED_BACK:
            raise _rolled_back(command.product_id)
        case _ if product.created_as == _digest(created):
            return ()
    raise CommandRejected("product_exists", f"There is another product {command.product_id} already.")


def _rolled_back(product_id: int | str) -> CommandRejected:
    return CommandRejected("product_rolled_back", f"Product {product_id} was rolled back, which is for good.")


def _digest(created: ProductCreated) -> str:
    return hashlib.blake2b(created.model_dump_json().encode(), digest_size=16).hexdigest()


def _roll_back(command: RollbackProduct, product: Product, context: Context) -> tuple[ProductEvent, ...]:
    """What is not there is rolled back quietly: who undoes may not know what was done."""
    if product.status in (None, ProductStatus.ROLLED_BACK):
        return ()
    return (ProductRolledBack(product_id=int(context.subject), code=command.code, reason=command.reason),)


def _update(command: UpdateProduct, product: Product, context: Context) -> tuple[ProductEvent, ...]:
    unchanged = ProductUpdated(product_id=int(context.subject))
    updated = ProductUpdated(
        product_id=unchanged.product_id,
        name=changed(command.name, product.name),
        description=changed(command.description, product.description),
        category=changed(command.category, product.category),
        sku=changed(command.sku, product.sku),
    )
    return () if updated == unchanged else (updated,)


def evolve(product: Product, event: ProductEvent) -> Product:
    match event:
        case ProductCreated():
            return _created(event)
        case ProductUpdated():
            return replace(
                product,
                name=event.name or product.name,
                description=event.description or product.description,
                category=event.category or product.category,
                sku=event.sku or product.sku,
            )
        case PriceChanged():
            return replace(product, price=event.price)
        case ProductActivated():
            return replace(product, status=ProductStatus.ACTIVE)
        case ProductRolledBack():
            return replace(product, status=ProductStatus.ROLLED_BACK)
    assert_never(event)


def _created(event: ProductCreated) -> Product:
    return Product(
        status=ProductStatus.PENDING,
        created_as=_digest(event),
        name=event.name,
        price=event.price,
        sku=event.sku,
        category=event.category,
        description=event.description,
    )


PRODUCTS: Decider[ProductCommand, Product, ProductEvent] = Decider(
    context="product",
    id_field="product_id",
    initial=Product(),
    state=Product,
    decide=decide,
    evolve=evolve,
    status=lambda product: product.status,
)
