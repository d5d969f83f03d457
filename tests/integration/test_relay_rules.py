"""The relay publishes every commit, in order, whatever happens to it and to the broker (PROTOCOL R)."""

import asyncio
import signal
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import aio_pika
import aiohttp
import pytest
from aiormq import spec
from aiormq.exceptions import DeliveryError
from msgspec.structs import replace
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from command_service import relay as relay_module
from command_service.relay import PUBLISHED, Relay
from common.broker import Confirmation, Publisher, Refused
from common.config import Settings
from common.envelope import Commit, Message, Seal, from_message, whole
from common.errors import Unavailable
from common.leases import LEASES
from common.log import open_log
from tests.support.broker import Broker, Tap, VirtualHost, tapped, virtual_host
from tests.support.client import Client, History
from tests.support.ledger import Ledger, event
from tests.support.real_log import a_database
from tests.support.system import System, running_system, until

KEY = "a key for tests"
SOON_SECONDS = 10.0
LEASE_SECONDS = 30  # longer than this process ever stands still: who loses its lease publishes anew, as R1 allows
SWALLOWING_SECONDS = 0.2
ENOUGH_OUTSTANDING = 300  # "hundreds of confirms"


@pytest.fixture(scope="module")
async def host(rabbitmq: Broker) -> AsyncIterator[VirtualHost]:
    async with virtual_host(rabbitmq) as made:
        yield made


class Bench:
    """A log of a test's own, and relays in this process that publish it on the module's virtual host."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], ledger: Ledger, url: str) -> None:
        self.database = database
        self.ledger = ledger
        self.log = ledger.log
        self.seal = Seal(KEY, self.log.info.id)
        self._url = url

    @asynccontextmanager
    async def relay(self) -> AsyncIterator[Relay]:
        relay = self.a_relay()
        running = asyncio.create_task(relay.run())
        try:
            yield relay
        finally:
            await ended(running)

    def a_relay(self, *, lease_seconds: float = LEASE_SECONDS) -> Relay:
        settings = Settings(amqp_url=self._url, message_key=KEY, lease_seconds=lease_seconds)
        return Relay(self.database, self.log, settings)

    async def published(self, position: int) -> None:
        """Wait until the cursor stands here."""

        async def is_there() -> bool:
            return await self.cursor() == position

        await until(is_there, seconds=SOON_SECONDS, what=f"the cursor is at {position}")

    async def cursor(self) -> int | None:
        cursor = await self.database["relay"].find_one({"_id": "cursor"})
        return cursor and cursor["position"]

    async def publish_all(self) -> None:
        async with self.relay():
            await self.published(await self.log.head())

    async def put_cursor(self, position: int) -> None:
        await self.database["relay"].update_one({"_id": "cursor"}, {"$set": {"position": position}})


@pytest.fixture
async def bench(mongodb_url: str, host: VirtualHost) -> AsyncIterator[Bench]:
    async with a_database(mongodb_url) as (client, name):
        yield Bench(client[name], Ledger(await open_log(client[name], partitions=4)), host.url)


async def ended(running: "asyncio.Task[None]") -> None:
    """Cancel it as often as it takes: a test that fails must not hang as well."""
    while not running.done():
        running.cancel()
        await asyncio.wait((running,), timeout=1)


class FakeBroker:
    """Stands in for the publisher: it keeps what it is given and answers as the test says."""

    def __init__(self, answer: Callable[[Message], "asyncio.Future[bool] | bool"]) -> None:
        self.sent: list[Message] = []
        self.sessions = 0
        self._answer = answer

    async def open(self, url: str, name: str) -> "FakeBroker":
        self.sessions += 1
        return self

    async def publish(self, messages: Sequence[Message]) -> list[Confirmation]:
        return [self._confirmation(message) for message in messages]

    def _confirmation(self, message: Message) -> Confirmation:
        self.sent.append(message)
        confirmation: Confirmation = asyncio.get_running_loop().create_future()
        try:
            answer = self._answer(message)
        except Refused:
            confirmation.set_exception(DeliveryError(None, spec.Basic.Nack()))
        except Unavailable:
            confirmation.set_exception(ConnectionError())
        else:
            if isinstance(answer, bool):
                confirmation.set_result(spec.Basic.Ack() if answer else None)
            else:
                answer.add_done_callback(lambda _: confirmation.done() or confirmation.set_result(spec.Basic.Ack()))
        return confirmation

    async def close(self) -> None:
        pass

    @property
    def positions(self) -> list[int]:
        return [message.headers["position"] for message in self.sent]


def fake_broker(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[Message], "asyncio.Future[bool] | bool"]
) -> FakeBroker:
    broker = FakeBroker(answer)
    monkeypatch.setattr(Publisher, "open", broker.open)
    return broker


def never() -> "asyncio.Future[bool]":
    return asyncio.get_running_loop().create_future()


async def until_true(fact: Callable[[], bool], what: str) -> None:
    async def is_true() -> bool:
        return fact()

    await until(is_true, seconds=SOON_SECONDS, what=what)


def chain_errors(messages: list[Message] | Tap, commits: list[Commit]) -> list[str]:
    """The messages whose `prev` is not the position of their partition's commit before."""
    before: dict[int, int] = {}
    last: dict[int, int] = defaultdict(int)
    for commit in commits:
        before[commit.position], last[commit.partition] = last[commit.partition], commit.position
    told = messages.messages if isinstance(messages, Tap) else messages
    return [str(m.headers["ce-id"]) for m in told if m.headers["prev"] != before[int(str(m.headers["position"]))]]


