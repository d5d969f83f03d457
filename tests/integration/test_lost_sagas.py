"""Sagas that somebody dropped are folded again from the log, though their checkpoints stand where they stood."""

from collections.abc import AsyncIterator

import pytest

from command_service.sagas.runner import SagaRunner
from common.envelope import Commit
from common.sink import Fenced
from tests.support.saga_bench import SagaBench, a_saga_bench


@pytest.fixture
async def bench(mongodb_url: str) -> AsyncIterator[SagaBench]:
    async with a_saga_bench(mongodb_url) as made:
        yield made


async def begun_at(bench: SagaBench, runner: SagaRunner, of: Commit) -> int:
    return (await runner.begin(bench.partitions))[of.partition].position


async def test_a_runner_goes_on_where_it_was_while_its_sagas_are_there(bench: SagaBench) -> None:
    order = await bench.ledger.order(1, (1, 1))
    runner, _ = await bench.runner()
    await bench.apply(runner, order)
    assert not await runner.serve_requests(bench.partitions)
    assert await begun_at(bench, runner, order) == order.position


async def test_sagas_that_were_dropped_alone_are_folded_again_from_the_beginning(bench: SagaBench) -> None:
    order, validated = await bench.validated()
    runner, outbox = await bench.runner()
    await bench.apply(runner, order, validated)
    before = (await bench.docs())[order.subject]
    await bench.database["sagas"].drop()
    assert await runner.serve_requests(bench.partitions), "it is noticed while it runs"
    assert await begun_at(bench, runner, order) == 0
    await bench.apply(runner, order, validated)
    await bench.is_level(runner)
    after = (await bench.docs())[order.subject]
    assert (after["state"], after["position"]) == (before["state"], before["position"])
    assert outbox.steps == []
    assert await begun_at(bench, runner, order) == validated.position, "once"


async def test_sagas_that_began_after_the_loss_do_not_hide_it(bench: SagaBench) -> None:
    lost = await bench.ledger.order(1, (1, 1))
    runner, _ = await bench.runner()
    await bench.apply(runner, lost)
    await bench.database["sagas"].delete_many({})
    since = await bench.ledger.order(1, (1, 1))
    await bench.apply(runner, since)
    before = (await bench.docs())[since.subject]
    assert await begun_at(bench, runner, lost) == 0
    await bench.apply(runner, lost, since)
    assert {lost.subject, since.subject} <= (await bench.docs()).keys()
    assert (await bench.docs())[since.subject] == before


async def test_V1_a_runner_that_does_not_know_of_the_loss_is_fenced_by_the_one_that_does(bench: SagaBench) -> None:
    order, validated = await bench.validated()
    (sleeping, _), (awake, _) = await bench.runner(), await bench.runner()
    await bench.apply(sleeping, order)
    await bench.database["sagas"].drop()
    assert await begun_at(bench, awake, order) == 0
    with pytest.raises(Fenced):
        await bench.apply(sleeping, validated)
