"""`cqrs projections verify`: every document and every sum, or a sample of them, is the fold of the log, or told."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from common.errors import Unavailable
from common.read_models import ORDERS
from projector.verification import full as full_verification
from projector.verification.full import Verdict, while_it_lasts
from projector.verification.moment import Moment, NotNow, moment_of
from projector.verification.sample import Effort, verify_sample
from tests.support.cqrs import Cqrs
from tests.support.system import until
from tests.support.verifying import fully_verified
from tests.support.view_bench import ViewBench, a_view_bench

SOON_SECONDS = 60.0
MANY = 60
SECONDS = 20.0


@pytest.fixture
async def bench(mongodb_url: str) -> AsyncIterator[ViewBench]:
    """With many orders and some stock, all in the views."""
    async with a_view_bench(mongodb_url) as made:
        for product_id in range(1, 13):
            await made.ledger.stock(product_id, 7)
        chance = random.Random(1)
        for user_id in range(1, 7):
            lines = [[(chance.randint(1, 12), chance.randint(1, 3))] for _ in range(MANY // 6)]
            orders = await made.ledger.orders(user_id, *lines)
            await made.ledger.cancel(orders[0])
            await made.ledger.pay(orders[1], 5)
        await made.catch_up(made.writer())
        yield made


def examples(verdict: Verdict) -> list[tuple[str, Any, str]]:
    return sorted(((told["collection"], told["key"], told["what"]) for told in verdict.examples), key=str)


async def any_order(bench: ViewBench) -> dict[str, Any]:
    found = await bench.views["orders"].find_one({}, sort=[("_id", 1)], skip=MANY // 2)
    assert found
    return found


@pytest.mark.parametrize("name", ["orders", "inventory", "products"])
async def test_what_is_right_is_identical(bench: ViewBench, name: str) -> None:
    verdict = await fully_verified(bench, name)
    assert verdict.is_identical
    assert verdict.documents == await bench.views[name].count_documents({})
    assert verdict.sums == (await bench.views["sums"].count_documents({}) if name == "orders" else 0)
    assert verdict.position == await bench.log.head()


async def test_one_of_many_documents_is_told(bench: ViewBench) -> None:
    order = await any_order(bench)
    await bench.views["orders"].update_one({"_id": order["_id"]}, {"$set": {"notes": "tampered"}})
    verdict = await fully_verified(bench)
    assert verdict.differences == 1
    assert verdict.examples == [{"collection": "orders", "key": order["_id"], "what": "changed", "fields": ["notes"]}]


async def test_one_of_many_sums_is_told(bench: ViewBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_verification, "MOST_SUMS", 10)
    right = await fully_verified(bench)
    day = await bench.views["sums"].find_one_and_update({"of": "days"}, {"$inc": {"total_items": 1}})
    gone = await bench.views["sums"].find_one_and_delete({"of": "user_products"})
    assert day
    assert gone
    await bench.views["sums"].insert_one(gone | {"_id": "user_products/9/9", "user_id": 9, "product_id": 9})
    verdict = await fully_verified(bench)
    found = [("sums", day["_id"], "changed"), ("sums", gone["_id"], "missing"), ("sums", "user_products/9/9", "extra")]
    assert examples(verdict) == sorted(found, key=str)
    assert (right.is_identical, verdict.sums) == (True, right.sums + 1)


async def test_sums_as_nobody_writes_them_are_told(bench: ViewBench) -> None:
    right = await bench.views["sums"].find_one({"of": "users"})
    assert right
    odd = {"of": "users", "user_id": 9, "partition": 3, "total_orders": 1}
    strange = {**odd, "_id": "users/9", "partition": [3]}
    await bench.views["sums"].insert_many([odd, strange])
    await bench.views["sums"].update_one({"_id": right["_id"]}, {"$set": {"user_id": str(right["user_id"])}})
    told = {(found[1], found[2]) for found in examples(await fully_verified(bench)) if found[0] == "sums"}
    assert told == {(right["_id"], "changed"), ("users/9", "extra"), (odd["_id"], "extra")}


@pytest.mark.parametrize("key", ["invented", 7, ObjectId()])
async def test_one_that_is_missing_and_one_that_nobody_told_of_are_told(
    bench: ViewBench, monkeypatch: pytest.MonkeyPatch, key: Any
) -> None:
    monkeypatch.setattr(full_verification, "PAGE_DOCUMENTS", 7)
    order = await any_order(bench)
    await bench.views["orders"].delete_one({"_id": order["_id"]})
    await bench.views["orders"].insert_one(order | {"_id": key})
    verdict = await fully_verified(bench)
    told = {(what, found) for collection, found, what in examples(verdict) if collection == "orders"}
    assert told == {("missing", order["_id"]), ("extra", key)}


async def test_stock_under_a_key_that_no_product_has_is_told(bench: ViewBench) -> None:
    stock = await bench.views["inventory"].find_one({"_id": 10})
    assert stock
    await bench.views["inventory"].insert_many([stock | {"_id": 99}, stock | {"_id": "ten"}])
    told = examples(await fully_verified(bench, "inventory"))
    assert told == [("inventory", "ten", "extra"), ("inventory", 99, "extra")]


async def test_it_is_identical_while_all_goes_on(bench: ViewBench) -> None:
    loop = asyncio.get_running_loop()
    until, writer = loop.time() + 4.0, bench.writer()

    async def write() -> None:
        number = 0
        while loop.time() < until:
            number += 1
            orders = await bench.ledger.orders(number % 6 + 1, [(1, 1)], [(2, 2)])
            if number % 5 == 0:
                partition = orders[0].partition
                await bench.ask({"_id": f"rebuild/{number}", "kind": "rebuild", "partition": partition})
            await bench.catch_up(writer)
            await bench.ledger.cancel(orders[0])

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        while loop.time() < until:
            verdict = await fully_verified(bench)
            assert verdict.is_identical, verdict


@pytest.mark.parametrize("ends", [(3, 6), (3, 12)], ids=["of what is told", "and of what is stored"])
async def test_when_a_snapshot_has_ended_the_rest_is_looked_at_at_a_later_moment(
    bench: ViewBench, monkeypatch: pytest.MonkeyPatch, ends: tuple[int, int]
) -> None:
    monkeypatch.setattr(full_verification, "PAGE_DOCUMENTS", 7)
    read, calls, ended = Moment.documents, 0, OperationFailure("too old", 239)

    async def ends_twice(self: Moment, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls in ends:
            await bench.ledger.order(1)
            await bench.catch_up(bench.writer())
            raise Unavailable("It is gone.") from ended
        return await read(self, *arguments)

    monkeypatch.setattr(Moment, "documents", ends_twice)
    verdict = await fully_verified(bench)
    assert verdict.is_identical
    assert verdict.moments == 4
    assert MANY <= verdict.documents <= MANY + 2


async def test_an_ended_snapshot_is_known_by_what_mongodb_says(bench: ViewBench, mongodb_url: str) -> None:
    async with AsyncMongoClient[Any](mongodb_url) as admin:
        name = "minSnapshotHistoryWindowInSeconds"
        was = (await admin.admin.command("getParameter", 1, **{name: 1}))[name]
        await admin.admin.command("setParameter", 1, **{name: 0})
        try:
            async with moment_of(bench.views) as moment:
                deadline = asyncio.get_running_loop().time() + SECONDS
                while await while_it_lasts(moment.documents("orders", ["one"])) is not None:
                    assert asyncio.get_running_loop().time() < deadline
                    await bench.ledger.order(1)
        finally:
            await admin.admin.command("setParameter", 1, **{name: was})


async def test_sums_of_documents_that_cannot_be_read_are_not_called_right(bench: ViewBench) -> None:
    order = await any_order(bench)
    await bench.views["orders"].update_one({"_id": order["_id"]}, {"$set": {"items": "some"}})
    verdict = await fully_verified(bench)
    assert examples(verdict) == [("orders", order["_id"], "changed")]
    assert verdict.unsaid
    assert "cannot be read" in verdict.unsaid


async def test_partitions_that_are_being_emptied_are_waited_for(
    bench: ViewBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_verification, "WAIT_SECONDS", 0.2)
    await bench.views["checkpoints"].update_one({"_id": "views/1"}, {"$set": {"clearing": True}})
    with pytest.raises(NotNow, match="being emptied"):
        await fully_verified(bench)


async def test_a_sample_tells_what_it_meets(bench: ViewBench) -> None:
    events = bench.log.database
    verdict = await verify_sample(events, bench.views, ORDERS)
    assert verdict.is_identical
    assert not verdict.is_full
    assert 0 < verdict.documents <= MANY
    order = await any_order(bench)
    await bench.views["orders"].delete_one({"_id": order["_id"]})
    await bench.views["sums"].update_one({"_id": "users/1"}, {"$inc": {"total_orders": 1}})
    wanted = {("orders", order["_id"], "missing"), ("sums", "users/1", "changed")}

    async def are_met() -> bool:  # by chance, sooner or later
        return wanted <= set(examples(await verify_sample(events, bench.views, ORDERS)))

    await until(are_met, seconds=SOON_SECONDS, what="a sample meets both")


async def test_a_quick_sample_begins_no_page_after_its_time_and_leaves_long_documents_out(bench: ViewBench) -> None:
    """However long the documents are, whoever waits for it is answered."""
    events = bench.log.database
    lengths = [len(await bench.log.read_stream(stream)) for stream in await events["commits"].distinct("stream")]
    short = Effort(pages=1_000, page_documents=3, seconds=0)
    assert 0 < (await verify_sample(events, bench.views, ORDERS, effort=short)).documents <= 6
    no_long_ones = Effort(pages=30, page_documents=20, most_commits=min(lengths))
    verdict = await verify_sample(events, bench.views, ORDERS, effort=no_long_ones)
    assert verdict.documents < MANY
    assert verdict.left_out > 0
    assert verdict.is_identical


async def test_the_command_says_what_differs_and_ends_with_1(
    bench: ViewBench, mongodb_url: str, tmp_path: Path
) -> None:
    env = {"EVENTS_MONGODB_URL": mongodb_url, "EVENTS_DATABASE": bench.events_database}
    cqrs = Cqrs(data=tmp_path, env=env | {"VIEWS_DATABASE": bench.views.name})
    verify = ("projections", "verify")
    head = await bench.log.head()
    said = await asyncio.to_thread(cqrs.does, *verify, "--full")
    assert f"orders: identical: {MANY} documents and " in said
    assert f"sums are the fold of the log up to position {head}" in said
    assert "inventory: identical: a sample of 12 documents" in await asyncio.to_thread(cqrs.does, *verify)
    order = await any_order(bench)
    await bench.views["orders"].update_one({"_id": order["_id"]}, {"$set": {"notes": "tampered"}})
    refused = await asyncio.to_thread(cqrs, *verify, "orders", "--full")
    assert refused.returncode == 1
    assert f"changed orders {order['_id']}: notes" in refused.stdout
    assert "tampered" not in refused.stdout + refused.stderr
    done = await asyncio.to_thread(cqrs, *verify, "orders", "--full", "--json")
    (verdict,) = json.loads(done.stdout)["data"]
    assert (done.returncode, verdict["differences"], verdict["is_identical"]) == (1, 1, False)
    assert "There is no projection" in await asyncio.to_thread(cqrs.refuses, *verify, "nonsense")
