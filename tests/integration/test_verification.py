"""Documents and sums that are not the fold of the log are found and repaired; nothing else is told (PROTOCOL V)."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from common.config import Settings
from common.generations import places_shown, read_shown
from common.read_models import ORDERS
from common.read_models.generations import Places
from common.sink import Fenced
from projector.generations.builder import Work
from projector.generations.known import ask_for_another
from projector.verification import differences as differences_module
from projector.verification import verifying as verifying_module
from projector.verification.differences import differences_of, note_difference, standings
from projector.verification.differing import Finding
from projector.verification.moment import NotNow, moment_of
from projector.verification.sum_checking import verify_user
from projector.verification.verifying import MOST_COMMITS, verify_documents
from tests.support.history import some_history
from tests.support.ledger import event
from tests.support.verifying import found_everywhere, verifier_of
from tests.support.view_bench import ViewBench, a_view_bench

WRITING_SECONDS = 5.0
ENOUGH_LOOKS = 100


@pytest.fixture
async def bench(mongodb_url: str) -> AsyncIterator[ViewBench]:
    async with a_view_bench(mongodb_url) as made:
        yield made


async def order_of_user_1(bench: ViewBench) -> str:
    """Beside others of theirs and of others, all in the views."""
    await some_history(bench.ledger)
    order = await bench.ledger.order(1, (1, 2), (2, 1))
    await bench.catch_up(bench.writer())
    return order.subject


async def told(bench: ViewBench, key: Any) -> list[tuple[str, tuple[str, ...]]]:
    checked = await verify_documents(bench.log.database, bench.views, ORDERS, [key], MOST_COMMITS)
    return [(found.what, found.fields) for found in checked.findings]


async def look_until_it_is_found_and_repaired(bench: ViewBench, key: Any, **settings: Any) -> None:
    """As the processes do: the verifier looks, the holder does what it is asked."""
    verifier, writer = verifier_of(bench, verify_documents=50, **settings), bench.writer()
    await writer.begin(bench.all_partitions)
    for _ in range(100):
        await verifier.look()
        found = await bench.views["differences"].find_one({"key": key})
        if found and (found["repaired_at"] or settings.get("repair") == "off"):
            return
        with suppress(Fenced):
            await writer.serve_requests(bench.all_partitions)
    raise AssertionError("it was not found, or not repaired")


async def test_what_is_right_is_told_by_nobody(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    checked = await found_everywhere(bench)
    assert checked.findings == []
    assert checked.count > 20


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"$set": {"status": "PAID"}}, ("status",)),
        ({"$unset": {"order_number": ""}}, ("order_number",)),
        ({"$set": {"items.0.quantity": 7}}, ("items",)),
        ({"$set": {"version": 9}}, ("version",)),
        ({"$set": {"position": 1}}, ("position",)),
        ({"$set": {"item_count": 3.0}}, ("item_count",)),
        ({"$set": {"more": 1}}, ("more",)),
        ({"$set": {"parked": {"code": "unwritable", "detail": "", "position": 7}}}, ("parked",)),
    ],
)
async def test_a_changed_field_is_told_by_its_name(
    bench: ViewBench, change: dict[str, Any], fields: tuple[str, ...]
) -> None:
    order_id = await order_of_user_1(bench)
    await bench.views["orders"].update_one({"_id": order_id}, change)
    assert await told(bench, order_id) == [("changed", fields)]


async def test_a_document_that_is_missing_or_that_nobody_told_of_is_told(bench: ViewBench) -> None:
    order_id = await order_of_user_1(bench)
    stored = await bench.views["orders"].find_one_and_delete({"_id": order_id})
    assert stored
    ((what, _),) = await told(bench, order_id)
    assert what == "missing"
    await bench.views["orders"].insert_one(stored | {"_id": "invented"})
    ((what, fields),) = await told(bench, "invented")
    assert what == "extra"
    assert "status" in fields


@pytest.mark.parametrize(
    "change", [{"$set": {"status": "PAID"}}, {"$set": {"user_id": 2}}, {"$set": {"items": "some"}}]
)
async def test_a_tampered_document_is_found_and_repaired_and_no_sum_is_changed(
    bench: ViewBench, change: dict[str, Any]
) -> None:
    order_id = await order_of_user_1(bench)
    await bench.views["orders"].update_one({"_id": order_id}, change)
    await look_until_it_is_found_and_repaired(bench, order_id)
    await bench.check()
    assert (await found_everywhere(bench)).findings == []


async def test_a_missing_document_is_found_by_the_log_and_made_again(bench: ViewBench) -> None:
    order_id = await order_of_user_1(bench)
    await bench.views["orders"].delete_one({"_id": order_id})
    await look_until_it_is_found_and_repaired(bench, order_id)
    await bench.check()


async def test_a_document_that_nobody_told_of_is_found_and_removed(bench: ViewBench) -> None:
    order_id = await order_of_user_1(bench)
    stored = await bench.views["orders"].find_one({"_id": order_id})
    assert stored
    await bench.views["orders"].insert_one(stored | {"_id": "invented"})
    await look_until_it_is_found_and_repaired(bench, "invented")
    assert await bench.views["orders"].find_one({"_id": "invented"}) is None
    await bench.check()


async def test_what_was_folded_wrongly_is_repaired_together_with_its_sums(bench: ViewBench) -> None:
    order_id = await order_of_user_1(bench)
    await bench.views["orders"].update_one({"_id": order_id}, {"$set": {"status": "PAID"}})
    for sums in ("users/1", {"$regex": "^days/.*"}):
        of_today = {"_id": sums, "statuses.PENDING": {"$gt": 0}, "partition": bench.log.info.partition_of(1)}
        await bench.views["sums"].update_one(of_today, {"$inc": {"statuses.PAID": 1, "statuses.PENDING": -1}})
    await look_until_it_is_found_and_repaired(bench, order_id)
    await bench.check()


async def test_without_repair_it_is_told_and_left(bench: ViewBench) -> None:
    order_id = await order_of_user_1(bench)
    await bench.views["orders"].update_one({"_id": order_id}, {"$set": {"notes": "my street"}})
    with capture_logs() as lines:
        await look_until_it_is_found_and_repaired(bench, order_id, repair="off")
    assert await bench.views["requests"].count_documents({}) == 0
    line = next(line for line in lines if line["event"] == "view_differs")
    assert (line["log_level"], line["collection"], line["key"], line["fields"]) == (
        "error",
        "orders",
        order_id,
        ["notes"],
    )
    assert "my street" not in str(lines)
    assert "my street" not in str(await bench.views["differences"].find().to_list())


async def test_a_sum_that_is_not_that_of_its_orders_is_told_with_what_helps(bench: ViewBench) -> None:
    await order_of_user_1(bench)
    await bench.views["sums"].update_one({"_id": "users/1"}, {"$inc": {"total_orders": 1}})
    with capture_logs() as lines:
        await look_until_it_is_found_and_repaired(bench, "users/1", repair="off")
    line = next(line for line in lines if line["event"] == "view_differs")
    assert (line["collection"], line["key"], line["fields"]) == ("sums", "users/1", ["total_orders"])
    assert "cqrs projections rebuild orders" in line["advice"]
    assert (await standings(bench.views))["orders"]["differences"] == 1
    await Work(bench.log, bench.log.database, bench.views, Settings(fresh_seconds=0)).do(await ask(bench))
    await bench.catch_up(bench.writer())
    await verifier_of(bench).look()
    assert (await standings(bench.views))["orders"]["differences"] == 0


@pytest.mark.parametrize("key", ["users/1", "user_products/1/1"])
async def test_sums_of_a_user_that_are_missing_or_too_many_are_told(bench: ViewBench, key: str) -> None:
    await order_of_user_1(bench)
    kept = await bench.views["sums"].find_one_and_delete({"_id": key})
    assert kept
    await bench.views["sums"].insert_one(kept | {"_id": "user_products/1/77", "product_id": 77, "of": "user_products"})
    async with moment_of(bench.views) as moment:
        checked = await verify_user(moment, 1)
    assert {(found.key, found.what) for found in checked.findings} == {
        (key, "missing"),
        ("user_products/1/77", "extra"),
    }


async def places(bench: ViewBench) -> Places:
    return places_shown(await read_shown(bench.views))


async def ask(bench: ViewBench) -> str:
    return (await ask_for_another(bench.views, bench.log.info.id, "orders"))["_id"]


async def test_nothing_is_told_while_all_goes_on(bench: ViewBench) -> None:
    """Writes, parked documents, retries, rebuilds in place, new generations, holds and switches."""
    loop = asyncio.get_running_loop()
    await some_history(bench.ledger)
    await bench.ledger.on(await bench.ledger.order(1), event("OrderSangASong"))
    await bench.catch_up(bench.writer())
    until, looks = loop.time() + WRITING_SECONDS, 0

    async def write() -> None:
        writer, chance, seed = bench.writer(), random.Random(7), 10
        while loop.time() < until:
            await some_history(bench.ledger, seed := seed + 1, with_songs=True)
            if seed % 2:
                partition = chance.randrange(bench.log.info.partitions)
                await bench.ask({"_id": f"rebuild/{partition}/{seed}", "kind": "rebuild", "partition": partition})
            for _ in range(chance.randint(1, 3)):
                await bench.catch_up(writer)
            with suppress(Fenced):
                await writer.serve_requests(bench.all_partitions)

    async def build() -> None:
        while loop.time() < until:
            with suppress(Fenced):
                await Work(bench.log, bench.log.database, bench.views, Settings(fresh_seconds=0)).do(await ask(bench))

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        group.create_task(build())
        while loop.time() < until or looks < ENOUGH_LOOKS:
            with suppress(NotNow):
                checked = await found_everywhere(bench)
                assert checked.findings == []
                looks += checked.count
    assert await bench.views[(await places(bench))["orders"]].count_documents({"parked": {"$exists": True}})
    await bench.catch_up(bench.writer())
    assert (await found_everywhere(bench)).findings == []


async def test_a_partition_that_is_being_emptied_is_left_out(bench: ViewBench) -> None:
    order_id = await order_of_user_1(bench)
    partition = bench.log.info.partition_of(1)
    mark = {"$set": {"clearing": True, "position": 0, "command_id": None}}
    await bench.views["checkpoints"].update_one({"_id": f"views/{partition}"}, mark)
    await bench.views["orders"].delete_one({"_id": order_id})
    checked = await found_everywhere(bench)
    assert checked.findings == []
    assert checked.count > 0


async def test_a_document_that_the_database_would_not_store_is_as_it_should_be(bench: ViewBench) -> None:
    order = await bench.ledger.order(1)
    await bench.catch_up(bench.writer())
    paid = await bench.ledger.pay(order, 5)
    mark = {"code": "unwritable", "detail": "too large", "position": paid.position - 2}
    await bench.views["orders"].update_one({"_id": order.subject}, {"$set": {"parked": mark}})
    for partition in bench.all_partitions:
        await bench.views["checkpoints"].update_one(
            {"_id": f"views/{partition}", "partition": order.partition},
            {"$set": {"position": paid.position, "command_id": paid.command_id}},
        )
    assert await told(bench, order.subject) == []
    await bench.views["orders"].update_one({"_id": order.subject}, {"$set": {"status": "PAID"}})
    assert await told(bench, order.subject) == [("changed", ("status",))]


async def test_nothing_is_said_where_the_log_lacks_what_the_checkpoints_have(bench: ViewBench) -> None:
    order_id = await order_of_user_1(bench)
    await bench.views["checkpoints"].update_one({"position": {"$gt": 0}}, {"$set": {"command_id": "another"}})
    with pytest.raises(NotNow):
        await told(bench, order_id)


async def test_views_of_other_rules_are_not_compared(bench: ViewBench) -> None:
    order_id = await order_of_user_1(bench)
    await bench.views["generations"].update_one({"_id": "shown"}, {"$set": {"models.orders.rules": 99}})
    with pytest.raises(NotNow, match="rules of another version"):
        await told(bench, order_id)


async def test_what_is_gone_at_a_second_look_was_none(bench: ViewBench, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = await order_of_user_1(bench)
    await bench.views["orders"].update_one({"_id": order_id}, {"$set": {"status": "PAID"}})
    once = verifying_module._verify_once

    async def looks_and_repairs(*arguments: Any) -> Any:
        checked = await once(*arguments)
        await bench.views["orders"].update_one({"_id": order_id}, {"$set": {"status": "PENDING"}})
        return checked

    monkeypatch.setattr(verifying_module, "_verify_once", looks_and_repairs)
    assert await told(bench, order_id) == []


async def test_a_document_of_very_many_commits_is_left_to_the_full_verification(bench: ViewBench) -> None:
    order_id = await order_of_user_1(bench)
    await bench.ledger.cancel((await bench.log.read_stream(f"order-{order_id}"))[0])
    await bench.catch_up(bench.writer())
    checked = await verify_documents(bench.log.database, bench.views, ORDERS, [order_id], 1)
    assert (checked.count, checked.findings) == (0, [])


async def test_the_latest_differences_are_kept(bench: ViewBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences_module, "KEPT", 3)
    for number in range(5):
        found = Finding(
            projection="orders",
            collection="orders",
            key=f"o{number}",
            what="changed",
            fields=("status",),
            partition=0,
            position=7,
        )
        await note_difference(bench.views, found)
        await asyncio.sleep(0.002)
    kept = await differences_of(bench.views, "orders")
    assert [difference["key"] for difference in kept] == ["o4", "o3", "o2"]
    assert (await standings(bench.views))["orders"] == {"verified_at": None, "differences": 3}


async def test_all_of_a_moment_is_as_it_stood_then(bench: ViewBench) -> None:
    order_id = await order_of_user_1(bench)
    async with moment_of(bench.views) as moment:
        await bench.views["orders"].update_one({"_id": order_id}, {"$set": {"status": "PAID"}})
        await bench.views["sums"].update_one({"_id": "users/1"}, {"$inc": {"total_orders": 1}})
        assert (await moment.documents("orders", [order_id]))[order_id]["status"] == "PENDING"
        assert (await verify_user(moment, 1)).findings == []
