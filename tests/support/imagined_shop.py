"""A shop in memory: random commands decided by the real rules, and the commits that come of them."""

from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

from command_service.domain import order_commands as orders
from command_service.domain.decider import Decider
from command_service.domain.inventory import INVENTORY, CommitStock, ReleaseStock, ReserveStock, UpdateInventory
from command_service.domain.orders import ORDERS
from common.envelope import Commit
from common.events.orders import OrderLine, PricedLine
from common.postal import Address
from common.values import Message, Money, PaymentMethod
from tests.support.imagined_log import ImaginedLog

PRODUCTS = range(1, 4)
USERS = range(1, 4)
ADDRESSES = (
    Address(line1="Unter den Linden 1", postal_code="10117", city="Berlin", country="DE"),
    Address(recipient="Grace Hopper", line1="1 Main Street", city="Springfield", region="OR", country="US"),
)
CUSTOMERS: tuple[dict[str, Any], ...] = (
    {},
    {"customer_name": "Ada Lovelace", "user_email": "Ada.L@example.org", "shipping_address": ADDRESSES[0]},
    {"user_username": "gh_1906", "notes": "Ring twice."},
)


class ImaginedShop:
    """`commits` are as the log would have them."""

    def __init__(self, seed: int) -> None:
        self._log = ImaginedLog(frozenset(f"inventory-{product_id}" for product_id in PRODUCTS))
        self._chance = Random(seed)
        self._orders: dict[str, int] = {}
        self._reservations: list[tuple[int, str]] = []

    @property
    def commits(self) -> list[Commit]:
        return self._log.commits

    def trade(self, times: int) -> None:
        for product_id in PRODUCTS:
            self._stock(UpdateInventory(product_id=product_id, product_name="Thing", unit_price=self._price()))
        steps: tuple[Callable[[], None], ...] = (self._place, *[self._move] * 5, self._handle_stock)
        for _ in range(times):
            self._chance.choice(steps)()

    def _place(self) -> None:
        order_id, user_id = self._id(), self._chance.choice(USERS)
        self._orders[order_id] = user_id
        customer = self._chance.choice(CUSTOMERS)
        self._decide(ORDERS, order_id, user_id, orders.CreateOrder(user_id=user_id, items=self._lines(), **customer))

    def _move(self) -> None:
        if self._orders:
            order_id = self._chance.choice(list(self._orders)[-8:])
            self._decide(ORDERS, order_id, self._orders[order_id], self._order_command(order_id))

    def _order_command(self, order_id: str) -> Message:
        order = self._log.states[f"order-{order_id}"]
        payment_id = order.open_payment or order.captured_payment or self._id()
        total = order.total or self._price()
        confirm = orders.ConfirmPayment(payment_id=payment_id, amount=total)
        wallet = PaymentMethod(kind=self._chance.choice(("card", "wallet")), token="tok_approve")
        pay = orders.RequestPayment(order_id=order_id, payment_method=wallet)
        forward: dict[str | None, Message] = {
            "PENDING": self._validation(order_id),
            "VALIDATED": confirm if order.open_payment else pay,
            "PAID": orders.ShipOrder(carrier="DHL", tracking_number="1"),
            "SHIPPED": orders.DeliverOrder(),
            "DELIVERED": orders.CompleteOrder(),
            "CANCELLED": orders.ConfirmRefund(payment_id=payment_id, amount=total),
        }
        aside: tuple[Message, ...] = (
            orders.CancelOrder(),
            orders.CancelOrder(reason="too slow"),
            orders.FailPayment(payment_id=payment_id, code="declined"),
            self._chance.choice(tuple(forward.values())),
            *self._changes(),
        )
        if order.open_refund:
            return self._confirmation(order_id)
        if self._chance.random() < 0.3:
            return self._chance.choice(aside)
        return forward.get(order.status, confirm)

    def _changes(self) -> tuple[Message, ...]:
        product_id, quantity = self._chance.choice(PRODUCTS), self._chance.randint(1, 3)
        return (
            orders.AddOrderItem(product_id=product_id, quantity=quantity),
            orders.RemoveOrderItem(product_id=product_id, reason="changed my mind"),
            orders.RemoveOrderItem(product_id=product_id, quantity=quantity, reason="too many"),
            orders.UpdateShippingAddress(shipping_address=self._chance.choice(ADDRESSES)),
            orders.RefundOrder(reason="broken"),
            orders.RefundOrder(amount=Money(amount=1, currency="EUR")),
            orders.DeleteOrder(),
        )

    def _confirmation(self, order_id: str) -> Message:
        events = [event for commit in self.commits if commit.subject == order_id for event in commit.events]
        asked = next(event.data for event in reversed(events) if event.type == "RefundRequested")
        amount = Money(**asked["amount"])
        return orders.ConfirmRefund(payment_id=asked["payment_id"], amount=amount, refund_id=asked["refund_id"])

    def _validation(self, order_id: str) -> Message:
        if self._chance.random() < 0.2:
            return orders.RejectOrder(code="insufficient_stock", reason="Too few.")
        wanted = self._log.states[f"order-{order_id}"].lines
        name = self._chance.choice((None, "Clicky Keyboard", "Mouse"))
        lines = [PricedLine(**line.model_dump(), unit_price=self._price(), product_name=name) for line in wanted]
        return orders.ValidateOrder(items=tuple(sorted(lines, key=lambda line: line.product_id)))

    def _handle_stock(self) -> None:
        product_id = self._chance.choice(PRODUCTS)
        earlier, reservation_id = self._chance.choice(self._reservations or [(product_id, self._id())])
        match self._chance.randrange(4):
            case 0:
                self._stock(UpdateInventory(product_id=product_id, quantity=self._chance.randint(0, 30)))
            case 1:
                self._stock(CommitStock(product_id=earlier, order_id=self._id(), reservation_id=reservation_id))
            case 2:
                self._stock(ReleaseStock(product_id=earlier, order_id=self._id(), reservation_id=reservation_id))
            case _:
                new = self._id()
                self._reservations.append((product_id, new))
                quantity = self._chance.randint(1, 5)
                self._stock(
                    ReserveStock(product_id=product_id, order_id=self._id(), reservation_id=new, quantity=quantity)
                )

    def _stock(self, command: UpdateInventory | ReserveStock | ReleaseStock | CommitStock) -> None:
        assert command.product_id
        self._decide(INVENTORY, str(command.product_id), command.product_id, command)

    def _decide(self, decider: Decider[Any, Any, Any], subject: str, key: int, command: Message) -> None:
        self._log.decide(decider, subject, command, partition_key=key, command_id=self._id())

    def _lines(self) -> tuple[OrderLine, ...]:
        wanted = self._chance.sample(PRODUCTS, self._chance.randint(1, len(PRODUCTS)))
        return tuple(OrderLine(product_id=product_id, quantity=self._chance.randint(1, 3)) for product_id in wanted)

    def _price(self) -> Money:
        return Money(amount=self._chance.randint(1, 9999), currency="EUR")

    def _id(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128), version=4))
