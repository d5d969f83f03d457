"""The feed brings every commit once and in order, however the messages come, or do not come (PROTOCOL F)."""

import asyncio
import random
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from zlib import crc32

import aiohttp
import pytest
from msgspec.structs import replace

from common.envelope import Commit, Message, Seal, to_messages
from common.leases import LEASES
from common.log import open_log
from common.mongo import open_client
from tests.support import naive
from tests.support.broker import Broker, VirtualHost, tapped, virtual_host
from tests.support.client import Client, History, shop
from tests.support.failing import WRITE_CONFLICT, failing, impatient_transactions
from tests.support.ledger import Ledger, event
from tests.support.system import System, running_system, until

PARTITIONS = 8
PRODUCTS = range(1, 6)
KEY = "a key for tests"
SOON_SECONDS = 15.0
QUICK_SECONDS = 6.0  # the tail check's second, and some for two busy cores
REBIND_SECONDS = 25.0  # ten silent seconds, then a new session
QUEUES = tuple(f"views.p{partition}" for partition in range(PARTITIONS))


class Shop:
    """A running system, somebody to send commands, and its log and broker to meddle with."""

    def __init__(
        self, system: System, host: VirtualHost, http: aiohttp.ClientSession, ledger: Ledger, views: Any
    ) -> None:
        self.system = system
        self.host = host
        self.ledger = ledger
        self.views = views
        self.seal = Seal(KEY, ledger.log.info.id)
        self.client = Client(http, system.gateway, History())
        self._http = http

    async def order(self, user_id: int) -> str:
        ack = await self.client.command("orders", {"user_id": user_id, "product_id": 1, "quantity": 1})
        assert ack
        return ack.content["order_id"]

    async def is_visible(self, order_id: str) -> bool:
        async with self._http.get(f"{self.system.gateway}/cqrs/queries/orders/{order_id}") as answer:
            return answer.status == 200

    async def visible(self, *order_ids: str, seconds: float = SOON_SECONDS) -> None:
        for order_id in order_ids:
            await until(lambda found=order_id: self.is_visible(found), seconds=seconds, what="the order is visible")

    @asynccontextmanager
    async def customers(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as shopping:
            for number in range(3):
                chance = random.Random(number)
                shopping.create_task(shop(self.client, chance, stop, user_id=number * 7 + 1, products=PRODUCTS))
            try:
                yield
            finally:
                stop.set()

    async def check(self) -> None:
        system = self.system
        await system.settled()
        await asyncio.to_thread(naive.check, system.mongodb_url, system.events_database, system.views_database)

    async def more_acks(self, count: int) -> None:
        wanted = len(self.client.history.acks) + count

        async def are_there() -> bool:
            return len(self.client.history.acks) >= wanted

        await until(are_there, seconds=SOON_SECONDS, what="more commands are acknowledged")

    async def shares(self) -> list[int]:
        """How many partitions each process holds, by the leases."""
        now = {"$expr": {"$gt": ["$until", "$$NOW"]}, "_id": {"$regex": r"^views/\d+$"}}
        holders = [lease["holder"] async for lease in self.views[LEASES].find(now)]
        return sorted(holders.count(holder) for holder in set(holders))

    async def shared(self, *shares: int) -> None:
        async def are_shared() -> bool:
            return await self.shares() == sorted(shares)

        await until(are_shared, seconds=SOON_SECONDS, what=f"the partitions are shared {shares}")

    async def metric(self, name: str, process: str = "projector") -> float:
        """The sum of the samples whose line begins so."""
        async with self._http.get(self.system.url(process) + "/metrics") as answer:
            text = await answer.text()
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))

    async def counted(self, kind: str, count: float) -> None:
        """Wait until the projector has counted so many messages of this kind, and acked them all."""
        name = f'leveret_feed_messages_total{{group="views",kind="{kind}"}}'

        async def is_counted() -> bool:
            return await self.metric(name) >= count

        await until(is_counted, seconds=SOON_SECONDS, what=f"{count} {kind} messages are counted")

    async def count(self, kind: str) -> float:
        return await self.metric(f'leveret_feed_messages_total{{group="views",kind="{kind}"}}')

    async def killed_projectors_left(self) -> int:
        """Kill every projector; return how many messages are in the queues then, handed out or not."""
        for name in self.system.running:
            if name.startswith("projector"):
                await self.system.kill(name)
        return await self.host.waiting(*QUEUES)

    def user_of(self, partition: int) -> int:
        return self.ledger.key_in(partition, above=1000)


