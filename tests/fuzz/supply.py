"""What a request needs to be there, brought about ahead of it, so that no request waits for sagas."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from common.tasks import end
from tests.fuzz.operations import COMMANDS, DROP, REBUILD, ROLL_BACK
from tests.fuzz.shopper import Ids, Shopper

AHEAD = 6  # of each kind that is brought about ahead
MAKERS = 2  # of each kind
PATIENCE_SECONDS = 60.0
PRODUCT_COMMANDS = (
    "product.UpdateProduct",
    "product.ChangePrice",
    "product.ActivateProduct",
    "product.RollbackProduct",
)
PART_COMMANDS = ("media.CreateMedia", "media.RollbackMedia", "attributes.CreateAttribute")
PART_COMMANDS += ("attributes.CreateAttributes", "attributes.RollbackAttributes", "inventory.CreateInventory")


@dataclass(frozen=True, slots=True)
class Kind:
    """`is_ahead`: it takes long, and keeps until it is needed."""

    bring: Callable[[Shopper], Awaitable[Ids]]
    is_ahead: bool = True


def _order(status: str) -> Kind:
    return Kind(lambda shopper: shopper.order(status))


VALIDATED, PAID, SHIPPED, DELIVERED, CANCELLED = map(_order, ("VALIDATED", "PAID", "SHIPPED", "DELIVERED", "CANCELLED"))
PRODUCT = Kind(Shopper.product)
STOCKED_PRODUCT = Kind(lambda shopper: shopper.product(inventory=True))
RESERVATION = Kind(Shopper.reservation)
NUMBER = Kind(Shopper.number, is_ahead=False)
NOTHING_RESERVED = Kind(Shopper.nothing_reserved, is_ahead=False)

_OF_COMMANDS: Mapping[str, Kind] = {
    "order.AddOrderItem": VALIDATED,
    "order.RemoveOrderItem": VALIDATED,
    "order.UpdateShippingAddress": VALIDATED,
    "order.UpdateOrderStatus": SHIPPED,
    "order.ShipOrder": PAID,
    "order.DeliverOrder": SHIPPED,
    "order.CompleteOrder": DELIVERED,
    "order.CancelOrder": VALIDATED,
    "order.RefundOrder": DELIVERED,
    "order.DeleteOrder": CANCELLED,
    "order.RequestPayment": VALIDATED,
    "inventory.UpdateInventory": NUMBER,
    "inventory.ReserveStock": NOTHING_RESERVED,
    "inventory.ReleaseStock": RESERVATION,
    "inventory.CommitStock": RESERVATION,
    "inventory.RollbackInventory": STOCKED_PRODUCT,
    "inventory.AttachInventoryMedia": STOCKED_PRODUCT,
    "inventory.RemoveInventoryMedia": STOCKED_PRODUCT,
    "product.CreateProduct": NUMBER,
    "inventory.CreateInventory": PRODUCT,
    "product.UpdateProduct": PRODUCT,
    "product.ChangePrice": PRODUCT,
    "product.ActivateProduct": PRODUCT,
    "product.RollbackProduct": PRODUCT,
    "media.CreateMedia": PRODUCT,
    "media.RollbackMedia": PRODUCT,
    "attributes.CreateAttribute": PRODUCT,
    "attributes.CreateAttributes": PRODUCT,
    "attributes.RollbackAttributes": PRODUCT,
}
NEEDED: Mapping[str, Kind] = {
    **{operation: _OF_COMMANDS[key] for operation, key in COMMANDS.items() if key in _OF_COMMANDS},
    REBUILD: Kind(Shopper.model, is_ahead=False),
    ROLL_BACK: Kind(Shopper.former_generation, is_ahead=False),
    DROP: Kind(Shopper.generation, is_ahead=False),
}
"""What must be there before an operation can be done."""


class Supply:
    """Shelves with some of each kind; what was not used up is handed out again first."""

    def __init__(self, shopper: Shopper) -> None:
        self._shopper = shopper
        self._returned: dict[Kind, list[Ids]] = defaultdict(list)
        self._shelves = {kind: asyncio.Queue[Ids](AHEAD) for kind in set(NEEDED.values()) if kind.is_ahead}
        self._makers = [asyncio.create_task(self._make(kind)) for kind in self._shelves for _ in range(MAKERS)]

    async def take(self, kind: Kind) -> Ids:
        if kind not in self._shelves:
            return await kind.bring(self._shopper)
        if self._returned[kind]:
            return self._returned[kind].pop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._shelves[kind].get()

    def give_back(self, kind: Kind, ids: Ids) -> None:
        """Nothing came of the request that had them."""
        self._returned[kind].append(ids)

    async def end(self) -> None:
        """Raise what a maker could not bring about."""
        for maker in self._makers:
            if maker.done():
                maker.result()
        await end(*self._makers)

    async def _make(self, kind: Kind) -> None:
        while True:
            await self._shelves[kind].put(await kind.bring(self._shopper))
