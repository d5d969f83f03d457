"""A read model is built anew beside the one that is shown, and shown instead of it, in one step (PROTOCOL Q3, V2)."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from bson import encode
from structlog.testing import capture_logs

from common import mongo
from common.config import Settings
from common.errors import NotFound
from common.generations import places_shown, read_shown
from common.read_models import READ_MODELS
from common.read_models.folding import Doc
from common.read_models.order_statistics import DAYS
from common.read_models.orders import ORDERS
from common.read_models.shapes import SummaryKey
from common.read_models.storage import CHECKPOINTS
from common.read_models.users import USER_PRODUCTS
from common.sink import Fenced, Superseded
from common.tasks import end
from common.transaction import transact
from projector.batch import Change, Changes, add_sums
from projector.generations import comparing, keeper
from projector.generations.builder import Work
from projector.generations.comparing import Comparison
from projector.generations.keeper import Keeper
from projector.generations.known import (
    ASKED,
    DROPPING,
    GROUP,
    OLD,
    READY,
    ask_for_another,
    ask_to_drop,
    ask_to_show,
    drop,
    generations_of,
    to_be_done,
)
from projector.generations.pacing import LEAP_DOCUMENTS, STEP_DOCUMENTS, Pace
from projector.generations.shown import one_projection
from projector.operations.projections import told
from projector.operations.routes import Views
from projector.statements import summary_statements
from tests.support.failing import failing
from tests.support.history import some_history
from tests.support.system import until
from tests.support.view_bench import ViewBench, a_view_bench

ALL = tuple(model.collection for model in READ_MODELS)


@pytest.fixture
async def bench(mongodb_url: str) -> AsyncIterator[ViewBench]:
    async with a_view_bench(mongodb_url) as made:
        yield made


def work_of(bench: ViewBench) -> Work:
    return Work(bench.log, bench.log.database, bench.views, Settings(fresh_seconds=0))


async def ask(bench: ViewBench, name: str = "orders", **wishes: bool) -> str:
    return (await ask_for_another(bench.views, bench.log.info.id, name, **wishes))["_id"]


async def the_one(bench: ViewBench, generation: str) -> dict[str, Any]:
    found = await bench.views["generations"].find_one({"_id": generation})
    assert found
    return found


async def shown(bench: ViewBench, name: str = "orders") -> int:
    return (await read_shown(bench.views))[name]["generation"]


async def test_whoever_asks_at_the_same_time_gets_the_same_generation(bench: ViewBench) -> None:
    await ask(bench)  # which is under way
    await ask_to_drop(bench.views, "orders", 2)
    asked = await asyncio.gather(*(ask(bench) for _ in range(8)))
    assert set(asked) == {"orders@3"}
    assert [g["state"] for g in await generations_of(bench.views, "orders")] == [DROPPING, ASKED]


async def test_what_was_dropped_as_soon_as_it_was_asked_for_is_told_as_unknown(bench: ViewBench) -> None:
    with pytest.raises(NotFound, match="has been dropped since"):
        await told(Views(bench.views, bench.log), "orders@2")


@pytest.mark.parametrize("name", ALL)
async def test_Q3_a_new_generation_equals_the_fold_of_the_log_and_is_shown(bench: ViewBench, name: str) -> None:
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    generation = await ask(bench, name)
    await work_of(bench).do(generation)
    told_of = await one_projection(bench.views, name)
    assert (told_of["shown"], told_of["difference"] and told_of["difference"]["is_none"]) == (generation, True)
    await some_history(bench.ledger, seed=2)
    await bench.catch_up(bench.writer())
    await bench.check()


async def test_Q3_what_was_wrong_in_the_old_one_is_told_and_gone_in_the_new_one(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    found = await bench.views["orders"].find_one()
    assert found
    await bench.views["orders"].update_one({"_id": found["_id"]}, {"$set": {"status": "NONSENSE"}})
    await bench.views["sums"].update_one({"of": "users"}, {"$inc": {"total_orders": 7}})
    generation = await ask(bench)
    await work_of(bench).do(generation)
    difference = (await the_one(bench, generation))["difference"]
    assert (difference["changed"], difference["missing"], difference["extra"]) == (2, 0, 0)
    fields = {example["collection"]: example["fields"] for example in difference["examples"]}
    assert fields == {"orders": ["status"], "sums": ["total_orders"]}
    await bench.check()


async def test_Q3_one_that_is_verified_is_not_shown_if_it_differs(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    await bench.views["orders"].update_one({}, {"$set": {"status": "NONSENSE"}})
    generation = await ask(bench, is_verified=True)
    await work_of(bench).do(generation)
    assert (await the_one(bench, generation))["state"] == READY
    assert await shown(bench) == 1
    await ask_to_show(bench.views, bench.log.info.id, "orders")
    await work_of(bench).do(generation)
    await bench.check()


async def test_Q3_who_writes_with_the_old_pointer_is_fenced(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    writer = bench.writer()
    await bench.catch_up(writer)
    await work_of(bench).do(await ask(bench))
    order = await bench.ledger.order(1, (1, 1))
    with pytest.raises(Fenced):
        await writer.apply({order.partition: [order]})
    assert not await bench.views["orders"].find_one({"_id": order.subject})
    await bench.catch_up(writer)
    await bench.check()


async def test_Q3_the_old_one_stays_and_is_shown_again_with_what_it_missed(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    await work_of(bench).do(await ask(bench))
    await some_history(bench.ledger, seed=2)
    await bench.catch_up(bench.writer())
    (old,) = await generations_of(bench.views, "orders")
    assert (old["_id"], old["state"]) == ("orders@1", OLD)
    await ask_to_show(bench.views, bench.log.info.id, "orders")
    await work_of(bench).do("orders@1")
    assert await shown(bench) == 1
    await some_history(bench.ledger, seed=3)
    await bench.catch_up(bench.writer())
    await bench.check()


async def test_Q3_a_killed_build_goes_on_where_it_was(bench: ViewBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pace, "most_documents", 2)
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    generation = await ask(bench)
    for _ in range(6):
        killed = asyncio.create_task(work_of(bench).do(generation))
        rev = (await the_one(bench, generation))["rev"]

        async def has_gone_on(rev: int = rev, killed: asyncio.Task[None] = killed) -> bool:
            return killed.done() or (await the_one(bench, generation))["rev"] >= rev + 2

        await until(has_gone_on, seconds=20, what="it has gone on")
        killed.cancel()
        with suppress(asyncio.CancelledError, Fenced):
            await killed
    if await shown(bench) == 1:
        await work_of(bench).do(generation)
    found = await the_one(bench, generation)
    assert found["documents"] == await bench.views[f"{generation}"].count_documents({})
    assert found["difference"]["is_none"]
    await bench.check()


async def test_a_sum_is_inserted_as_if_it_were_added_to(bench: ViewBench) -> None:
    of_day = {"total_orders": 1, "statuses.PAID": 1, "spent.EUR": 2**40, "paid_orders": 0}
    of_user = {"quantity": 2, "orders": 1}
    contribution = {SummaryKey(DAYS, ("2026-01-31",)): of_day, SummaryKey(USER_PRODUCTS, (7, 1000)): of_user}
    changes = Changes()
    add_sums(changes, ORDERS, Change(Doc(partition=3), Doc(partition=3, contribution=contribution)))
    stored: list[list[bytes]] = []
    for is_new in (lambda _: False, lambda _: True):
        await transact(bench.views, list(summary_statements(changes.sums, is_new=is_new)))
        stored.append([encode(document) async for document in bench.views["sums"].find(sort=["_id"])])
        await bench.views["sums"].delete_many({})
    assert len(stored[0]) == 2
    assert stored[0] == stored[1]


async def test_a_sum_that_came_back_to_nothing_is_as_good_as_none(bench: ViewBench) -> None:
    order = await bench.ledger.order(1, (1, 2))
    await bench.catch_up(bench.writer())
    await bench.ledger.cancel(order)
    await bench.catch_up(bench.writer())
    generation = await ask(bench, is_verified=True)
    await work_of(bench).do(generation)
    assert (await the_one(bench, generation))["difference"]["is_none"]
    assert await shown(bench) == 2


async def test_a_builder_has_the_time_that_much_takes(bench: ViewBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large log a page, a count and an index take longer than any query may."""
    monkeypatch.setattr(mongo, "OPERATION_SECONDS", 0.5)
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    generation = await ask(bench)
    async with mongo.open_client(bench.url, name="slow") as slow:
        work = Work(bench.log, slow[bench.log.database.name], slow[bench.views.name], Settings(fresh_seconds=0))
        how: dict[str, Any] = {"blockConnection": True, "blockTimeMS": 1000}
        async with failing(bench.url, "aggregate", "createIndexes", client="slow", times=2, **how):
            await work.do(generation)
    assert await shown(bench) == 2