def partition_of(key: int) -> int:
    return crc32(str(key).encode()) % PARTITIONS


@pytest.fixture(scope="module")
async def module_shop(
    mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, tmp_path_factory.mktemp("feed")) as system,
        aiohttp.ClientSession() as http,
        open_client(mongodb_url, name="test") as mongo,
    ):
        ledger = Ledger(await open_log(mongo[system.events_database], partitions=PARTITIONS))
        made = Shop(system, host, http, ledger, mongo[system.views_database])
        for product_id in PRODUCTS:
            body = {"product_id": product_id, "product_name": "Thing", "quantity": 100}
            await made.client.command("inventory", body)
        yield made


@pytest.fixture
async def shop_(module_shop: Shop) -> AsyncIterator[Shop]:
    """With one projector, level with the log; afterwards the views must be right, whatever was done."""
    await _leave_one_projector(module_shop)
    await module_shop.system.settled()
    await module_shop.host.followed(PARTITIONS)
    yield module_shop
    await _leave_one_projector(module_shop)
    await module_shop.check()


async def _leave_one_projector(shop_: Shop) -> None:
    """Whatever a test that failed has left behind."""
    for name in shop_.system.running:
        if re.fullmatch(r"projector\d", name):
            await shop_.system.kill(name)
    if await shop_.shares() != [PARTITIONS]:
        await shop_.system.kill("projector")
        await shop_.system.start("projector")


# F1: leases share the partitions, and the holder alone consumes


async def test_F1_partitions_are_shared_fairly_and_handed_over(shop_: Shop) -> None:
    async with shop_.customers():
        await shop_.shared(8)
        await shop_.system.start("projector2", "projector3")
        await shop_.shared(2, 3, 3)
        await shop_.host.followed(PARTITIONS)
        await shop_.more_acks(30)
        await shop_.system.kill("projector3")
        await shop_.shared(4, 4)
        await shop_.system.kill("projector2")
        await shop_.shared(8)
        await shop_.host.followed(PARTITIONS)
    assert await shop_.views["orders"].count_documents({"parked": {"$exists": True}}) == 0


async def test_F1_what_a_frozen_holder_had_is_taken_over_and_it_does_nothing_wrong_when_it_wakes(shop_: Shop) -> None:
    await shop_.system.start("projector2")
    await shop_.shared(4, 4)
    async with impatient_transactions(shop_.system.mongodb_url, seconds=2):
        async with shop_.customers():
            await shop_.more_acks(20)
            for _ in range(2):
                shop_.system.signal("projector", signal.SIGSTOP)
                await shop_.shared(8)
                await shop_.visible(*[await shop_.order(shop_.user_of(partition)) for partition in range(PARTITIONS)])
                shop_.system.signal("projector", signal.SIGCONT)
                await shop_.shared(4, 4)
        await shop_.check()
    await shop_.system.kill("projector2")
    await shop_.shared(8)


# F2: the queues, and when a message is acked


async def test_F2_the_queues_are_bounded_durable_quorum_queues_of_their_partition(shop_: Shop) -> None:
    queues = await shop_.host.queues()
    assert set(QUEUES) <= set(queues)
    for partition, name in enumerate(QUEUES):
        arguments = queues[name]["arguments"]
        assert queues[name]["durable"]
        assert arguments["x-queue-type"] == "quorum"
        assert arguments["x-overflow"] == "drop-head"
        assert arguments["x-max-length"] > 0
        assert arguments["x-delivery-limit"] > 0
        assert await shop_.host.routes(name) == {f"p{partition}.#"}


