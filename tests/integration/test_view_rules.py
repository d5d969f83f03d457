"""The views are the fold of the log, once, whatever happens between the two (PROTOCOL V)."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY
from pymongo import AsyncMongoClient

from common.envelope import Commit
from common.errors import LeveretError, Unavailable
from common.log import open_log
from common.mongo import open_client
from common.read_models.inventory import INVENTORY
from common.read_models.orders import ORDERS
from common.sink import Fenced
from projector import writer as writer_module
from projector.writer import ViewWriter
from tests.support import naive
from tests.support.broker import Broker, virtual_host
from tests.support.client import Client, History, shop
from tests.support.failing import OUT_OF_TIME, WRITE_CONCERN_FAILED, WRITE_CONFLICT, failing, impatient_transactions
from tests.support.ledger import Ledger, event
from tests.support.system import System, running_system, until
from tests.support.view_bench import ViewBench, a_view_bench

SOON_SECONDS = 15.0
SLEEP_MILLISECONDS = 700
PRODUCTS = range(1, 6)
TRANSIENT = {"errorLabels": ["TransientTransactionError"]}
UNKNOWN = {"errorLabels": ["UnknownTransactionCommitResult"]}


@pytest.fixture
async def bench(mongodb_url: str) -> AsyncIterator[ViewBench]:
    async with a_view_bench(mongodb_url) as made:
        yield made


async def some_history(ledger: Ledger, seed: int = 1) -> list[Commit]:
    """Orders, cancellations, imports and stock of a few users and products."""
    chance = random.Random(seed)
    orders: list[Commit] = []
    for number in range(40):
        match chance.randrange(5):
            case 0:
                await ledger.stock(chance.randint(1, 4), chance.randint(0, 9))
            case 1 if orders:
                await ledger.cancel(orders.pop(chance.randrange(len(orders))))
            case 2:
                await ledger.imported(chance.randint(1, 5), chance.randint(1, 9999), number + 1)
            case _:
                lines = [(product_id, chance.randint(1, 3)) for product_id in chance.sample(range(1, 5), 2)]
                orders += await ledger.orders(chance.randint(1, 5), lines)
    return orders


# V1: one transaction, fenced by the checkpoints' rev


def of_a_later_schema(draft: Commit) -> Commit:
    return replace(draft, events=(replace(draft.events[0], schema=99),))


async def test_how_long_each_commit_waited_for_the_views_is_counted_once_it_is_there(bench: ViewBench) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("leveret_write_to_read_seconds_count") or 0

    await some_history(bench.ledger)
    stale, before = bench.writer(), counted()
    await stale.begin(bench.all_partitions)
    await bench.catch_up(bench.writer())
    with pytest.raises(Fenced):
        await stale.apply(await bench.batch())
    assert counted() - before == await bench.log.head()


async def test_V1_a_writer_with_a_stale_rev_is_fenced_and_changes_nothing(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    stale, current = bench.writer(), bench.writer()
    await stale.begin(bench.all_partitions)
    await bench.catch_up(current)
    positions = await _positions(bench)
    with pytest.raises(Fenced):
        await stale.apply({p: commits[:1] for p, commits in (await bench.batch()).items()})
    assert await _positions(bench) == positions
    await bench.check()


async def test_V1_the_rev_fences_also_when_the_position_stays(bench: ViewBench) -> None:
    """What a retry writes lies below the checkpoint; a writer that has not seen it must not go on."""
    order = await bench.ledger.order(1, (1, 1))
    sleeping, awake = bench.writer(), bench.writer()
    await bench.catch_up(sleeping)
    await bench.ask({"_id": "r", "kind": "retry", "partition": order.partition, "collection": "orders", "key": "none"})
    await bench.ask({"_id": "s", "kind": "retry", "partition": order.partition, **_document(order)})
    await awake.begin(bench.all_partitions)
    await _serve(awake, bench)
    cancelled = await bench.ledger.cancel(order)
    with pytest.raises(Fenced):
        await sleeping.apply({order.partition: [cancelled]})
    await bench.catch_up(bench.writer())
    await bench.check()


async def test_V1_two_writers_that_never_heard_of_each_other_apply_everything_once(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    for round_ in range(5):
        await some_history(bench.ledger, seed=round_)
        await asyncio.gather(*(bench.catch_up(bench.writer()) for _ in range(3)))
    await bench.check()


async def test_V1_a_commit_whose_answer_is_lost_is_applied_once(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    async with failing(bench.url, "commitTransaction", times=2, closeConnection=True):
        await bench.catch_up(bench.writer())
    await bench.check()


async def test_V1_a_commit_that_took_place_and_stays_unknown_is_found_in_the_checkpoint(bench: ViewBench) -> None:
    """The server commits, and says every time that it does not know whether the majority has it."""
    await some_history(bench.ledger)
    writer = bench.writer()
    await writer.begin(bench.all_partitions)
    not_replicated = {"code": WRITE_CONCERN_FAILED, "codeName": "WriteConcernFailed", "errmsg": "waiting timed out"}
    async with failing(bench.url, "commitTransaction", times=20, writeConcernError=not_replicated):
        with pytest.raises(Fenced):
            await writer.apply(await bench.batch())

    async def took_place() -> bool:  # soon: the read is of what the majority has
        return sum((await _positions(bench)).values()) > 0

    await until(took_place, seconds=SOON_SECONDS, what="the commit is visible")
    await bench.catch_up(writer)
    await bench.check()


async def test_V1_a_commit_that_did_not_take_place_and_stays_unknown_is_applied_later(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    writer = bench.writer()
    await writer.begin(bench.all_partitions)
    async with failing(bench.url, "commitTransaction", times=20, errorCode=OUT_OF_TIME, **UNKNOWN):
        with pytest.raises(Fenced):
            await writer.apply(await bench.batch())
    assert sum((await _positions(bench)).values()) == 0
    await bench.catch_up(writer)
    await bench.check()


@pytest.mark.parametrize("command", ["update", "insert", "commitTransaction"])
async def test_V1_a_write_conflict_is_tried_again(bench: ViewBench, command: str) -> None:
    await some_history(bench.ledger)
    writer = bench.writer()
    await writer.begin(bench.all_partitions)
    async with failing(bench.url, command, times=3, errorCode=WRITE_CONFLICT, **TRANSIENT):
        await writer.apply(await bench.batch())
    await bench.check()


# V2: nobody else writes views; requests


async def test_V2_a_rebuild_empties_the_partition_and_folds_it_again(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    writer = bench.writer()
    await bench.catch_up(writer)
    await bench.views["orders"].update_many({}, {"$set": {"status": "NONSENSE"}})
    await bench.views["sums"].update_many({"of": "users"}, {"$inc": {"total_orders": 7}})
    for partition in bench.all_partitions:
        await bench.ask({"_id": f"rebuild/{partition}", "kind": "rebuild", "partition": partition})
    await _serve(writer, bench)
    await bench.catch_up(writer)
    await bench.check()


async def test_V2_a_writer_that_sleeps_while_it_clears_does_nobody_harm(bench: ViewBench) -> None:
    """It lost the lease in the middle; the next holder has cleared and folded before it wakes up."""
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    async with bench.writer_called("sleepy") as sleepy, bench.writer_called("awake") as awake:
        await awake.begin(bench.all_partitions)
        for partition in bench.all_partitions:
            await bench.ask({"_id": f"rebuild/{partition}", "kind": "rebuild", "partition": partition})
        await _serve(awake, bench)
        async with failing(
            bench.url, "delete", client="sleepy", times=1, blockConnection=True, blockTimeMS=SLEEP_MILLISECONDS
        ):
            sleeping = asyncio.create_task(_begin_quietly(sleepy, bench))
            await until(
                lambda: _is_blocked(bench.url, "sleepy", "delete"),
                seconds=SOON_SECONDS,
                what="one writer sleeps in a delete",
            )
            await bench.catch_up(awake)
            await sleeping
    await bench.catch_up(bench.writer())
    await bench.check()


async def test_V2_a_request_that_nobody_understands_is_dropped(bench: ViewBench) -> None:
    order = await bench.ledger.order(1, (1, 1))
    writer = bench.writer()
    await bench.catch_up(writer)
    await bench.ask({"_id": "a", "kind": "nonsense", "partition": order.partition})
    await bench.ask({"_id": "b", "kind": "retry", "partition": order.partition, "collection": "no", "key": "x"})
    await bench.ask({"_id": "c", "partition": order.partition})
    await _serve(writer, bench)
    assert await bench.views["requests"].count_documents({}) == 0
    await bench.check()


# V3: documents are guarded by their own position; the cache


async def test_V3_a_document_that_moved_behind_the_writers_back_is_not_overwritten(bench: ViewBench) -> None:
    order = await bench.ledger.order(1, (1, 1))
    writer = bench.writer()
    await bench.catch_up(writer)
    await bench.views["orders"].update_one({"_id": order.subject}, {"$inc": {"position": 1000}})
    cancelled = await bench.ledger.cancel(order)
    with pytest.raises(Fenced):
        await writer.apply({order.partition: [cancelled]})
    document = await bench.views["orders"].find_one({"_id": order.subject})
    assert document
    assert (document["position"], document["status"]) == (order.position + 1000, "PENDING")


async def test_V3_after_a_miss_nothing_cached_is_believed(bench: ViewBench) -> None:
    order = await bench.ledger.order(1, (1, 1))
    writer = bench.writer()
    await bench.catch_up(writer)
    await bench.views["orders"].update_one({"_id": order.subject}, {"$set": {"user_email": "a@example.org"}})
    cancelled = await bench.ledger.cancel(order)
    await writer.begin(bench.all_partitions)
    await writer.apply({order.partition: [cancelled]})
    document = await bench.views["orders"].find_one({"_id": order.subject})
    assert document
    assert (document["user_email"], document["status"]) == ("a@example.org", "CANCELLED")


async def test_V3_an_old_commit_changes_nothing_that_has_seen_it(bench: ViewBench) -> None:
    """A checkpoint from before, as after a restore of that one collection: every commit comes again."""
    await some_history(bench.ledger)
    writer = bench.writer()
    await bench.catch_up(writer)
    await bench.views["checkpoints"].update_many({}, {"$set": {"position": 0, "command_id": None}, "$inc": {"rev": 1}})
    await bench.catch_up(writer)
    await bench.check()


# V4: sums are sums of contributions


@pytest.mark.parametrize("seed", range(3))
async def test_V4_the_sums_are_those_of_the_orders_whatever_the_batches(bench: ViewBench, seed: int) -> None:
    chance = random.Random(seed)
    writer = bench.writer()
    await writer.begin(bench.all_partitions)
    await some_history(bench.ledger, seed=seed)
    for partition, commits in (await bench.batch()).items():
        rest = commits
        while rest:
            size = chance.randint(1, 8)
            await writer.apply({partition: rest[:size]})
            rest = rest[size:]
    await bench.check()


async def test_V4_a_cancellation_moves_the_sums_and_leaves_no_trace_of_the_old_ones(bench: ViewBench) -> None:
    order = await bench.ledger.order(1, (1, 2), (2, 3))
    writer = bench.writer()
    await bench.catch_up(writer)
    await bench.ledger.cancel(order)
    await bench.catch_up(writer)
    user = await bench.views["sums"].find_one({"_id": "users/1"})
    assert user
    assert {status: count for status, count in user["statuses"].items() if count} == {"CANCELLED": 1}
    assert user["total_orders"] == 1
    waiting = await bench.views["sums"].find({"of": "product_demand"}).to_list()
    assert [demand["pending_orders"] for demand in waiting] == [0, 0]
    await bench.check()


async def test_V4_an_order_placed_and_cancelled_in_one_batch_was_never_pending(bench: ViewBench) -> None:
    order = await bench.ledger.order(1, (1, 2))
    await bench.ledger.cancel(order)
    await bench.catch_up(bench.writer())
    assert await bench.views["sums"].count_documents({"of": "product_demand"}) == 0
    await bench.check()


async def test_V4_money_is_counted_when_it_is_captured_and_taken_back_when_it_is_refunded(bench: ViewBench) -> None:
    kept = await bench.ledger.pay(await bench.ledger.order(1, (1, 2), (2, 3)), 1000)
    refunded = await bench.ledger.pay(await bench.ledger.order(1, (1, 1)), 1000)
    writer = bench.writer()
    await bench.catch_up(writer)
    await bench.check()
    assert await _spent(bench, 1) == (6000, 2)
    await bench.ledger.refund(refunded)
    await bench.catch_up(writer)
    await bench.check()
    assert await _spent(bench, 1) == (5000, 1)
    shown = await bench.views["orders"].find_one({"_id": kept.subject})
    assert shown
    assert (shown["payment"]["status"], shown["total"]["amount"]) == ("CAPTURED", 5000)


async def _spent(bench: ViewBench, user_id: int) -> tuple[int, int]:
    user = await bench.views["sums"].find_one({"_id": f"users/{user_id}"})
    assert user
    return user["spent"]["EUR"], user["paid_orders"]


async def test_V4_an_order_that_is_rejected_takes_back_all_it_added_but_its_status(bench: ViewBench) -> None:
    order = await bench.ledger.order(1, (1, 2))
    writer = bench.writer()
    await bench.catch_up(writer)
    told = {"code": "insufficient_stock", "reason": "Too few."}
    await bench.ledger.on(order, event("OrderRejected", order_id=order.subject, **told))
    await bench.catch_up(writer)
    await bench.check()
    user = await bench.views["sums"].find_one({"_id": "users/1"})
    assert user
    assert (user["total_orders"], user["statuses"]) == (0, {"PENDING": 0, "REJECTED": 1})


# V5: parking


async def test_V5_an_event_that_cannot_be_decoded_parks_its_document_alone(bench: ViewBench) -> None:
    strange = await bench.ledger.order(1, (1, 1))
    await bench.catch_up(bench.writer())
    unknown = await bench.ledger.on(strange, event("OrderTeleported", where="Mars"))
    fine = await bench.ledger.orders(1, [(2, 2)])  # of the same user, behind it
    await bench.catch_up(bench.writer())
    parked = await bench.parked()
    assert set(parked) == {strange.subject}
    mark = parked[strange.subject]["parked"]
    assert (mark["code"], mark["position"]) == ("unknown_event_type", unknown.position)
    assert parked[strange.subject]["status"] == "PENDING"  # its last good content
    assert await bench.views["orders"].find_one({"_id": fine[0].subject, "status": "PENDING"})
    user = await bench.views["sums"].find_one({"_id": "users/1"})
    assert user
    assert user["total_orders"] == 2  # the parked order keeps its last good contribution


@pytest.mark.parametrize("first", [False, True], ids=["a later event", "the first event"])
async def test_V5_a_retry_folds_the_document_with_what_waited_behind_the_mark(bench: ViewBench, first: bool) -> None:
    writer = bench.writer()
    if first:
        draft = bench.ledger.an_order(1, [(1, 2)])
        (order,) = await bench.ledger.append(of_a_later_schema(draft))
        strange = order
    else:
        order = await bench.ledger.order(1, (1, 2))
        await bench.catch_up(writer)
        strange = await bench.ledger.on(order, event("OrderCancelled", 99, order_id=order.subject, reason="later"))
    await bench.catch_up(writer)
    if first:
        await bench.ledger.cancel(order)
        await bench.catch_up(writer)
    assert set(await bench.parked()) == {order.subject}
    await _understand(bench, strange)
    await bench.ask({"_id": "r", "kind": "retry", "partition": order.partition, **_document(order)})
    await _serve(writer, bench)
    assert await bench.parked() == {}
    await bench.catch_up(writer)
    await bench.check()


async def test_V5_a_retry_that_finds_it_still_undecodable_leaves_it_parked(bench: ViewBench) -> None:
    order = await bench.ledger.order(1, (1, 1))
    await bench.ledger.on(order, event("OrderTeleported"))
    writer = bench.writer()
    await bench.catch_up(writer)
    await bench.ask({"_id": "r", "kind": "retry", "partition": order.partition, **_document(order)})
    await _serve(writer, bench)
    assert set(await bench.parked()) == {order.subject}
    assert await bench.views["requests"].count_documents({}) == 0


async def test_V5_a_document_that_cannot_be_written_is_found_by_halving(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    bad = await bench.ledger.order(666, (1, 1))
    await some_history(bench.ledger, seed=2)
    await bench.views.create_collection("orders", validator={"user_id": {"$ne": 666}})
    writer = bench.writer()
    await bench.catch_up(writer)
    parked = await bench.parked()
    assert {key: document["parked"]["code"] for key, document in parked.items()} == {bad.subject: "unwritable"}
    await bench.views.command("collMod", "orders", validator={})
    await bench.ask({"_id": "r", "kind": "retry", "partition": bad.partition, **_document(bad)})
    await _serve(writer, bench)
    await bench.catch_up(writer)
    await bench.check()


async def test_V5_an_order_that_cannot_be_written_keeps_its_last_good_content_and_contribution(
    bench: ViewBench,
) -> None:
    order = await bench.ledger.order(1, (1, 1))
    writer = bench.writer()
    await bench.catch_up(writer)
    before = await bench.views["orders"].find_one({"_id": order.subject})
    assert before
    await bench.views.command("collMod", "orders", validator={"status": {"$ne": "CANCELLED"}})
    await bench.ledger.cancel(order)
    await bench.catch_up(writer)
    after = (await bench.parked())[order.subject]
    assert {name: value for name, value in after.items() if name != "parked"} == before
    await bench.views.command("collMod", "orders", validator={})
    await bench.ask({"_id": "r", "kind": "retry", "partition": order.partition, **_document(order)})
    await _serve(writer, bench)
    await bench.catch_up(writer)
    await bench.check()


async def test_V5_a_retry_that_still_cannot_be_written_leaves_it_parked(bench: ViewBench) -> None:
    await bench.views.create_collection("orders", validator={"user_id": {"$ne": 666}})
    bad = await bench.ledger.order(666, (1, 1))
    writer = bench.writer()
    await bench.catch_up(writer)
    await bench.ask({"_id": "r", "kind": "retry", "partition": bad.partition, **_document(bad)})
    await _serve(writer, bench)
    assert set(await bench.parked()) == {bad.subject}
    assert await bench.views["requests"].count_documents({}) == 0


async def test_V5_a_view_that_cannot_be_encoded_is_parked(bench: ViewBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in `project`: it makes a number that BSON does not have."""

    def project(order: Any, told_event: Any, told: Any) -> Any:
        view = ORDERS.project(order, told_event, told)
        return replace(view, item_count=2**70) if view.user_id == 666 else view

    broken = replace(ORDERS, project=project, contribute=lambda _: {})
    monkeypatch.setattr(writer_module, "READ_MODELS", (broken, INVENTORY))
    bad = await bench.ledger.order(666, (1, 1))
    good = await bench.ledger.order(1, (1, 1))
    await bench.catch_up(bench.writer())
    assert set(await bench.parked()) == {bad.subject}
    assert await bench.views["orders"].find_one({"_id": good.subject, "status": "PENDING"})


