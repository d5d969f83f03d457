"""The paths under which commands are taken: one row per command."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uuid_utils import UUID, uuid5, uuid7

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
from command_service.domain.order_commands import (
    AddOrderItem,
    CancelOrder,
    CompleteOrder,
    CreateOrder,
    DeleteOrder,
    DeliverOrder,
    ImportOrder,
    RefundOrder,
    RemoveOrderItem,
    RequestPayment,
    ShipOrder,
    UpdateOrderStatus,
    UpdateShippingAddress,
)
from command_service.domain.orders import ORDERS
from command_service.domain.payments import PAYMENTS
from command_service.domain.products import (
    PRODUCTS,
    ActivateProduct,
    ChangePrice,
    CreateProduct,
    RollbackProduct,
    UpdateProduct,
)
from common.access.actors import NOBODY, Actor
from common.access.policies import ADMINS, CUSTOMERS, STAFF, SUPPORT, WAREHOUSE, Policy
from common.errors import BadRequest
from common.values import Message

CLIENT_NAMESPACE = UUID("6f3b4f0e-4a8c-5f0e-9d57-0c5d2e6b7a10")  # never changes: stored command ids are made with it
MAX_KEY_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Through:
    """What a path names instead of what its command is about; `subject` reads that from its state, and never changes.

    The command has a field for it, named as the decider's `id_field`.
    """

    decider: Decider[Any, Any, Any]
    subject: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class CommandRoute:
    """How one command is reached, and what it is about.

    `subject` reads the id from the command; without it, it is in the path as the decider's `id_field`, or found
    `through` something else, or new.
    `partition_key` is needed where the command may begin a stream; of what is about a product it is the product's id.
    `may_begin` tells the contract which of those may be the first of a stream.
    """

    method: str
    path: str
    command: type[Message]
    decider: Decider[Any, Any, Any]
    policy: Policy
    subject: Callable[[Any], str] | None = None
    partition_key: Callable[[Any], int] | None = None
    through: Through | None = None
    may_begin: bool = False

    @property
    def creates(self) -> bool:
        return self.subject is None and "{" not in self.path

    def key_of(self, command: Message, subject: str) -> int | None:
        """The partition key of a stream that the command may begin, None where it cannot begin one."""
        if self.decider.is_about_a_product:
            return int(subject)
        return self.partition_key(command) if self.partition_key else None


THE_PAYMENT = Through(PAYMENTS, subject=lambda payment: payment.order_id)

ROUTES = (
    CommandRoute("POST", "/commands/orders", CreateOrder, ORDERS, CUSTOMERS, partition_key=lambda order: order.user_id),
    CommandRoute("POST", "/commands/orders/{order_id}/items", AddOrderItem, ORDERS, CUSTOMERS),
    CommandRoute("POST", "/commands/orders/{order_id}/items/remove", RemoveOrderItem, ORDERS, CUSTOMERS),
    CommandRoute("PUT", "/commands/orders/{order_id}/shipping-address", UpdateShippingAddress, ORDERS, CUSTOMERS),
    CommandRoute("PUT", "/commands/orders/{order_id}/status", UpdateOrderStatus, ORDERS, STAFF),
    CommandRoute("POST", "/commands/orders/{order_id}/ship", ShipOrder, ORDERS, STAFF),
    CommandRoute("POST", "/commands/orders/{order_id}/deliver", DeliverOrder, ORDERS, STAFF),
    CommandRoute("POST", "/commands/orders/{order_id}/complete", CompleteOrder, ORDERS, STAFF),
    CommandRoute("POST", "/commands/orders/{order_id}/cancel", CancelOrder, ORDERS, CUSTOMERS),
    CommandRoute("POST", "/commands/orders/{order_id}/refund", RefundOrder, ORDERS, SUPPORT),
    CommandRoute("DELETE", "/commands/orders/{order_id}", DeleteOrder, ORDERS, SUPPORT),
    CommandRoute(
        "POST", "/commands/payments", RequestPayment, ORDERS, CUSTOMERS, subject=lambda payment: payment.order_id
    ),
    CommandRoute("POST", "/commands/payments/{payment_id}/refund", RefundOrder, ORDERS, SUPPORT, through=THE_PAYMENT),
    CommandRoute(
        "POST",
        "/commands/inventory",
        UpdateInventory,
        INVENTORY,
        WAREHOUSE,
        subject=lambda of: str(of.product_id),
        may_begin=True,
    ),
    CommandRoute("POST", "/commands/inventory/{product_id}/reserve", ReserveStock, INVENTORY, WAREHOUSE),
    CommandRoute("POST", "/commands/inventory/{product_id}/release", ReleaseStock, INVENTORY, WAREHOUSE),
    CommandRoute("POST", "/commands/inventory/{product_id}/commit", CommitStock, INVENTORY, WAREHOUSE),
    CommandRoute(
        "POST",
        "/commands/products",
        CreateProduct,
        PRODUCTS,
        ADMINS,
        subject=lambda of: str(of.product_id),
        may_begin=True,
    ),
    CommandRoute("POST", "/commands/products/{product_id}/update", UpdateProduct, PRODUCTS, ADMINS),
    CommandRoute("POST", "/commands/products/{product_id}/price", ChangePrice, PRODUCTS, ADMINS),
    CommandRoute("POST", "/commands/products/{product_id}/activate", ActivateProduct, PRODUCTS, ADMINS),
    CommandRoute("POST", "/commands/products/{product_id}/rollback", RollbackProduct, PRODUCTS, ADMINS),
    CommandRoute("POST", "/commands/products/{product_id}/media", CreateMedia, MEDIA, ADMINS, may_begin=True),
    CommandRoute("POST", "/commands/products/{product_id}/media/rollback", RollbackMedia, MEDIA, ADMINS),
    CommandRoute(
        "POST", "/commands/products/{product_id}/attributes", CreateAttribute, ATTRIBUTES, ADMINS, may_begin=True
    ),
    CommandRoute(
        "POST", "/commands/products/{product_id}/attributes/batch", CreateAttributes, ATTRIBUTES, ADMINS, may_begin=True
    ),
    CommandRoute("POST", "/commands/products/{product_id}/attributes/rollback", RollbackAttributes, ATTRIBUTES, ADMINS),
    CommandRoute(
        "POST", "/commands/products/{product_id}/inventory", CreateInventory, INVENTORY, WAREHOUSE, may_begin=True
    ),
    CommandRoute("POST", "/commands/products/{product_id}/inventory/rollback", RollbackInventory, INVENTORY, WAREHOUSE),
    CommandRoute("POST", "/commands/products/{product_id}/inventory/media", AttachInventoryMedia, INVENTORY, WAREHOUSE),
    CommandRoute(
        "POST", "/commands/products/{product_id}/inventory/media/remove", RemoveInventoryMedia, INVENTORY, WAREHOUSE
    ),
)

IMPORT_ROUTE = CommandRoute(
    "POST", "/commands/orders/import", ImportOrder, ORDERS, ADMINS, partition_key=lambda order: order.user_id
)
"""Its lines come as NDJSON, one command each."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The id of a command, and of the order it creates if it creates one."""

    command_id: str
    new_subject: str
    is_keyed: bool


def identify(actor: Actor, key: str | None) -> Identity:
    """Make the ids of a command that this actor sent under this Idempotency-Key, or without one."""
    if key is None:
        return Identity(str(uuid7()), str(uuid7()), is_keyed=False)
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
        raise BadRequest(
            "invalid_idempotency_key", f"An Idempotency-Key has 1 to {MAX_KEY_CHARACTERS} visible characters."
        )
    return keyed_identity((named(actor) or "anonymous\n") + key)


def named(actor: Actor) -> str:
    """What sets this actor's keys apart from all others'; nothing for those who have not signed in."""
    return "" if actor.name == NOBODY.name else f"actor\n{actor.name}\n"


def keyed_identity(name: str) -> Identity:
    command_id = uuid5(CLIENT_NAMESPACE, name)
    return Identity(str(command_id), str(uuid5(command_id, "subject")), is_keyed=True)


def fingerprint(route: CommandRoute, path: str, body: bytes) -> str:
    """Hash what the sender sent: the command's type, the path and the body, nothing that a handler adds."""
    said = f"{route.command.__name__} {path}\n".encode() + body
    return hashlib.blake2b(said, digest_size=16).hexdigest()