async def test_F2_nothing_is_acked_before_it_is_in_the_views_and_everything_afterwards(shop_: Shop) -> None:
    async with failing(
        shop_.system.mongodb_url,
        "update",
        client="projector",
        errorCode=WRITE_CONFLICT,
        errorLabels=["TransientTransactionError"],
    ):
        orders = [await shop_.order(user_id) for user_id in range(1, 25)]

        async def has_come() -> bool:
            return (await shop_.system.positions())["relay"]["lag"] == 0  # type: ignore[index]

        await until(has_come, seconds=SOON_SECONDS, what="every event is published")
        assert await shop_.killed_projectors_left() >= len(orders)
    await shop_.system.start("projector")
    await shop_.visible(*orders)
    await _drained(shop_)


async def test_F2_a_queue_that_was_declared_otherwise_is_told_and_the_views_come_from_the_log(shop_: Shop) -> None:
    await shop_.killed_projectors_left()
    await shop_.host.delete_queue("views.p3")
    await shop_.host.make_queue("views.p3", **{"x-max-length": 7})
    await shop_.system.start("projector")
    orders = [await shop_.order(shop_.user_of(partition)) for partition in range(PARTITIONS)]
    await shop_.visible(*orders, seconds=QUICK_SECONDS)

    async def is_told() -> bool:
        return bool(re.search(r"views\.p3.*(PRECONDITION|inequivalent)", _log_of(shop_)))

    await until(is_told, seconds=SOON_SECONDS, what="the log says which queue is wrong")
    await shop_.host.delete_queue("views.p3")
    await shop_.host.followed(PARTITIONS)


# F3: a checkpoint of another log


@pytest.mark.parametrize("mark", [{"command_id": "another"}, {"position": 10**9}], ids=["other commit", "beyond"])
async def test_F3_a_checkpoint_of_another_log_is_refused_with_what_to_run(shop_: Shop, mark: dict[str, Any]) -> None:
    order = await shop_.order(1)
    await shop_.visible(order)
    await shop_.system.settled()
    await shop_.killed_projectors_left()
    checkpoint = {"_id": f"views/{partition_of(1)}"}
    before = await shop_.views["checkpoints"].find_one(checkpoint)
    await shop_.views["checkpoints"].update_one(checkpoint, {"$set": mark})
    code = await shop_.system.run_until_it_ends("projector")
    assert code != 0
    assert "cqrs projections reset" in _log_of(shop_).rpartition("serving")[2]
    await shop_.views["checkpoints"].replace_one(checkpoint, before)


# F4: messages that are not ours, old ones, and gaps


async def test_F4_forged_messages_are_counted_acked_and_nothing_more(shop_: Shop) -> None:
    victim = await shop_.order(1)
    await shop_.visible(victim)
    forged = replace(shop_.ledger.an_order(1, [(1, 1)]), position=await shop_.ledger.log.head() + 1, version=1)
    elsewhere = (forged.partition + 1) % PARTITIONS
    foreign = _sealed(forged, Seal(KEY, "another log"))
    unsealed = _sealed(forged, Seal("a key of somebody else", shop_.ledger.log.info.id))
    misled = _sealed(forged, shop_.seal)
    tampered = replace(misled, body=misled.body.replace(b'"quantity":1', b'"quantity":9'))
    before = {kind: await shop_.count(kind) for kind in ("foreign_log", "wrong_mac", "wrong_partition")}
    await shop_.host.publish(f"p{forged.partition}.order.X", foreign.headers, foreign.body)
    await shop_.host.publish(f"p{forged.partition}.order.X", unsealed.headers, unsealed.body)
    await shop_.host.publish(f"p{forged.partition}.order.X", tampered.headers, tampered.body)
    await shop_.host.publish(f"p{elsewhere}.order.X", misled.headers, misled.body)
    await shop_.host.publish(f"p{elsewhere}.order.X", {}, b"not even JSON")
    await shop_.host.publish(
        f"p{elsewhere}.order.X", {"log_id": shop_.seal.log_id, "mac": 7, "x": bytearray(b"\xff")}, b"\xff"
    )
    await shop_.counted("foreign_log", before["foreign_log"] + 2)
    await shop_.counted("wrong_mac", before["wrong_mac"] + 2)
    await shop_.counted("wrong_partition", before["wrong_partition"] + 1)
    assert not await shop_.is_visible(forged.subject)
    await shop_.check()
    await _drained(shop_)


