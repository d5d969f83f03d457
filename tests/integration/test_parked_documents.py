"""Parked documents are retried, one or many, and skip what cannot be repaired, while everything else flows (V5)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from common.config import Settings
from common.envelope import Commit
from common.errors import CommandRejected, NotFound
from common.read_models.inventory import INVENTORY
from common.read_models.orders import ORDERS
from common.read_models.products import PRODUCTS
from common.sink import Fenced
from common.skips import read_skips
from projector.generations.builder import Work
from projector.generations.known import ask_for_another
from projector.requests import serving as repairs_module
from projector.requests.asking import request_rebuild
from projector.requests.parked import IS_PARKED, ORDER, count_parked, find_parked, groups_of, key_called
from projector.requests.retrying import request_retries, request_retry
from projector.requests.skipping import find_skips, request_skip
from projector.verification.repairing import ask_for_repair
from projector.writer import ViewWriter
from query_service.past.asking import Past
from query_service.past.documents import _doc_of
from tests.support.ledger import event
from tests.support.verifying import found_everywhere, fully_verified
from tests.support.view_bench import ViewBench, a_view_bench

WHY = {"reason": "a test wrote it", "actor": "somebody"}


@pytest.fixture
async def bench(mongodb_url: str) -> AsyncIterator[ViewBench]:
    async with a_view_bench(mongodb_url) as made:
        yield made


async def some_parked(bench: ViewBench, count: int, user_id: int = 1) -> list[Commit]:
    """Orders that a cancellation of a later schema parks; the cancellations."""
    orders = await bench.ledger.orders(user_id, *([(1, 1)] for _ in range(count)))
    return [await a_later_cancellation(bench, order) for order in orders]


async def a_later_cancellation(bench: ViewBench, order: Commit) -> Commit:
    return await bench.ledger.on(order, event("OrderCancelled", 99, order_id=order.subject, reason="later"))


async def understand(bench: ViewBench, *commits: Commit) -> None:
    """As if a new version of the program could read them."""
    wanted = {"_id": {"$in": [commit.position for commit in commits]}}
    await bench.log.database["commits"].update_many(wanted, {"$set": {"events.0.schema": 1}})


async def serve(bench: ViewBench, writer: ViewWriter, rounds: int = 1) -> None:
    for _ in range(rounds):
        await writer.serve_requests(bench.all_partitions)


async def skip(bench: ViewBench, commit: Commit) -> None:
    await request_skip(bench.views, bench.log, ORDERS, commit.subject, **WHY)


async def the_order(bench: ViewBench, commit: Commit, place: str = "orders") -> Mapping[str, Any]:
    found = await bench.views[place].find_one({"_id": commit.subject})
    assert found
    return found


async def requests_left(bench: ViewBench) -> int:
    return await bench.views["requests"].count_documents({})


# Retrying many


async def test_V5_all_that_is_parked_is_retried_some_at_a_time(
    bench: ViewBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairs_module, "RETRIED_AT_ONCE", 3)
    strange = await some_parked(bench, 8)
    writer = bench.writer()
    await bench.catch_up(writer)
    await understand(bench, *strange)
    assert len(await request_retries(bench.views, (ORDERS,))) == 1
    left = []
    while await requests_left(bench):
        await serve(bench, writer)
        left.append(await count_parked(bench.views, ORDERS))
    assert left == [5, 2, 0]
    await bench.check()


async def test_V5_others_flow_between_two_rounds_of_a_retry_and_nobody_begins_again(
    bench: ViewBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairs_module, "RETRIED_AT_ONCE", 2)
    strange = await some_parked(bench, 6)
    writer = bench.writer()
    await bench.catch_up(writer)
    await understand(bench, *strange)
    await request_retries(bench.views, (ORDERS,))
    for _ in range(3):
        assert not await writer.serve_requests(bench.all_partitions)
        order = await bench.ledger.order(1, (2, 1))
        more = await bench.ledger.on(strange[0], event("OrderDeleted", order_id=strange[0].subject))
        await writer.apply({order.partition: [order, more]})
        assert (await the_order(bench, order))["status"] == "PENDING"
    assert await count_parked(bench.views, ORDERS) == 0
    await bench.check()


async def test_V5_a_retry_by_error_leaves_the_others_alone(bench: ViewBench) -> None:
    (later,) = await some_parked(bench, 1)
    order = await bench.ledger.order(1, (1, 1))
    unknown = await bench.ledger.on(order, event("OrderTeleported"))
    writer = bench.writer()
    await bench.catch_up(writer)
    await understand(bench, later)
    before = await the_order(bench, unknown)
    await request_retries(bench.views, (ORDERS, INVENTORY), "unknown_schema")
    await serve(bench, writer)
    assert set(await bench.parked()) == {unknown.subject}
    assert await the_order(bench, unknown) == before
    assert await requests_left(bench) == 0


async def test_V5_a_retry_of_many_goes_past_what_stays_parked(
    bench: ViewBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairs_module, "RETRIED_AT_ONCE", 1)
    first, second, third = await some_parked(bench, 3)
    writer = bench.writer()
    await bench.catch_up(writer)
    await understand(bench, second, third)
    await request_retries(bench.views, (ORDERS,))
    await serve(bench, writer, rounds=4)
    assert set(await bench.parked()) == {first.subject}
    assert await requests_left(bench) == 0


async def test_V5_of_many_that_are_retried_only_what_cannot_be_written_stays(bench: ViewBench) -> None:
    strange = await some_parked(bench, 3)
    writer = bench.writer()
    await bench.catch_up(writer)
    await understand(bench, *strange)
    await bench.views.command(
        "collMod", "orders", validator={"$nor": [{"_id": strange[1].subject, "status": "CANCELLED"}]}
    )
    await request_retries(bench.views, (ORDERS,))
    await serve(bench, writer)
    assert set(await bench.parked()) == {strange[1].subject}
    assert await requests_left(bench) == 0


async def test_V5_who_is_asked_again_while_he_is_at_it_does_it_again(bench: ViewBench) -> None:
    """The second asking may be of after a repair that the first one has not seen."""
    (strange,) = await some_parked(bench, 1)
    writer = bench.writer()
    await bench.catch_up(writer)
    await request_retry(bench.views, ORDERS, strange.subject)
    read = bench.log.read_stream

    async def asked_again_meanwhile(*args: Any) -> list[Commit]:
        commits = await read(*args)
        await request_retry(bench.views, ORDERS, strange.subject)
        return commits

    bench.log.read_stream = asked_again_meanwhile  # type: ignore[method-assign]
    with pytest.raises(Fenced):
        await serve(bench, writer)
    bench.log.read_stream = read  # type: ignore[method-assign]
    await understand(bench, strange)
    await bench.catch_up(writer)
    await serve(bench, writer)
    assert await bench.parked() == {}
    await bench.check()


async def test_V5_what_is_not_parked_and_what_is_not_there_is_not_retried(bench: ViewBench) -> None:
    order = await bench.ledger.order(1, (1, 1))
    await bench.catch_up(bench.writer())
    with pytest.raises(CommandRejected):
        await request_retry(bench.views, ORDERS, order.subject)
    with pytest.raises(NotFound):
        await request_retry(bench.views, ORDERS, "nobody")
    for model, text in ((INVENTORY, "x"), (INVENTORY, "1_0"), (INVENTORY, "9" * 30), (ORDERS, "\x00"), (ORDERS, "é")):
        with pytest.raises(NotFound):
            key_called(model, text)
    assert await request_retries(bench.views, (ORDERS, INVENTORY, PRODUCTS)) == []
    assert await requests_left(bench) == 0


async def test_parked_documents_are_found_by_their_index_in_the_order_in_which_they_were_parked(
    bench: ViewBench,
) -> None:
    strange = await some_parked(bench, 3)
    await bench.ledger.orders(1, *([(1, 1)] for _ in range(20)))
    await bench.catch_up(bench.writer())
    found = await find_parked(bench.views["orders"], 2)
    assert [document["_id"] for document in found] == [commit.subject for commit in strange[:2]]
    plan = await bench.views["orders"].find(IS_PARKED, sort=ORDER).explain()
    assert plan["executionStats"]["totalDocsExamined"] == 3
    (group,) = await groups_of(bench.views, ORDERS)
    assert (group["_id"]["code"], group["count"], group["key"]) == ("unknown_schema", 3, strange[0].subject)


# Skipping


async def test_V5_a_skipped_commit_is_passed_over_by_its_document_alone(bench: ViewBench) -> None:
    strange, other = await some_parked(bench, 2)
    writer = bench.writer()
    await bench.catch_up(writer)
    before = await the_order(bench, strange)
    await skip(bench, strange)
    await serve(bench, writer)
    document = await the_order(bench, strange)
    assert (document["status"], document["version"], document["position"]) == ("PENDING", 2, strange.position)
    assert before["status"] == "PENDING"
    assert set(await bench.parked()) == {other.subject}
    cancelled = await bench.ledger.on(strange, event("OrderCancelled", order_id=strange.subject, reason="really"))
    await writer.apply({cancelled.partition: [cancelled]})
    document = await the_order(bench, strange)
    assert (document["status"], document["version"]) == ("CANCELLED", 3)
    await understand(bench, strange)  # it stays skipped
    (decided,) = await find_skips(bench.views, 0)
    assert decided["_id"] == f"orders/{strange.subject}/{strange.position}"
    assert (decided["reason"], decided["actor"], decided["code"]) == (*WHY.values(), "unknown_schema")


async def test_V5_what_waited_behind_a_skipped_commit_is_folded(bench: ViewBench) -> None:
    (strange,) = await some_parked(bench, 1)
    writer = bench.writer()
    await bench.catch_up(writer)
    await bench.ledger.on(strange, event("OrderCancelled", order_id=strange.subject, reason="really"))
    await bench.catch_up(writer)
    await skip(bench, strange)
    await serve(bench, writer)
    assert (await the_order(bench, strange))["status"] == "CANCELLED"
    user = await bench.views["sums"].find_one({"_id": "users/1"})
    assert user
    assert {status: count for status, count in user["statuses"].items() if count} == {"CANCELLED": 1}


async def test_V5_a_document_whose_first_commit_is_skipped_goes_on_with_the_next(bench: ViewBench) -> None:
    """What follows a beginning that is not there parks it again; until then there is nothing to show."""
    draft = bench.ledger.an_order(1, [(1, 1)])
    (first,) = await bench.ledger.append(replace(draft, events=(replace(draft.events[0], schema=99),)))
    writer = bench.writer()
    await bench.catch_up(writer)
    await skip(bench, first)
    await serve(bench, writer)
    assert await bench.parked() == {}
    document = await the_order(bench, first)
    assert (document["version"], document["position"]) == (0, first.position)  # of version 0: there is no such order
    cancelled = await bench.ledger.cancel(first)
    await writer.apply({cancelled.partition: [cancelled]})
    mark = (await bench.parked())[first.subject]["parked"]
    assert (mark["code"], mark["position"]) == ("projection_failed", cancelled.position)


async def test_V5_a_product_that_nothing_is_left_of_is_gone(bench: ViewBench) -> None:
    """Its only commit is of another context, and skipped."""
    stock = await bench.ledger.append(bench.ledger.draft("inventory-7", 7, event("InventoryUpdated", 99, product_id=7)))
    writer = bench.writer()
    await bench.catch_up(writer)
    for model in (PRODUCTS, INVENTORY):
        await request_skip(bench.views, bench.log, model, 7, **WHY)
    await serve(bench, writer)
    assert await bench.views["products"].find_one({"_id": 7}) is None
    assert (await bench.views["inventory"].find_one({"_id": 7}) or {})["position"] == stock[0].position


async def test_V5_a_skip_holds_in_a_reset_and_in_another_generation(bench: ViewBench) -> None:
    strange, _ = await some_parked(bench, 2)
    writer = bench.writer()
    await bench.catch_up(writer)
    await skip(bench, strange)
    await serve(bench, writer)
    skipped = await the_order(bench, strange)
    generation = await ask_for_another(bench.views, bench.log.info.id, "orders", is_verified=True)
    await work_of(bench).do(generation["_id"])
    found = await bench.views["generations"].find_one({"_id": generation["_id"]})
    assert found
    assert found["difference"]["is_none"]
    assert await the_order(bench, strange, "orders@2") == skipped
    await request_rebuild(bench.views)
    await bench.catch_up(writer)
    await bench.catch_up(writer)
    assert await the_order(bench, strange, "orders@2") == skipped
    assert len(await find_skips(bench.views, 0)) == 1


async def test_V5_what_a_generation_was_built_with_before_a_skip_is_folded_again_before_it_is_shown(
    bench: ViewBench,
) -> None:
    first, second, _ = await some_parked(bench, 3)
    writer = bench.writer()
    await bench.catch_up(writer)
    generation = (await ask_for_another(bench.views, bench.log.info.id, "orders", is_switched=False))["_id"]
    await work_of(bench).do(generation)  # ready, with all three parked in it
    await bench.catch_up(writer)
    await skip(bench, first)
    await serve(bench, writer)
    await bench.views["generations"].update_one({"_id": generation}, {"$set": {"is_switched": True}})
    work = work_of(bench)
    with pytest.raises(Fenced):  # it had begun already when the second one was skipped
        await skipping_meanwhile(bench, writer, work, generation, second)
    await work.do(generation)
    shown = {document["_id"]: document async for document in bench.views["orders@2"].find()}
    assert [("parked" in shown[commit.subject]) for commit in (first, second)] == [False, False]


async def skipping_meanwhile(bench: ViewBench, writer: ViewWriter, work: Work, generation: str, commit: Commit) -> None:
    read = work._read

    async def read_once_more(name: str) -> dict[str, Any]:
        found = await read(name)
        reached = bench.log.read_partition

        async def and_skip(*args: Any) -> Any:
            bench.log.read_partition = reached  # type: ignore[method-assign]
            await skip(bench, commit)
            await serve(bench, writer)
            return await reached(*args)

        bench.log.read_partition = and_skip  # type: ignore[method-assign]
        return found

    order = await bench.ledger.order(1, (1, 1))  # so that there is something to follow
    await writer.apply({order.partition: [order]})
    work._read = read_once_more  # type: ignore[method-assign]
    try:
        await work.do(generation)
    finally:
        work._read = read  # type: ignore[method-assign]


async def test_V5_what_is_skipped_is_no_difference_and_is_repaired_with_its_skip(bench: ViewBench) -> None:
    strange, _ = await some_parked(bench, 2)
    writer = bench.writer()
    await bench.catch_up(writer)
    await skip(bench, strange)
    assert (await found_everywhere(bench)).findings == []  # nor while it waits to be folded again
    await serve(bench, writer)
    skipped = await the_order(bench, strange)
    assert (await found_everywhere(bench)).findings == []
    assert (await fully_verified(bench)).is_identical
    await bench.views["orders"].update_one({"_id": strange.subject}, {"$set": {"status": "NONSENSE"}})
    (found,) = [each for each in (await found_everywhere(bench)).findings if each.collection == "orders"]
    assert (found.key, found.fields) == (strange.subject, ("status",))
    await ask_for_repair(bench.views, "orders", strange.subject, strange.partition)
    await serve(bench, writer)
    assert await the_order(bench, strange) == skipped


async def test_V5_what_was_is_told_with_what_is_skipped(bench: ViewBench) -> None:
    (strange,) = await some_parked(bench, 1)
    await bench.catch_up(bench.writer())
    past = Past(strange.position, bench.log.database, bench.views)
    assert (await _doc_of(past, ORDERS, strange.subject)).parked
    await skip(bench, strange)
    doc = await _doc_of(past, ORDERS, strange.subject)
    assert (doc.parked, doc.version) == (None, 2)


async def test_V5_a_skip_of_another_log_counts_for_nothing(bench: ViewBench) -> None:
    """At its position stands another commit there."""
    (strange,) = await some_parked(bench, 1)
    await bench.catch_up(bench.writer())
    await skip(bench, strange)
    assert await read_skips(bench.views, bench.log) == {(("orders", strange.subject), strange.position)}
    await bench.views["skips"].update_one({}, {"$set": {"command_id": "another"}})
    assert await read_skips(bench.views, bench.log) == frozenset()


async def test_V5_who_skips_twice_has_decided_once_and_what_moves_is_not_skipped(bench: ViewBench) -> None:
    (strange,) = await some_parked(bench, 1)
    writer = bench.writer()
    await bench.catch_up(writer)
    await asyncio.gather(skip(bench, strange), skip(bench, strange))
    assert len(await find_skips(bench.views, 0)) == 1
    await serve(bench, writer)
    with pytest.raises(CommandRejected):
        await skip(bench, strange)


def work_of(bench: ViewBench) -> Work:
    return Work(bench.log, bench.log.database, bench.views, Settings(fresh_seconds=0))
