"""A long log's orders, and the judgement of a long run."""

from typing import Any

import pytest

from bench.goals import judge
from bench.growth import Grown, Growth, Turn
from bench.long_results import GOALS, LongResults, tables
from bench.machine import Machine
from bench.memory import SAMPLES, Memory
from bench.numbers import latency
from bench.rebuilding import Rebuilding
from bench.seeding import ORDERS_PER_USER, an_order
from bench.soak import Soak, Verified
from common.codec import decode_event
from common.log import LogInfo
from tests.support.rules import NOW

INFO = LogInfo("a log", 8)


def nothing_measured() -> LongResults:
    machine = Machine(cpu="a", cores=2, memory_gib=4, system="b", kernel="c", fsync_ms=1, load_before=0)
    return LongResults(measured_at="2030-01-01T00:00:00+00:00", machine=machine, versions={})


def grown(commits: int, rates: tuple[float, ...], milliseconds: float) -> Grown:
    turns = [Turn(commands_per_second=rate, queries=latency([milliseconds / 1000])) for rate in rates]
    return Grown(commits=commits, seed_seconds=1, views_seconds=2, turns=turns)


def watched(*, errors: dict[str, int] | None = None, **ends_at: float) -> Memory:
    """Each process begins with 100 MiB and jumps in the middle."""
    half = SAMPLES // 2
    samples = {name: (100.0,) * half + (end,) * half for name, end in ends_at.items()}
    return Memory(minutes=60, orders_per_second=200, errors=errors or {}, samples=samples)


def reached(results: LongResults) -> dict[str, bool | None]:
    return {verdict.name: verdict.reached for verdict in judge(results, GOALS)}


def built(per_second: float, *, peak_mib: float, is_identical: bool | None) -> Rebuilding:
    counts: dict[str, Any] = {"events": 2_000_000, "documents": 400_000, "with_indexes": per_second}
    compared_seconds = None if is_identical is None else 7.0
    return Rebuilding(
        per_second=per_second,
        peak_mib=peak_mib,
        compared_seconds=compared_seconds,
        is_identical=is_identical,
        **counts,
    )


def soaked(differences: int) -> Soak:
    figures = {"documents": 400_000, "sums": 1_000_000, "seconds": 9.0, "peak_mib": 120.0}
    builds = built(31_000, peak_mib=130, is_identical=None), built(29_000, peak_mib=210, is_identical=True)
    verified = Verified(differences=differences, is_identical=not differences, **figures)  # pyright: ignore
    return Soak(events=2_000_000, seed_seconds=99, builds=builds, verified=verified)


def test_a_seeded_order_is_the_same_every_time_and_reads_like_any_other():
    order = an_order(7, INFO, NOW)
    assert order == an_order(7, INFO, NOW)
    assert order.position == 7
    assert order.partition == INFO.partition_of(order.partition_key)
    event = decode_event(order.events[0])
    assert (event.order_id, event.user_id) == (order.subject, order.partition_key)  # pyright: ignore


def test_seeded_orders_are_different_commands_on_different_streams():
    orders = [an_order(position, INFO, NOW) for position in range(1, 101)]
    assert len({order.stream for order in orders}) == len({order.command_id for order in orders}) == 100
    assert len({order.partition_key for order in orders}) == 100 // ORDERS_PER_USER + 1


def test_growth_compares_the_means_of_the_turns():
    growth = Growth(few=grown(10_000, (900, 1100), 9), many=grown(10_000_000, (900, 900), 10))
    assert growth.commands_ratio == pytest.approx(0.9)
    assert growth.query_ratio == pytest.approx(0.9, rel=0.01)


def test_memory_is_judged_by_the_python_process_that_grew_most():
    run = nothing_measured()
    run.memory = watched(command=105, saga=110, mongod=300)
    assert run.most_grown == pytest.approx(1.1)
    assert reached(run)["memory at the end ÷ early"] is True


def test_memory_of_a_run_with_errors_is_no_figure():
    run = nothing_measured()
    run.memory = watched(command=100, errors={"POST 503": 1})
    assert set(reached(run).values()) == {None}


@pytest.mark.parametrize("differences", [0, 3])
def test_a_soak_is_judged_by_its_best_build_its_greatest_memory_and_any_difference(differences: int):
    run = nothing_measured()
    run.soak = soaked(differences)
    told = reached(run)
    assert told["the orders view rebuilt by one process"] is True
    assert told["memory of that process"] is False
    assert told["documents and sums that differ"] is (not differences)
    rows = [row for table in tables(run) for row in table.rows]
    assert any(("DIFFERENCES" if differences else "identical") in row[2] for row in rows)


def test_a_long_run_shows_what_was_measured_and_its_goals():
    run = nothing_measured()
    assert [table.title for table in tables(run)] == ["Goals"]
    run.memory = watched(command=120)
    memory, _ = tables(run)
    assert memory.rows == [("command", "120", "100, 1.20 ×")]
