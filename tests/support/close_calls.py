"""Schedules in which one safeguard, or two, stand between the system and a broken rule."""

import asyncio
from contextlib import suppress
from uuid import uuid4

from command_service.domain.inventory import ReserveStock, UpdateInventory
from common.envelope import Commit
from common.errors import ForeignLog
from common.sink import Fenced
from common.values import Money
from projector.writer import ViewWriter
from tests.support.failing import failing
from tests.support.ledger import event
from tests.support.scene import Scene, doctored

REBUILD = {"_id": "rebuild/0", "kind": "rebuild", "partition": 0}
MANY, FEW = 5, 3  # pieces
TIMES = 3  # a message comes again: a look into the log may drop it before a feed without its safeguard takes it
PRICE = Money(amount=499, currency="EUR")


# Two writers of one partition, one of which sleeps


async def a_writer_wakes_when_another_has_done_its_batch(scene: Scene) -> None:
    order = await scene.ledger.order(1)
    sleeping, awake = scene.bench.writer(), scene.bench.writer()
    await scene.bench.catch_up(sleeping)
    cancelled = await scene.ledger.cancel(order)
    await scene.bench.catch_up(awake)
    with suppress(Fenced):
        await sleeping.apply({0: [cancelled]})
    await scene.catch_up()


async def a_writer_wakes_when_another_has_emptied_the_partition(scene: Scene) -> None:
    """What it writes is new, so that no document can stop it."""
    await scene.ledger.order(1)
    sleeping, awake = scene.bench.writer(), scene.bench.writer()
    await scene.bench.catch_up(sleeping)
    last = await scene.ledger.order(1)
    await scene.bench.catch_up(awake)
    await _rebuild(scene, awake)
    await awake.begin(scene.bench.all_partitions)
    with suppress(Fenced):
        await sleeping.apply({0: [last]})
    await scene.bench.catch_up(awake)


async def a_writer_goes_on_after_a_rebuild(scene: Scene) -> None:
    await scene.ledger.order(1)
    writer = scene.bench.writer()
    await scene.bench.catch_up(writer)
    await _rebuild(scene, writer)
    await scene.bench.catch_up(writer)


async def a_writer_comes_back_after_another(scene: Scene) -> None:
    """As by leases that go to and fro; if it never gets on, that is for the judge to see."""
    order = await scene.ledger.order(1)
    writer, other = scene.bench.writer(), scene.bench.writer()
    await scene.bench.catch_up(writer)
    await scene.ledger.pay(order, 499)
    await scene.bench.catch_up(other)
    await scene.ledger.cancel(order)
    with suppress(AssertionError):
        await scene.bench.catch_up(writer)


async def a_checkpoint_is_older_than_the_documents(scene: Scene) -> None:
    """As when that one collection was restored."""
    order = await scene.ledger.order(1)
    await scene.ledger.cancel(order)
    await scene.catch_up()
    older = {"position": order.position, "command_id": order.command_id}
    await scene.bench.views["checkpoints"].update_one({}, {"$set": older})
    await scene.catch_up()


async def _rebuild(scene: Scene, writer: ViewWriter) -> None:
    await scene.bench.ask(REBUILD)
    await writer.serve_requests(scene.bench.all_partitions)


# Messages to a feed


async def a_message_is_lost_before_another(scene: Scene) -> None:
    await scene.published_order()
    async with scene.feed() as running:
        _, told = await scene.ledger.orders(1, [(1, 1)], [(2, 1)])
        scene.publish(*scene.messages(told))
        await scene.rest(running)


async def the_last_message_is_lost(scene: Scene) -> None:
    await scene.published_order()
    async with scene.feed() as running:
        await scene.ledger.order(1)
        await scene.rest(running)


async def half_of_a_commit_is_lost(scene: Scene) -> None:
    await scene.published_order()
    stock = await scene.ledger.stock(1, MANY)
    async with scene.feed() as running:
        counted = [event("InventoryUpdated", product_id=1, quantity=quantity) for quantity in (MANY + 1, FEW)]
        commit = await scene.ledger.on(stock, *counted)
        scene.publish(scene.messages(commit)[0])
        await scene.rest(running)


