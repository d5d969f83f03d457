"""The rows of a report: what was measured, beside what, and why something was not."""

import pytest

from bench.emmett import Emmett, versions
from bench.machine import Machine
from bench.numbers import Latency, latency
from bench.pipeline import WriteToRead
from bench.plan import SECTIONS
from bench.report import tables
from bench.results import Results
from bench.sharing import Sharing
from bench.tables import NOT_MEASURED, Row


@pytest.fixture
def run() -> Results:
    machine = Machine(cpu="a", cores=2, memory_gib=4, system="b", kernel="c", fsync_ms=1, load_before=0)
    told = {"eventsourcing": "9.5.6"} | versions()
    return Results(measured_at="2030-01-01", machine=machine, versions=told, parameters={"sections": ["sharing"]})


def row_of(run: Results, name: str) -> Row:
    return next(row for table in tables(run) for row in table.rows if row[0].startswith(name))


def test_a_peer_that_cannot_be_had_is_shown_with_the_reason(run: Results):
    run.emmett_on_postgresql = Emmett(why_not="no node and npm on PATH")
    name, figure, remark = row_of(run, "Emmett")
    assert name == "Emmett 0.42.0 on PostgreSQL, appends"
    assert (figure, remark) == (NOT_MEASURED, "not installed: no node and npm on PATH")


def test_sharing_a_log_is_shown_beside_logs_of_their_own(run: Results):
    run.sharing = (Sharing(services=4, on_one_log=900, on_separate_logs=1000),)
    assert row_of(run, "4 command services")[1:] == ("900", "on logs of their own 1,000: 0.90 ×")


def test_write_to_read_has_a_row_for_each_rate(run: Results):
    run.write_to_read = tuple(WriteToRead(offered=rate, latency=latency([0.01]), errors={}) for rate in (200, 500))
    rows = [row for table in tables(run) for row in table.rows if row[0] == "write-to-read"]
    assert [row[1] for row in rows] == ["200", "500"]


def test_what_a_whole_run_did_not_measure_is_shown_and_what_a_part_was_not_asked_for_is_not(run: Results):
    assert [table.title for table in tables(run)] == []
    run.parameters = {"sections": SECTIONS}
    assert row_of(run, "many command services")[1] == NOT_MEASURED


def test_a_latency_has_its_percentiles_in_one_line():
    assert Latency(p50=1, p95=2, p99=3.25, worst=9, count=4).line() == "p50 1.0 ms, p95 2.0 ms, p99 3.2 ms"