@pytest.mark.parametrize(
    ("what", "code"),
    [("out of time", OUT_OF_TIME), ("killed by an operator", 11601), ("disk full", 14031), ("not allowed", 13)],
)
async def test_V5_trouble_of_the_server_parks_nothing(bench: ViewBench, what: str, code: int) -> None:
    await some_history(bench.ledger)
    writer = bench.writer()
    await writer.begin(bench.all_partitions)
    async with failing(bench.url, "update", "insert", errorCode=code):
        with pytest.raises((Fenced, Unavailable)):
            await writer.apply(await bench.batch())
    await bench.catch_up(writer)
    assert await bench.parked() == {}
    await bench.check()


# The same on whole processes


@dataclass(frozen=True, slots=True)
class Running:
    """A system, somebody to send commands, and the means to write into its log directly."""

    system: System
    client: Client
    http: aiohttp.ClientSession
    ledger: Ledger
    views: Any

    async def check(self) -> int:
        await self.system.settled()
        system = self.system
        return await asyncio.to_thread(naive.check, system.mongodb_url, system.events_database, system.views_database)

    async def get(self, path: str) -> tuple[int, Mapping[str, str], Any]:
        async with self.http.get(f"{self.system.gateway}/cqrs/queries/{path}") as answer:
            return answer.status, answer.headers, await answer.json(content_type=None)


