"""What one customer of the shop does next: orders, looks, pays with any card, cancels, and asks again when in doubt."""

import random
from dataclasses import dataclass, field

from payments.charges import Card
from tests.chaos.caller import Caller, Wish
from tests.chaos.history import Record

PLENTY, SCARCE = range(1, 21), range(21, 24)
USERS = 500
MOST_OPEN_ORDERS = 6
PLACES, REPEATS, WANDERS, GIVES_UP, CHANGES_MIND = 0.4, 0.02, 0.15, 0.1, 0.2  # chances
UNPAID = ("PENDING", "VALIDATED")
SHIPMENT = {"carrier": "DHL", "tracking_number": "1"}
ENDED = ("REJECTED", "CANCELLED", "REFUNDED", "COMPLETED")
NEXT = {"PAID": ("ship", SHIPMENT), "SHIPPED": ("deliver", {}), "DELIVERED": ("complete", {})}
SENDS_BACK = 0.3  # of what is delivered, some
PART = {"amount": "1.00", "reason": "one was broken"}


@dataclass(slots=True)
class Customer:
    """Makes one call a turn; `doubt` is a command whose outcome is unknown, and must be sent again."""

    caller: Caller
    chance: random.Random
    user_id: int
    doubt: Wish | None = None
    _last: Wish | None = None
    _seen: dict[str, str | None] = field(default_factory=dict)  # open order → its status; None: look first

    async def turn(self) -> None:
        draw = self.chance.random()
        if self.doubt:
            await self._send(self.doubt)
        elif self._last and draw < REPEATS:
            await self._send(self._last)
        elif draw < REPEATS + WANDERS:
            await self.caller.query(self._somewhere())
        elif not self._seen or (draw < REPEATS + WANDERS + PLACES and len(self._seen) < MOST_OPEN_ORDERS):
            await self._send(self._order() if self.chance.random() < 0.95 else self._delivery())
        else:
            await self._go_on(self.chance.choice(list(self._seen)))

    async def _send(self, wish: Wish) -> Record:
        record = await self.caller.command(wish)
        self.doubt = wish if record.type == "info" else None
        self._last = wish
        if record.type == "ok" and wish.op == "place":
            self._seen[str(record.subject)] = None
        elif wish.subject in self._seen:
            self._seen[str(wish.subject)] = None
        return record

    async def _go_on(self, order_id: str) -> None:
        status = self._seen[order_id]
        if status is None or self.chance.random() < 0.1:
            await self._look(order_id)
        elif self.chance.random() < GIVES_UP:
            await self._send(Wish(op="cancel", path=f"orders/{order_id}/cancel", subject=order_id))
        elif status in UNPAID and self.chance.random() < CHANGES_MIND:
            await self._send(self._change(order_id))
        elif status == "DELIVERED" and self.chance.random() < SENDS_BACK:
            body = PART if self.chance.random() < 0.7 else {"reason": "all of it was broken"}
            await self._send(Wish(op="refund", path=f"orders/{order_id}/refund", body=body, subject=order_id))
        elif status in NEXT:
            what, body = NEXT[status]
            await self._send(Wish(op=what, path=f"orders/{order_id}/{what}", body=body, subject=order_id))
        else:
            card = self.chance.choice(list(Card)).value
            body = {"order_id": order_id, "card_token": card}
            await self._send(Wish(op="pay", path="payments", body=body, subject=order_id))

    async def _look(self, order_id: str) -> None:
        record = await self.caller.query(f"orders/{order_id}", subject=order_id)
        if record.type == "ok":
            self._seen[order_id] = record.body["status"]
            if record.body["status"] in ENDED:
                del self._seen[order_id]

    def _order(self) -> Wish:
        products = self.chance.sample(PLENTY, self.chance.randint(1, 3))
        if self.chance.random() < 0.1:
            products.append(self.chance.choice(SCARCE))
        items = [{"product_id": product_id, "quantity": self.chance.randint(1, 5)} for product_id in products]
        return Wish(op="place", path="orders", body={"user_id": self.user_id, "items": items})

    def _change(self, order_id: str) -> Wish:
        product_id, quantity = self.chance.choice(PLENTY), self.chance.randint(1, 3)
        if self.chance.random() < 0.5:
            body = {"product_id": product_id, "quantity": quantity}
            return Wish(op="more", path=f"orders/{order_id}/items", body=body, subject=order_id)
        body = {"product_id": product_id, "reason": "changed my mind"}
        return Wish(op="less", path=f"orders/{order_id}/items/remove", body=body, subject=order_id)

    def _delivery(self) -> Wish:
        return restock(self.chance.choice(SCARCE), adjust_by=self.chance.randint(1, 9))

    def _somewhere(self) -> str:
        product_id = self.chance.choice(PLENTY)
        places = (f"users/{self.user_id}/orders", f"users/{self.user_id}/summary", f"inventory/{product_id}")
        return self.chance.choice((*places, "inventory", "statistics/orders"))


def restock(product_id: int, **body: object) -> Wish:
    return Wish(op="stock", path="inventory", body={"product_id": product_id, **body}, subject=str(product_id))
