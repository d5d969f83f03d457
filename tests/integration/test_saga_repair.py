"""A saga that stands still is counted, shown, and goes on when it is folded again from the log."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from command_service.sagas.folding import Doc
from command_service.sagas.order_fulfilment import order_fulfilment
from command_service.sagas.retrying import request_retry, serve_retries
from command_service.sagas.runner import GROUP
from command_service.sagas.store import SagaStore
from command_service.sagas.watching import watch_sagas
from common.envelope import Commit
from common.sink import Fenced
from common.tasks import end
from tests.support.ledger import event
from tests.support.saga_bench import PAYMENT_SECONDS, Outbox, SagaBench, a_saga_bench
from tests.support.system import until

SOON_SECONDS = 10.0


@pytest.fixture
async def bench(mongodb_url: str) -> AsyncIterator[SagaBench]:
    async with a_saga_bench(mongodb_url) as made:
        yield made


async def a_stuck_saga(bench: SagaBench) -> Commit:
    """Its cancellation is of a schema that this version does not know; return that commit."""
    order, validated = await bench.validated()
    strange = await bench.ledger.on(validated, event("OrderCancelled", 99, order_id=order.subject))
    runner, outbox = await bench.runner()
    await bench.apply(runner, order, validated, strange)
    await bench.is_level(runner)
    assert ((await a_saga(bench, strange))["state_word"], outbox.steps) == ("stuck", [])
    return strange


async def understand(bench: SagaBench, commit: Commit) -> None:
    """As if a new version of the program could read the event."""
    await bench.database["commits"].update_one({"_id": commit.position}, {"$set": {"events.0.schema": 1}})


async def a_saga(bench: SagaBench, of: Commit) -> dict[str, Any]:
    return (await bench.docs())[of.subject]


async def serve_requests(bench: SagaBench) -> Outbox:
    """As the feed does it: it begins again where there was anything to do. Return what is sent then."""
    runner, outbox = await bench.runner()
    if await runner.serve_requests(bench.partitions):
        await runner.begin(bench.partitions)
    await bench.is_level(runner)
    return outbox


async def requests(bench: SagaBench) -> int:
    return await bench.database["saga_requests"].count_documents({})


async def test_a_stuck_saga_goes_on_when_it_is_folded_again_after_the_repair(bench: SagaBench) -> None:
    strange = await a_stuck_saga(bench)
    await understand(bench, strange)
    assert await request_retry(bench.database, strange.subject)
    outbox = await serve_requests(bench)
    saga = await a_saga(bench, strange)
    assert (saga["state_word"], saga["trouble"], saga["position"]) == ("running", None, strange.position)
    assert [(step["want"]["step"], step["outcome"]) for step in saga["steps"]] == [
        ("reserve/1", "accepted"),
        ("validate", "accepted"),
        ("release/1", None),
    ]
    assert outbox.steps == ["release/1"], "what the log has an outcome of is not sent again"
    assert await requests(bench) == 0


async def test_a_saga_whose_cause_is_still_there_stays_stuck(bench: SagaBench) -> None:
    strange = await a_stuck_saga(bench)
    before = await a_saga(bench, strange)
    assert await request_retry(bench.database, strange.subject)
    outbox = await serve_requests(bench)
    after = await a_saga(bench, strange)
    assert (after["state_word"], after["trouble"]) == ("stuck", before["trouble"])
    assert (outbox.steps, await requests(bench)) == ([], 0)


async def test_S2_an_open_want_keeps_its_id_when_its_saga_is_folded_again(bench: SagaBench) -> None:
    order = await bench.ledger.order(1, (1, 1))
    runner, outbox = await bench.runner()
    await bench.apply(runner, order)
    await bench.is_level(runner)
    assert await request_retry(bench.database, order.subject)
    assert (await serve_requests(bench)).sent == outbox.sent
    assert len(outbox.sent) == 1


async def test_S1_a_saga_that_somebody_else_wrote_meanwhile_is_not_replaced(bench: SagaBench) -> None:
    strange = await a_stuck_saga(bench)
    await request_retry(bench.database, strange.subject)
    saga = order_fulfilment(payment_seconds=PAYMENT_SECONDS)
    store = SagaStore(bench.database, {saga.name: saga})

    async def fold_slowly(_: str, saga_id: str, __: int) -> Doc | None:
        await bench.database["sagas"].update_one({"_id": saga_id}, {"$inc": {"rev": 1}})
        return (await store.load([saga_id]))[saga_id]

    before = await a_saga(bench, strange)
    with pytest.raises(Fenced):
        await serve_retries(bench.database, store, GROUP, bench.partitions, fold_slowly)
    assert await a_saga(bench, strange) == before | {"rev": before["rev"] + 1}
    assert await requests(bench) == 1


async def test_S1_only_the_holder_of_its_partition_folds_a_saga_again(bench: SagaBench) -> None:
    strange = await a_stuck_saga(bench)
    await request_retry(bench.database, strange.subject)
    runner, _ = await bench.runner()
    assert not await runner.serve_requests(bench.partitions - {strange.partition})
    assert await requests(bench) == 1


async def test_nothing_can_be_asked_for_a_saga_that_is_not_there(bench: SagaBench) -> None:
    assert not await request_retry(bench.database, "57410cad-6e90-5177-96c8-1152331f01bb")
    assert await requests(bench) == 0


async def test_stuck_sagas_are_counted_where_their_partition_is_held(bench: SagaBench) -> None:
    strange = await a_stuck_saga(bench)
    await until_told(bench, bench.partitions, lambda: stuck() == 1)
    await until_told(bench, bench.partitions - {strange.partition}, lambda: stuck() == 0)


async def test_the_oldest_saga_that_is_not_over_is_told_by_its_kind_and_state(bench: SagaBench) -> None:
    await until_told(bench, bench.partitions, lambda: oldest("stuck") == 0)
    await a_stuck_saga(bench)
    await until_told(bench, bench.partitions, lambda: oldest("stuck") > 0)


def stuck() -> float | None:
    return REGISTRY.get_sample_value("leveret_sagas_stuck")


def oldest(state: str) -> float:
    labels = {"saga": "order_fulfilment", "state": state}
    return REGISTRY.get_sample_value("leveret_saga_oldest_seconds", labels) or 0


async def until_told(bench: SagaBench, held: frozenset[int], fact: Callable[[], bool]) -> None:
    async def is_so() -> bool:
        return fact()

    watching = asyncio.create_task(watch_sagas(bench.database, lambda: held, ["order_fulfilment"]))
    try:
        await until(is_so, seconds=SOON_SECONDS, what="it is told")
    finally:
        await end(watching)