@pytest.fixture(scope="module")
async def running(
    mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("views")
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, folder) as system,
        aiohttp.ClientSession() as http,
        open_client(mongodb_url, name="test") as mongo,
    ):
        ledger = Ledger(await open_log(mongo[system.events_database], partitions=8))
        client = Client(http, system.gateway, History())
        for product_id in PRODUCTS:
            await client.command("inventory", {"product_id": product_id, "product_name": "Thing", "quantity": 100})
        yield Running(system, client, http, ledger, mongo[system.views_database])


@asynccontextmanager
async def customers(running: Running) -> AsyncIterator[None]:
    """Three who order and cancel as long as one is inside."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as shopping:
        for number in range(3):
            chance = random.Random(number)
            shopping.create_task(shop(running.client, chance, stop, user_id=number + 1, products=PRODUCTS))
        try:
            yield
        finally:
            stop.set()


async def until_requests_are_done(running: Running) -> None:
    async def are_done() -> bool:
        return not await running.views["requests"].count_documents({})

    await until(are_done, seconds=SOON_SECONDS, what="every request is done")


async def test_V1_the_views_are_right_when_the_server_fails_in_every_way_under_load(running: Running) -> None:
    failures: tuple[tuple[str, dict[str, Any]], ...] = (
        ("commitTransaction", {"closeConnection": True}),
        ("commitTransaction", {"errorCode": OUT_OF_TIME, **UNKNOWN}),
        ("commitTransaction", {"writeConcernError": {"code": WRITE_CONCERN_FAILED, "errmsg": "timed out"}}),
        ("update", {"errorCode": WRITE_CONFLICT, **TRANSIENT}),
        ("find", {"closeConnection": True}),
    )
    async with customers(running):
        for command, how in failures:
            before = len(running.client.history.acks)
            async with failing(running.system.mongodb_url, command, client="projector", times=6, **how):
                await until(
                    lambda before=before: _has_more(running, before + 15), seconds=SOON_SECONDS, what="some commands"
                )
    await running.check()
    assert await running.views["orders"].count_documents({"parked": {"$exists": True}}) == 0


async def test_V2_partitions_are_rebuilt_while_commands_go_on(running: Running) -> None:
    async with customers(running):
        for _ in range(2):
            await _ask_for_a_rebuild(running)
            await until_requests_are_done(running)
    await running.check()


async def test_V2_a_projector_killed_while_it_clears_leaves_nothing_half_done(running: Running) -> None:
    await running.system.settled()
    how = {"blockConnection": True, "blockTimeMS": SLEEP_MILLISECONDS}
    async with (
        impatient_transactions(running.system.mongodb_url, seconds=2),  # it may be killed in one
        failing(running.system.mongodb_url, "delete", client="projector", **how),
    ):
        await _ask_for_a_rebuild(running)

        async def is_clearing() -> bool:
            return await running.views["checkpoints"].count_documents({"clearing": True}) > 0

        await until(is_clearing, seconds=SOON_SECONDS, what="a partition is being cleared")
        await running.system.kill("projector")
    async with impatient_transactions(running.system.mongodb_url, seconds=2):
        await running.system.start("projector")
        await until_requests_are_done(running)
        await running.check()


async def test_V1_a_projector_killed_in_its_transaction_does_not_hold_up_the_next_one(running: Running) -> None:
    """The server keeps a dead client's transaction, and with it the checkpoints locked, until it has run too long."""
    await running.system.settled()
    how = {"blockConnection": True, "blockTimeMS": SLEEP_MILLISECONDS}
    async with failing(running.system.mongodb_url, "insert", client="projector", **how):
        order = await running.ledger.order(6, (1, 1))
        url, name = running.system.mongodb_url, "projector"
        await until(lambda: _is_blocked(url, name, "insert"), seconds=SOON_SECONDS, what="it writes")
        await running.system.kill("projector")
    await running.system.start("projector")

    async def is_visible() -> bool:
        return (await running.get(f"orders/{order.subject}"))[0] == 200

    await until(is_visible, seconds=SOON_SECONDS, what="the order is visible")


