"""Lag is told in seconds and in commits, by whoever holds the partition, and is nothing where all is level."""

import asyncio
from collections.abc import Mapping

from prometheus_client import REGISTRY, Gauge

from command_service.relay_lag import watch_lag
from common.inbox import Inbox
from common.lag import LagGauges
from common.partition_state import PartitionState, Progress
from common.tasks import end
from tests.support.commits import a_commit
from tests.support.memory_log import MemoryLog, Store
from tests.support.system import until

SECONDS = Gauge("test_lag_seconds", "Of this test", ["partition"])
COMMITS = Gauge("test_lag_commits", "Of this test", ["partition"])


def a_partition(*, applied: int) -> PartitionState:
    return PartitionState(Inbox(applied), applied, 0.0)


def test_a_partition_that_is_level_has_no_lag_whatever_others_write() -> None:
    state = a_partition(applied=7)
    state.look(1.0, 0, 900, patience_seconds=1)
    assert state.progress(2.0, head=1000) == Progress(900, 0.0, 0)


def test_a_partition_that_is_behind_is_as_far_behind_as_the_head() -> None:
    state = a_partition(applied=7)
    state.look(1.0, 12, 20, patience_seconds=1)
    assert state.progress(4.0, head=20) == Progress(0, 3.0, 13)
    state.applied = 12
    state.look(5.0, 0, 30, patience_seconds=1)
    assert state.progress(6.0, head=30) == Progress(30, 0.0, 0)


def told() -> Mapping[str, tuple[float | None, float | None]]:
    """Partition → seconds, commits."""

    def of(name: str, partition: str) -> float | None:
        return REGISTRY.get_sample_value(name, {"partition": partition})

    return {p: (of("test_lag_seconds", p), of("test_lag_commits", p)) for p in ("0", "1")}


def test_a_partition_that_another_process_took_is_not_told_any_more() -> None:
    gauges = LagGauges(SECONDS, COMMITS)
    gauges.tell({0: Progress(5, 2.5, 12), 1: Progress(5, 0.0)})
    assert told() == {"0": (2.5, 12), "1": (0, 0)}
    gauges.tell({1: Progress(6, 0.0)})
    assert told() == {"0": (None, None), "1": (0, 0)}


async def test_the_relay_is_behind_by_what_is_not_confirmed_since_the_oldest_of_it_was_recorded() -> None:
    store, confirmed = Store(), 2
    store.write([a_commit(position, version=position) for position in range(1, 6)])
    store.replicate()

    async def cursor() -> int:
        return confirmed

    def lag() -> tuple[float | None, bool]:
        commits, seconds = (REGISTRY.get_sample_value(f"leveret_relay_lag_{unit}") for unit in ("commits", "seconds"))
        return commits, bool(seconds)

    async def is_behind() -> bool:
        return lag() == (3, True)

    async def is_level() -> bool:
        return lag() == (0, False)

    watching = asyncio.create_task(watch_lag(MemoryLog(store), cursor))
    try:
        await until(is_behind, seconds=5, what="three commits are not confirmed")
        confirmed = 5
        await until(is_level, seconds=5, what="all are confirmed")
    finally:
        await end(watching)
