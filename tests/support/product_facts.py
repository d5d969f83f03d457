"""The facts of one product, in the words of the tests."""

from common.events.attributes import AttributesCreated
from common.events.inventory import InventoryCreated, InventoryMediaAttached
from common.events.media import MediaCreated
from common.events.products import (
    Onboarding,
    PlannedStock,
    PriceChanged,
    ProductActivated,
    ProductCreated,
    ProductRolledBack,
    ProductUpdated,
)
from common.product_values import Attribute, MediaFile
from common.values import Money

PRICE = Money(amount=4999, currency="EUR")


def a_file(key: str = "456/front.jpg", bucket: str = "products", kind: str = "image") -> MediaFile:
    url = f"https://cdn.example.org/{key}"
    return MediaFile.model_validate({"bucket": bucket, "key": key, "url": url, "type": kind})


def attributes(**values: str) -> tuple[Attribute, ...]:
    return tuple(Attribute(key=key, value=value) for key, value in values.items())


FRONT, BACK = a_file(), a_file("456/back.jpg")
SHELF = a_file("456/shelf.jpg", bucket="warehouse")
BLACK = attributes(colour="black")

CREATED = ProductCreated(
    product_id=456, name="Keyboard", price=PRICE, sku="KB-456", category="Input devices", description="A loud one."
)
EVERYTHING = Onboarding(
    inventory=PlannedStock(quantity=100, sku="KB-456", low_stock_threshold=5),
    media=(FRONT,),
    inventory_media=(SHELF,),
    attributes=BLACK,
)
UPDATED = ProductUpdated(product_id=456, name="Quiet keyboard")
REPRICED = PriceChanged(product_id=456, price=Money(amount=3999, currency="EUR"))
ACTIVATED = ProductActivated(product_id=456)
ROLLED_BACK = ProductRolledBack(product_id=456, code="onboarding_failed", reason="No inventory.")
WITH_MEDIA = MediaCreated(product_id=456, file=FRONT)
WITH_ATTRIBUTES = AttributesCreated(product_id=456, attributes=BLACK)
IN_STOCK = InventoryCreated(
    product_id=456, product_name="Keyboard", quantity=100, sku="KB-456", unit_price=PRICE, low_stock_threshold=5
)
WITH_INVENTORY_MEDIA = InventoryMediaAttached(product_id=456, file=SHELF)
