"""A shop's day in memory, told by what clients did: orders to every end, and some on their way."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from command_service.domain import order_commands as orders
from command_service.domain.decider import Decider
from command_service.domain.inventory import INVENTORY, UpdateInventory
from command_service.domain.orders import ORDERS
from common.events.orders import OrderLine
from common.values import Message, Money
from payments.charges import Card
from tests.support.imagined_sagas import ImaginedSagas

PLENTY, SCARCE = 1, 2
SHIPMENT = orders.ShipOrder(carrier="DHL", tracking_number="1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a client did: in the log at `position`, if it changed anything; all that followed of it ends at `head`."""

    proc: int
    op: str
    subject: str
    accepted: bool
    position: int | None
    head: int


@dataclass(slots=True)
class Story:
    world: ImaginedSagas = field(default_factory=ImaginedSagas)
    deeds: list[Deed] = field(default_factory=list)

    def order(self, user_id: int, *products: int, quantity: int = 2) -> str:
        lines = tuple(OrderLine(product_id=product_id, quantity=quantity) for product_id in products)
        order_id = self.world.an_id()
        self.does(user_id, ORDERS, order_id, orders.CreateOrder(user_id=user_id, items=lines))
        return order_id

    def pay(self, user_id: int, order_id: str, card: Card = Card.APPROVED) -> None:
        self.does(user_id, ORDERS, order_id, orders.RequestPayment(order_id=order_id, card_token=card.value))

    def stock(self, product_id: int, quantity: int) -> None:
        price = Money(amount=100 * product_id + 99, currency="EUR")
        command = UpdateInventory(product_id=product_id, product_name="Thing", quantity=quantity, unit_price=price)
        self.does(0, INVENTORY, str(product_id), command)

    def does(self, proc: int, decider: Decider[Any, Any, Any], subject: str, command: Message) -> None:
        """A client's command, and all that the sagas make of it."""
        world, before = self.world, len(self.world.log)
        accepted = world.does(decider, subject, command)
        position = before + 1 if len(world.log) > before else None
        self.settle()
        op, stream = type(command).__name__, f"{decider.context}-{subject}"
        deed = Deed(proc=proc, op=op, subject=stream, accepted=accepted, position=position, head=len(world.log))
        self.deeds.append(deed)
        world.pass_time(1)

    def settle(self) -> None:
        world = self.world
        while world.read < len(world.log) or world.wanted():
            while world.read < len(world.log):
                world.fold()
            for command_id in world.wanted():
                world.send(command_id)
            while world.told:
                world.hear(0)


def a_story() -> Story:
    """Orders to every end, and some on their way; the last but one is imported, the last not paid yet."""
    story = Story()
    story.stock(PLENTY, 50)
    story.stock(SCARCE, 5)
    completed, paid = story.order(1, PLENTY, SCARCE), story.order(2, PLENTY)
    refunded, shipped = story.order(3, PLENTY, SCARCE), story.order(1, PLENTY)
    cancelled = story.order(2, PLENTY)
    story.order(3, SCARCE, quantity=9)
    story.pay(1, completed)
    story.pay(2, paid)
    story.pay(3, refunded, Card.TWICE)
    story.pay(1, shipped, Card.DECLINED)
    story.pay(1, shipped)
    for order_id in (completed, shipped):
        story.does(1, ORDERS, order_id, SHIPMENT)
    story.does(1, ORDERS, completed, orders.DeliverOrder())
    story.does(1, ORDERS, completed, orders.CompleteOrder())
    for user_id, order_id in ((3, refunded), (2, cancelled), (2, cancelled)):
        story.does(user_id, ORDERS, order_id, orders.CancelOrder(reason="changed my mind"))
    story.does(2, ORDERS, cancelled, SHIPMENT)
    story.order(3, PLENTY)
    _import(story)
    return story


def _import(story: Story) -> None:
    """It is over when it comes: no saga begins with it."""
    placed_at = datetime(1997, 2, 24, 12, tzinfo=UTC)
    total = Money(amount=2933, currency="USD")
    command = orders.ImportOrder(
        user_id=4, source="old shop", line_number=1, placed_at=placed_at, item_count=3, total=total
    )
    story.world.does(ORDERS, story.world.an_id(), command)
