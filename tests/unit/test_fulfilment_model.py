"""Many orders, and everything that a saga hears in any order: at the end stock, money and orders agree (PROTOCOL S)."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import product
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from command_service.domain import order_commands as orders
from command_service.domain.orders import ORDERS
from command_service.sagas.order_fulfilment.plan import NAME
from command_service.sagas.shapes import want_id
from common.codec import decode_event
from common.envelope import Commit
from common.events.orders import OrderCancelled, OrderLine, OrderPaymentFailed, OrderValidated, PaymentRequested
from common.values import Money
from payments.charges import Card
from tests.support.imagined_sagas import CLIENT, PAYMENT_SECONDS, SAGA, ImaginedSagas
from tests.support.schedules import some_schedules

SCHEDULES = 200
FEWEST_STEPS = 20_000
MOST_ROUNDS = 200  # until everything has come to rest
PRODUCTS = (1, 2, 3)
ALIVE = ("PAID", "SHIPPED", "DELIVERED", "COMPLETED")
CHANGES = ("OrderItemAdded", "OrderItemRemoved", "RefundRequested")
DEAD = ("REJECTED", "CANCELLED", "REFUNDED")
CARDS = (*Card, *[Card.DECLINED] * 4)

CLIENT_DEEDS = ("order", "more", "less", *["pay"] * 8, "cancel", *["ship", "deliver", "complete", "refund"] * 4)
POST = (*["fold"] * 28, *["send"] * 32, *["hear"] * 32, "late", "late", "clock", "act", "wait", "forget")
steps = st.tuples(st.sampled_from([*CLIENT_DEEDS, *POST]), st.integers(0, 2**16))
schedules = st.tuples(st.integers(0, 2**32), st.lists(steps, min_size=100, max_size=300))


_READY_FOR = {
    "more": "VALIDATED",
    "less": "VALIDATED",
    "pay": "VALIDATED",
    "cancel": "PAID",
    "ship": "PAID",
    "deliver": "SHIPPED",
    "complete": "DELIVERED",
    "refund": "DELIVERED",
}


class Play:
    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)
        self.world = ImaginedSagas(is_silent=lambda: self._chance.random() < 0.2)
        for product_id in PRODUCTS:
            self.world.stock(product_id, 24)
        for _ in range(3):
            self.order()

    def step(self, deed: str, number: int) -> None:
        if deed in CLIENT_DEEDS:
            self._client(deed, number)
        else:
            self._post(deed, number)

    def _client(self, deed: str, number: int) -> None:
        chosen = self._order_of(number, "" if number % 5 == 0 else _READY_FOR.get(deed, ""))
        product_id = self._chance.choice(PRODUCTS)
        match deed:
            case "order":
                self.order()
            case "more":
                self._does(chosen, orders.AddOrderItem(product_id=product_id, quantity=1 + number % 2))
            case "less":
                quantity = self._chance.choice((None, 1, 2))
                self._does(chosen, orders.RemoveOrderItem(product_id=product_id, quantity=quantity, reason="fewer"))
            case "pay":
                self._does(chosen, orders.RequestPayment(order_id=chosen, card_token=self._chance.choice(CARDS)))
            case "cancel":
                self._does(chosen, orders.CancelOrder())
            case "refund":
                amount = self._chance.choice((None, *[Money(amount=50, currency="EUR")] * 3))
                self._does(chosen, orders.RefundOrder(amount=amount))
            case "ship":
                self._does(chosen, orders.ShipOrder(carrier="DHL", tracking_number="1"))
            case "deliver":
                self._does(chosen, orders.DeliverOrder())
            case "complete":
                self._does(chosen, orders.CompleteOrder())

    def _post(self, deed: str, number: int) -> None:
        world = self.world
        match deed:
            case "fold":
                for _ in range(1 + number % 3):
                    world.fold()
            case "send":
                if wanted := world.wanted():
                    world.send(wanted[number % len(wanted)])
            case "late":
                if world.sent:
                    world.send(list(world.sent)[number % len(world.sent)])
            case "hear":
                world.hear(number)
            case "clock":
                world.look_at_the_clock()
            case "act":
                world.act_on_time()
            case "wait":
                world.pass_time(number % PAYMENT_SECONDS / 2)
            case "forget":
                if number % 4 == 0:
                    world.forget_everything()

    def order(self) -> None:
        products = self._chance.sample(PRODUCTS, self._chance.randint(1, 3))
        lines = tuple(OrderLine(product_id=product_id, quantity=self._chance.randint(1, 3)) for product_id in products)
        self._does(self.world.an_id(), orders.CreateOrder(user_id=1, items=lines))

    def come_to_rest(self) -> None:
        """Everything that is under way arrives, and the time for paying passes."""
        for _ in range(MOST_ROUNDS):
            before = self._stand()
            while self.world.read < len(self.world.log):
                self.world.fold()
            for command_id in self.world.wanted():
                self.world.send(command_id)
            while self.world.told:
                self.world.hear(0)
            self.world.pass_time(PAYMENT_SECONDS)
            self.world.look_at_the_clock()
            self.world.act_on_time()
            if self._stand() == before and not self.world.wanted():
                return
        raise AssertionError(f"it does not come to rest: {self.world.docs}")

    def _stand(self) -> tuple[object, ...]:
        return len(self.world.log), self.world.read, dict(self.world.docs)

    def _order_of(self, number: int, status: str) -> str:
        """One with which it can be done, if there is one."""
        placed = self.world.orders()
        ready = [order_id for order_id in placed if self.world.order(order_id).status == status] or placed
        return ready[number % len(ready)]

    def _does(self, order_id: str, command: orders.ClientCommand) -> None:
        self.world.does(ORDERS, order_id, command)


def check(world: ImaginedSagas) -> None:
    check_sagas(world)
    check_stock(world)
    check_money(world)
    check_log(world)


def check_sagas(world: ImaginedSagas) -> None:
    """Every saga is over, or waits for what a person must do."""
    for order_id in world.orders():
        doc, order = world.docs[order_id], world.order(order_id)
        assert not doc.trouble, doc
        assert not doc.state.trouble, doc
        assert not doc.open, doc
        assert doc.state.status == order.status, (doc, order)
        assert SAGA.is_over(doc.state) == (order.status in (*DEAD, "COMPLETED")), doc
        assert order.status in (*DEAD, *ALIVE), "its time has passed"


def check_stock(world: ImaginedSagas) -> None:
    """What is reserved is reserved for an order that is paid and has not left yet."""
    wanted: Counter[tuple[str, int]] = Counter()
    names: dict[str, tuple[str, int]] = {}
    for order_id in world.orders():
        order = world.order(order_id)
        wanted.update({(order_id, line.product_id): line.quantity for line in order.lines if order.status == "PAID"})
        for product_id, round_ in product(PRODUCTS, range(world.docs[order_id].state.revision + 1)):
            names[want_id(NAME, order_id, f"reserve/{product_id}", round_)] = (order_id, product_id)
    reserved: Counter[tuple[str, int]] = Counter()
    for name, pieces in [item for state in world.inventories().values() for item in state.reservations.items()]:
        reserved[names[name]] += pieces
    assert reserved == wanted
    for state in world.inventories().values():
        assert 0 <= state.reserved == sum(state.reservations.values()) <= state.quantity


def check_money(world: ImaginedSagas) -> None:
    """A payment is captured once, and goes back once or in the parts that were asked for; what is left is paid."""
    kept: Counter[str] = Counter()
    for payment_id, moved in world.provider.moved.items():
        assert moved[0] == "capture", (payment_id, moved)
        assert moved.count("capture") == 1, (payment_id, moved)
        of = next(c for c in world.log if c.stream == f"payment-{payment_id}").events[0].data["order_id"]
        kept[of] += world.provider.kept[payment_id]
        assert moved.count("refund") <= max(1, world.order(of).refunds), (payment_id, moved)
    for order_id in world.orders():
        order = world.order(order_id)
        assert order.open_refund is None, (order_id, order)
        assert kept[order_id] == (order.total.amount - order.refunded if order.status in ALIVE else 0), order


def check_log(world: ImaginedSagas) -> None:
    """S6: a saga cancels no order that is paid, and none whose payment was requested in time and has no end yet."""
    due_at: dict[str, datetime] = {}
    asked_at: dict[str, datetime] = {}
    for commit in world.log:
        match decode_event(commit.events[0]):
            case OrderValidated(order_id=order_id):
                due_at[order_id] = commit.recorded_at + timedelta(seconds=PAYMENT_SECONDS)
            case PaymentRequested(order_id=order_id):
                asked_at[order_id] = commit.recorded_at
            case OrderPaymentFailed(order_id=order_id):
                del asked_at[order_id]
            case OrderCancelled(order_id=order_id) if commit.actor != CLIENT:
                assert order_id not in asked_at or asked_at[order_id] >= due_at[order_id]
    assert len({commit.command_id for commit in world.log}) == len(world.log)


def check_nothing_new(commits: list[Commit]) -> None:
    """S2: a saga that is folded again wants nothing new, but perhaps a rejection that a cancellation forestalled."""
    assert {(commit.fingerprint, commit.events[0].type) for commit in commits} <= {("reject 0", "CommandRefused")}


def _refuses(commit: Commit) -> bool:
    return commit.events[0].type == "CommandRefused"


def test_whatever_overtakes_what_stock_money_and_orders_agree_at_the_end() -> None:
    tally: Counter[str] = Counter()

    @some_schedules(SCHEDULES)
    @given(schedules)
    def play(schedule: tuple[int, list[tuple[str, int]]]) -> None:
        seed, deeds = schedule
        played = Play(seed)
        for deed, number in deeds:
            played.step(deed, number)
        played.come_to_rest()
        check(played.world)
        statuses = sorted(played.world.order(order_id).status for order_id in played.world.orders())
        new = len(played.world.log)
        played.world.forget_everything()
        played.come_to_rest()
        check(played.world)
        check_nothing_new(played.world.log[new:])
        assert sorted(played.world.order(order_id).status for order_id in played.world.orders()) == statuses
        tally["steps"] += len(deeds)
        tally.update(statuses)
        tally.update(event.type for commit in played.world.log for event in commit.events if event.type in CHANGES)
        tally.update(commit.events[0].data["code"] for commit in played.world.log if _refuses(commit))
        tally["captured and given back"] += sum(len(moved) == 2 for moved in played.world.provider.moved.values())

    play()
    print(dict(tally))
    assert tally["steps"] >= FEWEST_STEPS
    wanted = {"PAID", "SHIPPED", "COMPLETED", *DEAD, "captured and given back", *CHANGES, "items_changed"}
    never = wanted - tally.keys()
    assert not never, f"no schedule came to {never}"