async def test_what_a_snapshot_does_not_last_for_is_compared_in_the_next(
    bench: ViewBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MongoDB lets go of three of them, and orders come in before the next is taken."""
    monkeypatch.setattr(comparing, "PAGE_DOCUMENTS", 4)
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    await bench.views["orders"].update_one({}, {"$set": {"status": "NONSENSE"}})
    begun_with = sum([await bench.views[name].count_documents({}) for name in ("orders", "sums")])
    generation, go_on = await ask(bench), Comparison.go_on

    async def go_on_while_orders_come(comparison: Comparison, *arguments: Any) -> None:
        await go_on(comparison, *arguments)
        await bench.ledger.order(1)
        await bench.catch_up(bench.writer())

    monkeypatch.setattr(Comparison, "go_on", go_on_while_orders_come)
    async with mongo.open_client(bench.url, name="short") as short:
        work = Work(bench.log, short[bench.log.database.name], short[bench.views.name], Settings(fresh_seconds=0))
        with capture_logs() as logged:
            async with failing(bench.url, "getMore", client="short", times=3, errorCode=239):
                await work.do(generation)
    went_on = [line["compared"] for line in logged if line["event"] == "comparison_goes_on"]
    difference = (await the_one(bench, generation))["difference"]
    assert went_on == sorted(set(went_on))
    assert len(went_on) == 3
    assert (difference["changed"], difference["missing"], difference["extra"]) == (1, 0, 0)
    assert difference["same"] + difference["changed"] >= begun_with, "something was passed over"
    await bench.check()


async def test_a_builder_takes_small_steps_with_pauses_while_commits_come_in(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    pace = Pace(bench.views)
    await pace.keep()  # it knows where they stand now
    for come_in, most_documents in ((True, STEP_DOCUMENTS), (False, LEAP_DOCUMENTS)):
        if come_in:
            await bench.views[CHECKPOINTS].update_one({"group": GROUP}, {"$inc": {"position": 10_000}})
        await pace.keep()
        assert (pace.is_busy, pace.most_documents) == (come_in, most_documents)


async def test_Q3_two_builders_of_one_generation_do_it_once(bench: ViewBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pace, "most_documents", 2)
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    generation = await ask(bench)
    for _ in range(20):
        works = [work_of(bench).do(generation) for _ in range(2)]
        ended = await asyncio.gather(*works, return_exceptions=True)
        assert all(error is None or isinstance(error, Fenced) for error in ended), ended
        if None in ended:
            break
    assert await shown(bench) == 2
    await bench.check()


async def test_Q3_it_is_shown_while_a_writer_goes_on(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    stop = asyncio.Event()

    async def write() -> None:
        writer, seed = bench.writer(), 10
        while not stop.is_set():
            await some_history(bench.ledger, seed := seed + 1)
            await bench.catch_up(writer)

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        for _ in range(3):
            await work_of(bench).do(await ask(bench))
        stop.set()
    assert await shown(bench) == 4
    await bench.catch_up(bench.writer())
    await bench.check()


async def test_Q3_asking_twice_is_asking_once_and_what_was_kept_is_dropped(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    assert await ask(bench) == await ask(bench, is_switched=False) == "orders@2"
    await work_of(bench).do("orders@2")
    assert await ask(bench) == "orders@3"
    dropped, kept = await generations_of(bench.views, "orders")
    assert [g["_id"] for g in await to_be_done(bench.views)] == ["orders@2", "orders@3"]
    assert (dropped["state"], kept["_id"]) == (DROPPING, "orders@3")
    await drop(bench.views, dropped)
    assert "orders@2" not in await bench.views.list_collection_names()


async def test_Q3_what_is_shown_is_not_dropped(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    await work_of(bench).do(await ask(bench))
    with pytest.raises(Exception, match="what queries show"):
        await ask_to_drop(bench.views, "orders", 2)
    await ask_to_drop(bench.views, "orders", 1)
    (old,) = await to_be_done(bench.views)
    await drop(bench.views, old)
    assert places_shown(await read_shown(bench.views))["orders"] == "orders@2"
    assert await generations_of(bench.views, "orders") == []
    await bench.check()


async def test_Q3_a_read_model_that_is_new_to_old_views_is_built_before_anybody_writes_it(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    await bench.views["generations"].update_one({"_id": "shown"}, {"$unset": {"models.inventory": ""}})
    await bench.views["inventory"].drop()
    assert not await bench.writer().may_serve()
    with pytest.raises(Superseded):
        await bench.writer().begin(bench.all_partitions)
    keeper = Keeper(bench.views, bench.log.info.id, lease_seconds=3)
    await keeper._ask_by_itself()
    (asked,) = await to_be_done(bench.views)
    await work_of(bench).do(asked["_id"])
    assert await bench.writer().may_serve()
    await bench.check()


async def test_Q3_a_read_model_that_the_program_lost_stands_in_its_way_until_it_is_dropped(bench: ViewBench) -> None:
    await some_history(bench.ledger)
    await bench.catch_up(bench.writer())
    lost = {"models.wishlists": {"generation": 3, "rules": 1}}
    await bench.views["generations"].update_one({"_id": "shown"}, {"$set": lost})
    writer = bench.writer()
    with capture_logs() as lines:
        assert [await writer.may_serve() for _ in range(2)] == [False, False]
    assert [(line["event"], line["names"]) for line in lines] == [("read_models_unknown", ["wishlists"])]
    await ask_to_drop(bench.views, "wishlists", 3)
    assert await bench.writer().may_serve()


async def test_a_builder_that_fails_again_and_again_is_started_less_and_less_often(
    bench: ViewBench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    failing = tmp_path / "failing"
    failing.write_text(f"#!/bin/sh\ndate +%s.%N >> {starts}\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(failing))
    monkeypatch.setattr(keeper, "LOOK_SECONDS", 0.02)
    await ask(bench)
    running = asyncio.create_task(Keeper(bench.views, bench.log.info.id, lease_seconds=3).run())

    async def five_starts() -> bool:
        return starts.exists() and len(starts.read_text().splitlines()) >= 5

    await until(five_starts, seconds=20, what="it was started five times")
    await end(running)
    began = [float(line) for line in starts.read_text().splitlines()]
    assert all(next_ - one >= 0.02 * 2**number for number, (one, next_) in enumerate(pairwise(began), 1))