# R1: a lease decides who publishes; two at once only cause duplicates


@pytest.fixture(scope="module")
async def two_relays(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator:
    """A system with two command services, and a tap on its events."""
    async with (
        virtual_host(rabbitmq) as its_host,
        tapped(its_host) as tap,
        running_system(mongodb_url, its_host.url, tmp_path_factory.mktemp("relays"), LEASE_SECONDS="1") as system,
    ):
        await system.start("command2")
        yield system, tap


class Shop:
    """Orders through one of the two command services."""

    def __init__(self, system: System, tap: Tap, http: aiohttp.ClientSession) -> None:
        self.system = system
        self.tap = tap
        self.http = http

    async def order(self, count: int, service: str) -> None:
        body = {"user_id": 1, "product_id": 1, "quantity": 1}
        for _ in range(count):
            async with self.http.post(self.system.url(service) + "/commands/orders", json=body) as answer:
                assert answer.status == 201, await answer.text()

    async def publisher(self) -> str:
        """Which command service has the lease, as it says itself."""
        found: list[str] = []

        async def is_found() -> bool:
            found[:] = [name for name in self._commands() if (await self._relay(name))["connected"]]
            return len(found) == 1

        await until(is_found, seconds=SOON_SECONDS, what="one command service publishes")
        return found[0]

    async def published(self, by: str) -> int:
        """Wait until this service says that everything is published, and up to where that is."""

        async def is_level() -> bool:
            return (await self._relay(by))["lag"] == 0

        await until(is_level, seconds=SOON_SECONDS, what="everything is published")
        return (await self._relay(by))["position"]

    def _commands(self) -> list[str]:
        return [name for name in self.system.running if name.startswith("command")]

    async def _relay(self, name: str) -> dict[str, Any]:
        async with self.http.get(self.system.url(name) + "/ops/positions") as answer:
            return (await answer.json())["relay"]


@pytest.fixture
async def shop(two_relays: tuple[System, Tap]) -> AsyncIterator[Shop]:
    system, tap = two_relays
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        client = Client(http, system.gateway, History())
        await client.command("inventory", {"product_id": 1, "product_name": "Thing", "quantity": 100})
        yield Shop(system, tap, http)


def other(service: str) -> str:
    return "command2" if service == "command" else "command"


async def test_R1_of_two_relays_only_the_one_with_the_lease_publishes(shop: Shop) -> None:
    await shop.publisher()
    await shop.published(by="command")
    before = len(shop.tap.ids)
    await asyncio.gather(shop.order(50, "command"), shop.order(50, "command2"))
    await shop.published(by="command")
    await shop.tap.has(lambda tap: len(tap.ids) >= before + 100, "the tap has every event")
    assert max(Counter(shop.tap.ids[before:]).values()) == 1


async def test_R1_when_the_publishing_relay_is_killed_the_other_takes_over(shop: Shop) -> None:
    victim = await shop.publisher()
    await shop.system.kill(victim)
    before = set(shop.tap.ids)
    await shop.order(20, other(victim))
    await shop.published(by=other(victim))
    await shop.tap.has(lambda tap: len(set(tap.ids) - before) == 20, "the tap has the new events")
    await shop.system.start(victim)


async def test_R1_a_frozen_relay_that_wakes_up_doubles_events_and_takes_nothing_back(shop: Shop) -> None:
    victim = await shop.publisher()
    survivor = other(victim)
    before = await shop.published(by=victim)

    def new(tap: Tap) -> int:
        return len({event for event in tap.ids if int(event.partition(".")[0]) > before})

    ordering = asyncio.create_task(shop.order(400, survivor))
    await shop.tap.has(lambda tap: new(tap) > 50, "events flow")
    shop.system.signal(victim, signal.SIGSTOP)
    await ordering
    await shop.published(by=survivor)
    shop.system.signal(victim, signal.SIGCONT)
    assert await shop.publisher() == survivor  # the woken one has seen that its lease is gone
    await shop.published(by=victim)
    await shop.order(1, survivor)
    await shop.published(by=survivor)
    await shop.tap.has(lambda tap: new(tap) == 401, "every event was published")


# R2: the chain of `prev`, also right after a start


async def test_R2_a_relay_goes_on_at_its_cursor_and_the_chain_has_no_break(bench: Bench, host: VirtualHost) -> None:
    async with tapped(host) as tap:
        for _ in range(3):
            for user_id in range(1, 9):
                await bench.ledger.orders(user_id, [(1, 1)], [(2, 1)])
            await bench.publish_all()
        commits = await bench.log.read_all(0, 500)
        await tap.has(lambda t: t.positions[-1:] == [48], "everything arrived")
    assert tap.positions == list(range(1, 49))
    assert chain_errors(tap, commits) == []


@pytest.mark.parametrize("cursor", [0, 5, 11])
async def test_R2_a_cursor_set_back_causes_duplicates_with_the_right_chain(
    bench: Bench, host: VirtualHost, cursor: int
) -> None:
    for user_id in range(1, 7):
        await bench.ledger.orders(user_id, [(1, 1)], [(2, 1)])
    await bench.publish_all()
    await bench.put_cursor(cursor)
    await bench.ledger.order(1, (3, 1))
    async with tapped(host) as tap:
        await bench.publish_all()
        await tap.has(lambda t: t.positions[-1:] == [13], "everything arrived")
    assert tap.positions == list(range(cursor + 1, 14))
    assert chain_errors(tap, await bench.log.read_all(0, 500)) == []


@pytest.mark.parametrize("cursor", [None, 999], ids=["deleted", "of another log"])
async def test_R2_without_a_cursor_of_this_log_everything_is_published_again(
    bench: Bench, host: VirtualHost, cursor: int | None
) -> None:
    await bench.ledger.orders(1, [(1, 1)], [(2, 1)])
    await bench.publish_all()
    if cursor is None:
        await bench.database["relay"].delete_many({})
    else:
        await bench.put_cursor(cursor)
    async with tapped(host) as tap:
        await bench.publish_all()
        await tap.has(lambda t: t.positions[-1:] == [2], "everything arrived")
    assert tap.positions == [1, 2]


async def test_R2_nothing_is_published_before_the_commit_in_front_of_it_was_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = fake_broker(monkeypatch, lambda _: True)
    first, second, third, fourth = (
        replace(bench.ledger.an_order(1, [(1, 1)]), position=n, version=1) for n in range(1, 5)
    )
    await bench.ledger.put(first, second, fourth)
    async with bench.relay():
        await bench.published(2)
        await bench.ledger.put(third)
        await bench.published(4)
    assert broker.positions == [1, 2, 3, 4]
    assert chain_errors(broker.sent, await bench.log.read_all(0, 10)) == []


# R3: what a message is


async def test_R3_the_messages_of_a_commit_say_everything_that_the_commit_says(bench: Bench, host: VirtualHost) -> None:
    told = {"actor": "user-7", "correlation_id": "c", "causation_id": "d", "traceparent": f"00-{7:032x}-{7:016x}-01"}
    two = [event("InventoryUpdated", product_id=3, quantity=1), event("LowStockDetected", product_id=3, available=1)]
    draft = replace(bench.ledger.draft("inventory-3", 3, *two), **told)
    async with tapped(host) as tap:
        (commit,) = await bench.ledger.append(draft)
        await bench.publish_all()
        await tap.has(lambda t: len(t.messages) == 2, "both events arrived")
    parts = [from_message(m.headers, m.body, bench.seal) for m in tap.messages]
    assert whole(parts) == commit
    assert [(part.index, part.count) for part in parts] == [(0, 2), (1, 2)]


async def test_R3_a_message_is_a_persistent_cloud_event(bench: Bench, host: VirtualHost) -> None:
    async with tapped(host) as tap:
        order = await bench.ledger.order(7, (1, 1))
        await bench.publish_all()
        await tap.has(lambda t: len(t.messages) == 1, "it arrived")
    message = tap.messages[0]
    expected = {
        "ce-specversion": "1.0",
        "ce-id": "1.0",
        "ce-source": "/leveret/order",
        "ce-type": "OrderInitiated",
        "ce-subject": order.stream,
        "ce-dataschema": "/leveret/events/OrderInitiated/1",
        "log_id": bench.log.info.id,
        "partition": order.partition,
        "command_id": order.command_id,
    }
    assert {name: message.headers[name] for name in expected} == expected
    assert message.message_id == "1.0"
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert message.routing_key == f"p{order.partition}.order.OrderInitiated"
    assert len(str(message.headers["mac"])) == 32
    assert str(message.headers["ce-time"]).endswith("Z")


async def test_R3_another_team_gets_every_order_in_the_order_of_the_log(bench: Bench, host: VirtualHost) -> None:
    async with tapped(host, "*.order.OrderInitiated") as tap:
        orders = []
        for user_id in range(1, 51):
            placed = await bench.ledger.orders(user_id, [(1, 1)], [(2, 2)])
            await bench.ledger.cancel(placed[0])
            orders += placed
        await bench.publish_all()
        await tap.has(lambda t: len(t.messages) >= 100, "every order arrived")
    assert [m.headers["ce-subject"] for m in tap.messages] == [order.stream for order in orders]


async def test_R3_hundreds_of_confirms_are_outstanding_and_the_cursor_is_the_last_contiguous_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = never()
    broker = fake_broker(monkeypatch, lambda message: held if message.headers["position"] == 5 else True)
    await bench.ledger.append(*(bench.ledger.an_order(1, [(1, 1)]) for _ in range(ENOUGH_OUTSTANDING)))
    async with bench.relay():
        await until_true(lambda: len(broker.sent) == ENOUGH_OUTSTANDING, "all are sent, one is not confirmed")
        await bench.published(4)
        held.set_result(True)
        await bench.published(ENOUGH_OUTSTANDING)


# R4: nothing stops it


def unroutable() -> float:
    return PUBLISHED.labels("unroutable")._value.get()


async def test_R4_what_nobody_is_bound_to_is_counted_and_does_not_stop_the_rest(
    bench: Bench, host: VirtualHost
) -> None:
    before = unroutable()
    orders = await bench.ledger.orders(1, [(1, 1)])
    await bench.publish_all()  # there is no queue at all
    assert unroutable() == before + 1
    async with tapped(host, f"p{orders[0].partition}.#") as tap:
        other_key = bench.ledger.key_in((orders[0].partition + 1) % 4)
        await bench.ledger.order(other_key, (1, 1))
        await bench.ledger.order(1, (1, 1))
        await bench.publish_all()
        await tap.has(lambda t: t.positions == [3], "what has a route arrived")
    assert unroutable() == before + 2


async def test_R4_a_broker_that_confirms_nothing_is_left_and_the_lowest_unconfirmed_is_sent_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "CONFIRM_SECONDS", 0.2)
    broker = fake_broker(monkeypatch, lambda m: broker.sessions > 1 or m.headers["position"] != 3 or never())
    await bench.ledger.append(*(bench.ledger.an_order(1, [(1, 1)]) for _ in range(5)))
    async with bench.relay():
        await bench.published(5)
    assert broker.positions[:5] == [1, 2, 3, 4, 5]
    assert broker.positions[5:] == list(range(broker.positions[5], 6))  # from the cursor as it was written down
    assert broker.positions[5] <= 3
    assert chain_errors(broker.sent, await bench.log.read_all(0, 10)) == []