async def test_F4_every_message_again_and_in_any_order_changes_nothing(shop_: Shop) -> None:
    async with tapped(shop_.host) as tap:
        orders = [await shop_.order(user_id) for user_id in range(1, 13)]
        await tap.has(lambda t: len(t.messages) >= 12, "every event arrived")
    await shop_.visible(*orders)
    duplicates = await shop_.count("duplicate")
    again = tap.messages * 2
    random.Random(1).shuffle(again)
    for message in again:
        await shop_.host.publish(str(message.routing_key), dict(message.headers), message.body)
    await shop_.counted("duplicate", duplicates + len(again))
    await shop_.check()
    await _drained(shop_)


async def test_F4_what_follows_a_lost_message_waits_until_the_gap_is_read_from_the_log(shop_: Shop) -> None:
    user_id = shop_.user_of(5)
    gaps = await shop_.metric('leveret_feed_log_reads_total{group="views",reason="gap"}')
    await shop_.host.unbind("views.p5", "p5.#")
    lost = [await shop_.order(user_id) for _ in range(3)]
    await shop_.host.bind("views.p5", "p5.#")
    told = await shop_.order(user_id)
    await shop_.visible(told, *lost)
    await shop_.check()
    assert await shop_.metric('leveret_feed_log_reads_total{group="views"') > gaps


async def test_F4_a_commit_of_which_an_event_is_lost_is_read_whole_from_the_log(shop_: Shop) -> None:
    product_id = shop_.user_of(6)
    await shop_.host.unbind("views.p6", "p6.#")
    await shop_.host.bind("views.p6", "p6.inventory.LowStockDetected")  # the second of two
    body = {"product_id": product_id, "product_name": "Thing", "quantity": 9}
    await shop_.client.command("inventory", body)
    await shop_.client.command("inventory", {"product_id": product_id, "quantity": 0})
    await shop_.host.bind("views.p6", "p6.#")
    await shop_.host.unbind("views.p6", "p6.inventory.LowStockDetected")
    await shop_.client.command("inventory", {"product_id": product_id, "unit_price": "1.00"})
    await shop_.check()


async def test_F4_an_event_without_its_body_is_read_from_the_log(shop_: Shop) -> None:
    """It is over 256 KiB as JSON."""
    order = await shop_.ledger.order(shop_.user_of(2), *((product_id, 1) for product_id in range(1, 9_001)))
    await shop_.visible(order.subject)
    await shop_.check()


# F5: checkpoints stand on commits of their partition; idle ones are level all the same


async def test_F5_every_checkpoint_is_the_last_commit_of_its_partition(shop_: Shop) -> None:
    await shop_.visible(*[await shop_.order(shop_.user_of(1)) for _ in range(5)])
    await shop_.system.settled()
    commits = await _last_commits(shop_)
    async for checkpoint in shop_.views["checkpoints"].find({"group": "views"}):
        position, command_id = commits.get(checkpoint["partition"], (0, None))
        assert (checkpoint["position"], checkpoint["command_id"]) == (position, command_id)
    positions = await shop_.system.positions()
    assert positions["groups"]["views"]["position"] == positions["head"]  # type: ignore[index]


# F6: what never arrives


async def test_F6_a_message_that_nothing_follows_is_looked_for_in_the_log(shop_: Shop) -> None:
    await shop_.host.unbind("views.p4", "p4.#")
    order = await shop_.order(shop_.user_of(4))
    await shop_.visible(order, seconds=QUICK_SECONDS)
    await shop_.host.bind("views.p4", "p4.#")


async def test_F6_purged_queues_are_made_up_for_from_the_log(shop_: Shop) -> None:
    await shop_.killed_projectors_left()
    orders = [await shop_.order(user_id) for user_id in range(1, 25)]
    for name in QUEUES:
        await shop_.host.purge(name)
    orders += [await shop_.order(user_id) for user_id in range(1, 25)]
    await shop_.system.start("projector")
    await shop_.visible(*orders)


async def test_F6_deleted_queues_come_back(shop_: Shop) -> None:
    async with shop_.customers():
        for name in QUEUES:
            await shop_.host.delete_queue(name)
        await shop_.more_acks(20)
    await shop_.host.followed(PARTITIONS)


