"""Commands as a good client sends them, about few things, so that many of them are done; Hypothesis chooses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from command_service.messages.reading import ROUTES_BY_KEY

USERS, PRODUCTS = range(1, 6), range(1, 9)
WITHDRAWN = range(11, 19)  # products that come and go, unlike those that are ordered
WITHDRAWING = {"inventory.RollbackInventory", "inventory.CreateInventory", "product.RollbackProduct"}
ORDERS = [f"@order-{number:02}@" for number in range(12)]
"""They stand for the orders that were placed last; whoever sends a wish puts in their ids."""
Body = dict[str, Any]

numbers = st.sampled_from(PRODUCTS)
orders = st.sampled_from(ORDERS)
uuids = st.uuids(version=4).map(str)
names = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=20)
quantities = st.integers(1, 5)
prices = st.decimals("0.01", "999", places=2).map(str)
lines = st.fixed_dictionaries({"product_id": numbers, "quantity": quantities})
address = st.fixed_dictionaries(
    {"line1": names, "city": names, "country": st.sampled_from(["DE", "FR", "GB"])}, optional={"recipient": names}
)
file = st.fixed_dictionaries({"bucket": st.just("shop"), "key": st.sampled_from(["a.png", "b.png"])})
whole_file = st.builds(
    lambda named: {**named, "url": f"https://files.example.org/{named['key']}", "type": "image"}, file
)
attribute = st.fixed_dictionaries({"key": st.sampled_from(["colour", "layout", "size"]), "value": names})
reserved = {"order_id": orders, "reservation_id": orders}
nothing = st.just({})
reason = st.fixed_dictionaries({}, optional={"reason": names})
shipment = st.fixed_dictionaries({"carrier": names, "tracking_number": names})

BODIES: Mapping[str, st.SearchStrategy[Body]] = {
    "order.CreateOrder": st.fixed_dictionaries(
        {"user_id": st.sampled_from(USERS), "items": st.lists(lines, min_size=1, max_size=3)},
        optional={"customer_name": names, "notes": names, "shipping_address": address},
    ),
    "order.AddOrderItem": lines,
    "order.RemoveOrderItem": st.fixed_dictionaries({"product_id": st.sampled_from([1, 2]), "reason": names}),
    "order.UpdateShippingAddress": st.fixed_dictionaries({"shipping_address": address}),
    "order.UpdateOrderStatus": st.sampled_from(["DELIVERED", "COMPLETED", "CANCELLED"]).map(lambda to: {"status": to}),
    "order.ShipOrder": shipment,
    "order.DeliverOrder": nothing,
    "order.CompleteOrder": nothing,
    "order.CancelOrder": reason,
    "order.RefundOrder": st.fixed_dictionaries({}, optional={"amount": prices, "reason": names}),
    "order.DeleteOrder": reason,
    "order.RequestPayment": st.fixed_dictionaries({"order_id": orders, "card_token": st.just("tok_approve")}),
    "inventory.UpdateInventory": st.fixed_dictionaries(
        {"product_id": st.sampled_from(WITHDRAWN), "product_name": names, "quantity": st.integers(100, 10_000)},
        optional={"unit_price": prices},
    ),
    "inventory.ReserveStock": st.fixed_dictionaries({**reserved, "quantity": quantities}),
    "inventory.ReleaseStock": st.fixed_dictionaries(reserved),
    "inventory.CommitStock": st.fixed_dictionaries(reserved),
    "inventory.CreateInventory": st.fixed_dictionaries({"product_name": names}, optional={"unit_price": prices}),
    "inventory.RollbackInventory": nothing,
    "inventory.AttachInventoryMedia": whole_file,
    "inventory.RemoveInventoryMedia": file,
    "product.CreateProduct": st.fixed_dictionaries(
        {"product_id": st.integers(10**9, 10**12), "name": names, "price": prices}
    ),
    "product.UpdateProduct": st.fixed_dictionaries({}, optional={"name": names, "description": names}),
    "product.ChangePrice": st.fixed_dictionaries({"price": prices}),
    "product.ActivateProduct": nothing,
    "product.RollbackProduct": st.fixed_dictionaries({"reason": names}),
    "media.CreateMedia": whole_file,
    "media.RollbackMedia": file,
    "attributes.CreateAttribute": attribute,
    "attributes.CreateAttributes": st.lists(attribute, min_size=1, max_size=3, unique_by=lambda one: one["key"]).map(
        lambda many: {"attributes": many}
    ),
    "attributes.RollbackAttributes": nothing,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """A command's routing key, the ids of its path, its body."""

    key: str
    ids: Mapping[str, Any]
    body: Any


def wishes(key: str) -> st.SearchStrategy[Wish]:
    path = ROUTES_BY_KEY[key].path
    about = st.sampled_from(WITHDRAWN) if key in WITHDRAWING else numbers
    ids = {name: known for name, known in (("order_id", orders), ("product_id", about)) if f"{{{name}" in path}
    return st.builds(Wish, st.just(key), st.fixed_dictionaries(ids), BODIES[key])


OFTEN = (
    "order.RequestPayment",
    "order.ShipOrder",
    "order.DeliverOrder",
    "order.CompleteOrder",
    "inventory.CommitStock",
)
KEYS = sorted([*BODIES, *OFTEN, *OFTEN, *OFTEN])
"""Routing keys; what needs a long story before it stands there several times."""