async def test_V5_a_parked_order_says_so_and_a_retry_brings_it_back(running: Running) -> None:
    await running.system.settled()
    order = await running.ledger.order(77, (1, 1))
    strange = await running.ledger.on(order, event("OrderCancelled", 99, order_id=order.subject, reason="later"))
    draft = running.ledger.an_order(77, [(1, 2)])
    (unreadable,) = await running.ledger.append(of_a_later_schema(draft))
    await running.ledger.order(77, (2, 1))
    await running.system.settled()
    status, headers, content = await running.get(f"orders/{order.subject}")
    assert (status, headers["Projection-State"], content["status"]) == (200, "parked", "PENDING")
    status, headers, content = await running.get(f"orders/{unreadable.subject}")
    assert (status, content["code"]) == (503, "view_parked")
    assert headers["Content-Type"] == "application/problem+json"
    status, _, content = await running.get("users/77/orders")
    assert (status, len(content["data"])) == (200, 2)
    commits = running.ledger.log.database["commits"]
    for commit in (strange, unreadable):
        await commits.update_one({"_id": commit.position}, {"$set": {"events.0.schema": 1}})
        await running.views["requests"].insert_one(
            {"_id": f"r{commit.position}", "kind": "retry", "partition": commit.partition, **_document(commit)}
        )
    await until_requests_are_done(running)
    await running.check()
    status, headers, content = await running.get(f"orders/{order.subject}")
    assert (status, headers.get("Projection-State"), content["status"]) == (200, None, "CANCELLED")