async def test_F6_a_deleted_exchange_and_its_bindings_come_back(shop_: Shop) -> None:
    await shop_.host.delete_exchange()
    orders = [await shop_.order(shop_.user_of(partition)) for partition in range(PARTITIONS)]
    await shop_.visible(*orders, seconds=QUICK_SECONDS)

    async def is_bound() -> bool:
        await shop_.order(1)
        return [await _routes(shop_, name) for name in QUEUES] == [{f"p{n}.#"} for n in range(PARTITIONS)]

    await until(is_bound, seconds=REBIND_SECONDS, what="every queue is bound again")


async def test_F6_a_lost_binding_of_one_partition_comes_back(shop_: Shop) -> None:
    """The others go on being delivered meanwhile."""
    await shop_.host.unbind("views.p7", "p7.#")

    async def is_bound() -> bool:
        for partition in (0, 7):
            await shop_.order(shop_.user_of(partition))
        return await _routes(shop_, "views.p7") == {"p7.#"}

    try:
        await until(is_bound, seconds=REBIND_SECONDS, what="the queue is bound again")
    finally:
        await shop_.host.bind("views.p7", "p7.#")


async def test_F6_a_wiped_broker_is_furnished_again_and_loses_nothing(shop_: Shop) -> None:
    async with shop_.customers():
        await shop_.more_acks(10)
        await shop_.host.delete()
        await shop_.more_acks(10)
        await shop_.host.create()
        await shop_.more_acks(10)
    await shop_.host.followed(PARTITIONS)


async def test_F6_without_a_broker_the_views_live_from_the_log_alone(shop_: Shop, tmp_path_factory: Any) -> None:
    await shop_.killed_projectors_left()
    names = {"EVENTS_DATABASE": shop_.system.events_database, "VIEWS_DATABASE": shop_.system.views_database}
    alone = System(shop_.system.mongodb_url, "", tmp_path_factory.mktemp("alone"), **names)
    try:
        await alone.start("projector")
        orders = [await shop_.order(user_id) for user_id in range(1, 25)]
        await shop_.visible(*orders, seconds=QUICK_SECONDS)
        assert await shop_.host.waiting(*QUEUES) >= len(orders)
        await shop_.check()
    finally:
        await alone.stop()


# F7: whole commits


async def test_F7_the_largest_commit_comes_whole_and_fits_the_prefetch_twice(shop_: Shop) -> None:
    product_id = shop_.user_of(0)
    first = await shop_.ledger.stock(product_id, 1)
    events = [event("InventoryUpdated", product_id=product_id, quantity=n) for n in range(2, 102)]
    await shop_.ledger.on(first, *events)
    await shop_.check()

    async def is_enough() -> bool:
        feeding = [c for c in await shop_.host.consumers() if c["queue"]["name"] in QUEUES]
        prefetches = [consumer["prefetch_count"] for consumer in feeding]
        return bool(prefetches) and min(prefetches) >= 2 * len(events)

    await until(is_enough, seconds=SOON_SECONDS, what="the prefetch is twice the largest commit")


def _sealed(commit: Commit, seal: Seal) -> Message:
    """The one message of a commit that is in no log; it says that nothing is missing before it."""
    return to_messages(commit, 0, seal)[0]


async def _drained(shop_: Shop) -> None:
    """Everything is acked: nothing comes back when the projector is gone."""
    await shop_.system.settled()

    async def is_drained() -> bool:
        left = await shop_.killed_projectors_left()
        await shop_.system.start("projector")
        await shop_.system.settled()
        return left == 0

    await until(is_drained, seconds=30, what="everything is acked")


async def _routes(shop_: Shop, queue: str) -> set[str]:
    try:
        return await shop_.host.routes(queue)
    except AssertionError:  # there is no such queue or exchange just now
        return set()


def _log_of(shop_: Shop, process: str = "projector") -> str:
    return (shop_.system.folder / f"{process}.log").read_text()


async def _last_commits(shop_: Shop) -> dict[int, tuple[int, str]]:
    last: dict[int, tuple[int, str]] = {}
    position = 0
    while page := await shop_.ledger.log.read_all(position, 500):
        last |= {commit.partition: (commit.position, commit.command_id) for commit in page}
        position = page[-1].position
    return last