async def test_R4_an_event_that_the_broker_refuses_twice_goes_out_without_its_body(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_its_body(message: Message) -> bool:
        if message.headers["position"] == 2 and message.body:
            raise Refused(message.id)
        return True

    broker = fake_broker(monkeypatch, refuse_its_body)
    await bench.ledger.append(*(bench.ledger.an_order(1, [(1, 1)]) for _ in range(3)))
    async with bench.relay():
        await bench.published(3)
    assert [bool(m.body) for m in broker.sent if m.headers["position"] == 2] == [True, True, False]
    assert all(m.body for m in broker.sent if m.headers["position"] != 2)


async def test_R4_a_queue_that_refuses_everything_does_not_stop_the_others(bench: Bench, host: VirtualHost) -> None:
    """Another team's full queue with `reject-publish`: the broker nacks, although everybody else has the message."""
    await host.make_queue("full", **{"x-max-length": 1, "x-overflow": "reject-publish"})
    try:
        async with tapped(host) as tap:
            await host.bind("full", "#")
            await bench.ledger.orders(1, [(1, 1)], [(1, 1)], [(1, 1)])
            await bench.publish_all()
            await tap.has(lambda t: set(t.positions) == {1, 2, 3}, "everything arrived")
    finally:
        await host.delete_queue("full")


async def test_R4_an_event_of_more_than_256_KiB_goes_out_without_its_body(bench: Bench, host: VirtualHost) -> None:
    async with tapped(host) as tap:
        await bench.ledger.order(1, *((product_id, 1) for product_id in range(1, 10_001)))
        await bench.publish_all()
        await tap.has(lambda t: len(t.messages) == 1, "it arrived")
    assert (tap.messages[0].body, tap.messages[0].headers["body"]) == (b"", "log")


@asynccontextmanager
async def swallowing(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """What PyMongo does now and then under Python 3.11: `asyncio.wait_for` loses a cancellation that comes just when
    the bytes are sent, and the call returns as if nothing had been."""
    update_one = AsyncCollection.update_one

    async def update_one_swallowing(*of: Any, **how: Any) -> Any:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(SWALLOWING_SECONDS)
        return await update_one(*of, **how)

    with monkeypatch.context() as patch:
        patch.setattr(AsyncCollection, "update_one", update_one_swallowing)
        yield


async def test_R4_a_cancellation_that_the_driver_swallows_does_not_stop_the_next_session(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_the_first_session(message: Message) -> bool:
        if broker.sessions == 1 and message.headers["position"] == 2:
            raise Unavailable("the connection is lost, while the cursor is written")
        return True

    broker = fake_broker(monkeypatch, lose_the_first_session)
    await bench.ledger.append(*(bench.ledger.an_order(1, [(1, 1)]) for _ in range(2)))
    async with swallowing(monkeypatch), bench.relay():
        await bench.published(2)


async def test_R4_a_cancellation_that_the_driver_swallows_still_ends_the_relay(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_broker(monkeypatch, lambda _: True)
    running = asyncio.create_task(bench.a_relay(lease_seconds=1).run())
    await bench.ledger.order(1)
    await bench.published(1)
    async with swallowing(monkeypatch):
        leases = bench.database[LEASES]
        before = await leases.find_one({"_id": "relay/0"})

        async def is_renewing() -> bool:  # then the next renewal is about to begin, or has begun
            return await leases.find_one({"_id": "relay/0"}) != before

        await until(is_renewing, seconds=SOON_SECONDS, what="the lease is renewed")
        running.cancel()
        done, _ = await asyncio.wait((running,), timeout=SOON_SECONDS)
        await ended(running)
    assert done, "the relay runs on after it was told to end"


async def test_R4_a_virtual_host_that_goes_and_comes_back_stops_nothing(rabbitmq: Broker, bench: Bench) -> None:
    """The connection is cut under load, then nobody answers for a while; afterwards the cursor reaches the head."""
    async with virtual_host(rabbitmq) as doomed:
        its_bench = Bench(bench.database, bench.ledger, doomed.url)
        async with its_bench.relay() as relay:
            for number in range(3):
                await its_bench.ledger.append(*(bench.ledger.an_order(1, [(1, 1)]) for _ in range(400)))
                await until_true(lambda: relay.is_connected, "it publishes")
                await doomed.delete()
                await until_true(lambda: not relay.is_connected, "it has noticed")
                await doomed.create()
                await its_bench.published(400 * (number + 1))