async def test_V4_only_the_newest_hundred_pending_orders_are_listed_and_all_are_counted(running: Running) -> None:
    stock = await running.ledger.stock(1000, 5)
    orders = [(await running.ledger.order(user_id, (1000, 1))).subject for user_id in range(300, 405)]
    await running.system.settled()
    _, _, content = await running.get(f"inventory/{stock.subject}")
    assert content["pending_orders_count"] == 105
    assert [order["order_id"] for order in content["pending_orders"]] == orders[:4:-1]


async def test_views_that_were_dropped_come_back_by_themselves(running: Running) -> None:
    """Nothing is written meanwhile: no batch runs into the missing checkpoints."""
    await running.system.settled()
    order = await running.ledger.order(5, (1, 1))
    await running.system.settled()
    await running.views.client.drop_database(running.views.name)

    async def is_back() -> bool:
        return (await running.get(f"orders/{order.subject}"))[0] == 200

    async def is_all_back() -> bool:
        """The first word of how far they are may be from before."""
        try:
            return await running.check() >= order.position
        except AssertionError:
            return False

    await until(is_back, seconds=SOON_SECONDS, what="the order is visible again")
    await until(is_all_back, seconds=SOON_SECONDS, what="all views are the fold of the log again")


async def test_views_that_were_dropped_under_load_come_back_by_themselves(running: Running) -> None:
    async with customers(running):
        for _ in range(2):
            before = len(running.client.history.acks)
            await running.views.client.drop_database(running.views.name)
            await until(
                lambda before=before: _has_more(running, before + 20), seconds=SOON_SECONDS, what="some commands"
            )
    await running.check()


