"""The facts of a product itself: what it is, what it costs, whether it is offered."""

from typing import ClassVar

from common.product_values import Attribute, Category, Description, MediaFile, Sku, StockLevel
from common.values import Code, Message, Money, Name, ProductId, Reason


class PlannedStock(Message):
    quantity: StockLevel
    sku: Sku | None = None
    low_stock_threshold: StockLevel | None = None


class Onboarding(Message):
    """What was asked for together with the product, to be made after it."""

    inventory: PlannedStock | None = None
    media: tuple[MediaFile, ...] = ()
    inventory_media: tuple[MediaFile, ...] = ()
    attributes: tuple[Attribute, ...] = ()


class ProductCreated(Message):
    """The product is known, and pending until all that belongs to it is made."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId
    name: Name
    price: Money
    sku: Sku | None = None
    category: Category | None = None
    description: Description | None = None
    onboarding: Onboarding = Onboarding()


class ProductUpdated(Message):
    """What was set; a field that is None stays as it was."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId
    name: Name | None = None
    description: Description | None = None
    category: Category | None = None
    sku: Sku | None = None


class PriceChanged(Message):
    schema_version: ClassVar[int] = 1

    product_id: ProductId
    price: Money


class ProductActivated(Message):
    """All that belongs to the product is there: it is offered."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId


class ProductRolledBack(Message):
    """The product is withdrawn for good; `code` is for machines, `reason` for people."""

    schema_version: ClassVar[int] = 1

    product_id: ProductId
    code: Code
    reason: Reason


ProductEvent = ProductCreated | ProductUpdated | PriceChanged | ProductActivated | ProductRolledBack
