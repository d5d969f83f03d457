"""A catalogue in memory: random commands about products decided by the real rules, and what commits come of them."""

from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

from command_service.domain.attributes import ATTRIBUTES, CreateAttribute, CreateAttributes, RollbackAttributes
from command_service.domain.decider import Decider
from command_service.domain.inventory import INVENTORY
from command_service.domain.inventory_commands import (
    AttachInventoryMedia,
    CommitStock,
    CreateInventory,
    ReleaseStock,
    RemoveInventoryMedia,
    ReserveStock,
    RollbackInventory,
    UpdateInventory,
)
from command_service.domain.media import MEDIA, CreateMedia, RollbackMedia
from command_service.domain.products import (
    PRODUCTS,
    ActivateProduct,
    ChangePrice,
    CreateProduct,
    RollbackProduct,
    UpdateProduct,
)
from common.envelope import Commit
from common.product_values import Attribute
from common.values import Message, Money
from tests.support.imagined_log import ImaginedLog

PRODUCT_IDS = range(1, 6)
WORDS = ("Quiet", "keyboard", "KB-456.a", "Straße", "x", "a--b", "ﬁne", "extraordinarily", "104", "-")
Deed = tuple[Decider[Any, Any, Any], Message]


class ImaginedCatalogue:
    """`commits` are as the log would have them."""

    def __init__(self, seed: int) -> None:
        self._log = ImaginedLog()
        self._chance = Random(seed)

    @property
    def commits(self) -> list[Commit]:
        return self._log.commits

    def change(self, times: int) -> None:
        kinds: tuple[Callable[[int], Deed], ...] = (self._product, self._part, self._inventory, self._stock)
        for _ in range(times):
            product_id = self._chance.choice(PRODUCT_IDS)
            decider, command = self._chance.choice(kinds)(product_id)
            command_id = _id(len(self.commits) + 1)
            self._log.decide(decider, str(product_id), command, partition_key=product_id, command_id=command_id)

    def _product(self, product_id: int) -> Deed:
        name, text, price = self._text(), self._chance.choice((None, self._text())), self._price()
        create = CreateProduct(product_id=product_id, name=name, price=price, sku="KB-1", category=text)
        commands = (
            *[create] * 3,
            UpdateProduct(name=name, description=text, sku=self._chance.choice((None, "KB-2"))),
            ChangePrice(price=price),
            ActivateProduct(),
        )
        if self._chance.random() < 0.02:
            return PRODUCTS, RollbackProduct(reason="A mistake.")
        return PRODUCTS, self._chance.choice(commands)

    def _part(self, _: int) -> Deed:
        key = self._key()
        values = tuple(Attribute(key=key, value=self._text()) for key in {self._key(), self._key()})
        deeds: tuple[Deed, ...] = (
            (MEDIA, CreateMedia(bucket="products", key=key, url=f"https://example.org/{key}", type="image")),
            (MEDIA, RollbackMedia(bucket="products", key=key)),
            (ATTRIBUTES, CreateAttribute(key=key, value=self._text())),
            (ATTRIBUTES, CreateAttributes(attributes=values)),
            (ATTRIBUTES, RollbackAttributes(keys=(key,))),
        )
        if self._chance.random() < 0.05:
            return self._chance.choice(((MEDIA, RollbackMedia()), (ATTRIBUTES, RollbackAttributes())))
        return self._chance.choice(deeds)

    def _inventory(self, product_id: int) -> Deed:
        key, number = self._key(), self._chance.randint(1, 30)
        commands: tuple[Message, ...] = (
            CreateInventory(product_name=self._text(), quantity=number, sku="KB-3", unit_price=self._price()),
            UpdateInventory(product_id=product_id, product_name="Thing", quantity=number, unit_price=self._price()),
            UpdateInventory(product_id=product_id, low_stock_threshold=number, status="ACTIVE", sku=f"KB-{number}"),
            AttachInventoryMedia(bucket="shelves", key=key, url=f"https://example.org/{key}", type="document"),
            RemoveInventoryMedia(bucket="shelves", key=key),
            RollbackInventory(),
        )
        if self._chance.random() < 0.1:
            return INVENTORY, UpdateInventory(product_id=product_id, status="INACTIVE")
        return INVENTORY, self._chance.choice(commands)

    def _stock(self, product_id: int) -> Deed:
        which: dict[str, Any] = {"order_id": _id(1), "reservation_id": _id(self._chance.randint(1, 3))}
        reserve = ReserveStock(**which, quantity=self._chance.randint(1, 3))
        commands = (reserve, reserve, ReleaseStock(**which), CommitStock(product_id=product_id, **which))
        return INVENTORY, self._chance.choice(commands)

    def _text(self) -> str:
        return " ".join(self._chance.choices(WORDS, k=self._chance.randint(1, 4)))

    def _key(self) -> str:
        return f"k{self._chance.randint(1, 5)}"

    def _price(self) -> Money:
        return Money(amount=self._chance.randint(1, 9999), currency="EUR")


def _id(number: int) -> str:
    return str(UUID(int=number, version=4))