async def _has_more(running: Running, count: int) -> bool:
    return len(running.client.history.acks) >= count


async def _ask_for_a_rebuild(running: Running) -> None:
    for partition in range(8):
        request = {"kind": "rebuild", "partition": partition}
        await running.views["requests"].replace_one({"_id": f"rebuild/{partition}"}, request, upsert=True)


async def _positions(bench: ViewBench) -> dict[int, int]:
    return {c["partition"]: c["position"] async for c in bench.views["checkpoints"].find()}


async def _serve(writer: ViewWriter, bench: ViewBench) -> None:
    """Have the requests done, as the feed does between batches."""
    await writer.serve_requests(bench.all_partitions)


async def _begin_quietly(writer: ViewWriter, bench: ViewBench) -> None:
    """What becomes of it is not the point; what it does to the views is."""
    with suppress(Fenced, LeveretError):
        await writer.begin(bench.all_partitions)


async def _is_blocked(url: str, name: str, command: str) -> bool:
    """Whether the server is busy with such a command of this client."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
    async with client:
        running = await client.admin.command("currentOp", True, appName=f"leveret-{name}", active=True)
    return any(command in op.get("command", {}) for op in running["inprog"])


def _document(commit: Commit) -> dict[str, Any]:
    return {"collection": "orders", "key": commit.subject}


async def _understand(bench: ViewBench, commit: Commit) -> None:
    """As if a new version of the program could read the event."""
    commits = bench.log.database["commits"]
    await commits.update_one({"_id": commit.position}, {"$set": {"events.0.schema": 1}})