async def a_message_comes_again(scene: Scene) -> None:
    order = await scene.published_order()
    async with scene.feed() as running:
        cancelled = await scene.ledger.cancel(order)
        scene.publish(*scene.messages(cancelled))
        await scene.rest(running)
        for _ in range(TIMES):
            scene.publish(*scene.messages(order))
            await scene.all_is_acked(running)
        await scene.rest(running)


async def a_message_is_doctored(scene: Scene) -> None:
    await scene.published_order()
    async with scene.feed() as running:
        order = await scene.ledger.order(1, (1, 1))
        scene.publish(doctored(scene.messages(order)[0], b'"quantity":1', b'"quantity":9'))
        await scene.rest(running)


async def an_older_log_stands_under_the_views(scene: Scene) -> None:
    await scene.ledger.orders(1, [(1, 1)], [(2, 1)], [(3, 1)])
    await scene.catch_up()
    await scene.cut_the_log(behind=1)
    await scene.ledger.orders(1, [(4, 1)], [(5, 1)], [(6, 1)])
    async with scene.feed() as running:
        if not running.done():
            return
    assert isinstance(running.exception(), ForeignLog)
    await scene.bench.ask(REBUILD)
    async with scene.feed():
        pass


# Commands


async def a_command_comes_again_because_its_answer_was_lost(scene: Scene) -> None:
    async with scene.desk("desk") as desk:
        await desk.send("new", UpdateInventory(product_id=1, product_name="Thing", quantity=MANY))
        more = UpdateInventory(product_id=1, adjust_by=FEW)
        await desk.send("more", more, is_heard=False)
        await desk.send("more", more)
    await scene.catch_up()


async def a_command_comes_again_when_there_is_nothing_left_to_do(scene: Scene) -> None:
    async with scene.desk("desk") as desk:
        new = UpdateInventory(product_id=1, product_name="Thing", quantity=MANY)
        await desk.send("new", new, is_heard=False)
        await desk.send("new", new)
    await scene.catch_up()


async def two_services_write_the_same_version(scene: Scene) -> None:
    """What one writes in between tells it the log's head, and nothing of the stream: its position is free."""
    async with scene.desk("one") as one, scene.desk("other") as other:
        await one.send("new", UpdateInventory(product_id=1, product_name="Thing", quantity=MANY))
        await other.send("other", UpdateInventory(product_id=1, adjust_by=FEW))
        await one.send("new too", UpdateInventory(product_id=2, product_name="Thing"))
        await one.send("one", UpdateInventory(product_id=1, adjust_by=FEW))
    await scene.catch_up()


async def two_services_reserve_the_last_pieces(scene: Scene) -> None:
    """One has two reservations in a row on their way when the other takes all there is."""
    orders = await scene.ledger.orders(1, [(1, MANY)], [(1, FEW)], [(1, MANY - FEW)])
    async with scene.desk("one") as one, scene.desk("other") as other:
        await one.send("new", UpdateInventory(product_id=1, product_name="Thing", quantity=MANY, unit_price=PRICE))
        await other.send("all", _reserve(orders[0], MANY))
        await asyncio.gather(
            one.send("few", _reserve(orders[1], FEW)), one.send("rest", _reserve(orders[2], MANY - FEW))
        )
    await scene.catch_up()


def _reserve(order: Commit, quantity: int) -> ReserveStock:
    return ReserveStock(product_id=1, order_id=order.subject, reservation_id=str(uuid4()), quantity=quantity)


async def an_insert_is_broken_off(scene: Scene) -> None:
    """The connection is closed, and the server has not done it."""
    broken_off = failing(scene.bench.url, "insert", client="desk", times=1, closeConnection=True)
    async with scene.desk("desk") as desk, broken_off:
        await desk.send("new", UpdateInventory(product_id=1, product_name="Thing"))
    await scene.catch_up()


async def an_older_log_stands_under_a_running_service(scene: Scene) -> None:
    """Nothing else makes a remembered head too high; one that is too low meets a taken position."""
    async with scene.desk("desk") as desk:
        for product_id in (1, 2, 3):
            await desk.send(f"new {product_id}", UpdateInventory(product_id=product_id, product_name="Thing"))
        scene.records.clear()
        await scene.cut_the_log(behind=1)
        async with failing(scene.bench.url, "insert", client="desk", times=1, closeConnection=True):
            await desk.send("next", UpdateInventory(product_id=4, product_name="Thing"))
    await scene.catch_up()
