"""The benchmarks' arithmetic: percentiles, ratios, verdicts."""

import pickle
from dataclasses import replace

import pytest

from bench.ceilings import Ceilings
from bench.emmett import Emmett, EmmettRun
from bench.goals import GOALS, judge
from bench.into_the_log import IntoTheLog, TwoServices
from bench.machine import Machine
from bench.meter import Meter, Use
from bench.numbers import Durations, Figure, Latency, latency
from bench.peers import Peer, PeerRun
from bench.pipeline import Sustained, Trial, WriteToRead, _by_rate, growth_ms
from bench.results import Results
from bench.sharing import Sharing

QUICK = latency([0.01])


def figure(per_second: float) -> Figure:
    return Figure(per_second=per_second, latency=QUICK)


def nothing_measured() -> Results:
    machine = Machine(cpu="a", cores=2, memory_gib=4, system="b", kernel="c", fsync_ms=1, load_before=0)
    return Results(measured_at="2030-01-01T00:00:00+00:00", machine=machine, versions={}, parameters={})


def a_trial(*, lag_ms: float = 20.0, clients: int = 64, answered: float = 1000.0, errors: int = 0) -> Trial:
    return Trial(
        clients=clients,
        seconds=30,
        answered=figure(answered),
        lag=Latency(p50=1, p95=1, p99=lag_ms, worst=lag_ms, count=100),
        lag_growth_ms=0,
        errors={"POST 503": errors} if errors else {},
    )


def a_long_run(trial: Trial, *, missing: int = 0) -> Sustained:
    return Sustained(
        per_second=trial.answered.per_second,
        is_bounded=trial.is_bounded,
        trial=trial,
        search=(),
        acknowledged=100,
        missing=missing,
        meter=Meter({"command": Use(90.0, 5, 0.5), "mongod": Use(900.0, 5, 0.5)}),
    )


def verdict_of(results: Results, name: str) -> bool | None:
    return next(verdict.reached for verdict in judge(results, GOALS) if verdict.name == name)


def test_percentiles_are_nearest_ranks_in_milliseconds():
    hundred = latency([number / 1000 for number in range(100, 0, -1)])
    assert (hundred.p50, hundred.p95, hundred.p99, hundred.worst) == pytest.approx((50, 95, 99, 100), rel=0.001)
    assert hundred.count == 100


def test_durations_travel_pickled_between_processes():
    durations = Durations()
    for milliseconds in (1, 2, 30):
        durations.add(milliseconds / 1000)
    assert pickle.loads(pickle.dumps(durations)).latency() == durations.latency()
    assert pickle.loads(pickle.dumps(Durations())).latency().count == 0


def test_a_duration_beyond_the_scale_counts_as_the_longest():
    assert latency([1e6, 0.0]).worst == pytest.approx(600_000, rel=0.001)


def test_one_duration_is_every_percentile_and_none_is_zero():
    assert latency([0.002]) == Latency(p50=2, p95=2, p99=2, worst=2, count=1)
    assert latency([]) == Latency(p50=0, p95=0, p99=0, worst=0, count=0)


def test_what_was_not_measured_is_neither_reached_nor_missed():
    assert {verdict.reached for verdict in judge(nothing_measured(), GOALS)} == {None}


def test_each_goal_has_a_name_of_its_own():
    assert len({goal.name for goal in GOALS}) == len(GOALS)


@pytest.mark.parametrize(("rate", "reached"), [(5000.0, True), (4999.0, False)])
def test_a_ratio_on_the_goal_is_reached_and_one_below_it_is_missed(rate: float, reached: bool):
    run = nothing_measured()
    two = TwoServices(offered_each=1000, slower=figure(500), faster=figure(900))
    run.peer = Peer(runs=(PeerRun(threads=1, saves_per_second=600, latency=QUICK), _best_peer()))
    run.log = IntoTheLog(orders=figure(rate), hot_product=figure(1), two_services=two, meter=Meter())
    assert verdict_of(run, "into the log ÷ eventsourcing's saves") is reached


def test_emmett_counts_at_its_best_number_of_workers():
    run = nothing_measured()
    runs = (EmmettRun(workers=4, appends_per_second=900, latency=QUICK), _best_of_emmett())
    run.emmett_on_postgresql = Emmett(runs=runs)
    assert run.emmett == 1000
    run.emmett_on_postgresql = Emmett(why_not="no node")
    assert run.emmett is None


def test_write_to_read_counts_at_the_rate_of_its_goal_and_a_rate_with_errors_is_missed():
    run = nothing_measured()
    sound = WriteToRead(offered=500, latency=QUICK, errors={})
    run.write_to_read = (WriteToRead(offered=200, latency=latency([9.0]), errors={}), sound)
    assert verdict_of(run, "write-to-read at 500/s: p99") is True
    assert verdict_of(run, "write-to-read at 200/s: p99") is False
    run.write_to_read = (replace(sound, errors={"POST 503": 1}),)
    assert verdict_of(run, "write-to-read at 500/s: p99") is False
    assert verdict_of(run, "write-to-read at 200/s: p99") is None


def test_sharing_is_judged_by_the_number_of_services():
    run = nothing_measured()
    run.sharing = (
        Sharing(services=2, on_one_log=80, on_separate_logs=100),
        Sharing(services=4, on_one_log=79, on_separate_logs=100),
    )
    assert verdict_of(run, "2 services: one log ÷ separate logs") is True
    assert verdict_of(run, "4 services: one log ÷ separate logs") is False


def test_inserts_are_compared_at_their_best():
    run = nothing_measured()
    run.ceilings = Ceilings(
        insert_one_8=figure(2000),
        insert_one_256=figure(3000),
        insert_many_100=figure(1),
        publish_256=figure(1),
        http_post_256=figure(1),
    )
    assert run.insert_one == 3000


@pytest.mark.parametrize(
    "trial",
    [
        a_trial(lag_ms=500),
        replace(a_trial(), lag_growth_ms=100),
        a_trial(errors=1),
        replace(a_trial(), lag=latency([])),
    ],
    ids=["lag", "growing lag", "errors", "no sample"],
)
def test_a_rate_that_was_not_held_is_no_pipeline_figure(trial: Trial):
    run = nothing_measured()
    run.sustained = a_long_run(trial)
    assert run.pipeline is None


def test_a_rate_with_an_order_missing_is_no_pipeline_figure():
    run = nothing_measured()
    run.sustained = a_long_run(a_trial(), missing=1)
    assert run.pipeline is None
    run.sustained = a_long_run(a_trial())
    assert run.pipeline == 1000


def test_a_growing_lag_shows_before_it_is_long():
    assert growth_ms([0.01] * 10 + [0.05] * 10 + [0.12] * 10) == pytest.approx(110)
    assert growth_ms([0.01] * 30) == growth_ms([]) == 0


def test_the_fastest_number_of_clients_whose_lag_is_bounded_is_held_first():
    slow, fast = a_trial(clients=32, answered=800), a_trial(clients=128, answered=900)
    assert _by_rate([slow, fast, a_trial(clients=256, answered=2000, lag_ms=9000)]) == [128, 32]
    assert _by_rate([a_trial(clients=64, lag_ms=9000)]) == [32]


def test_servers_do_not_count_as_python_processes():
    run = nothing_measured()
    run.sustained = a_long_run(a_trial())
    assert run.largest_process == ("command", 90.0)


def _best_peer() -> PeerRun:
    return PeerRun(threads=4, saves_per_second=1000, latency=QUICK)


def _best_of_emmett() -> EmmettRun:
    return EmmettRun(workers=8, appends_per_second=1000, latency=QUICK)


def test_the_rate_into_the_log_is_that_of_the_best_number_of_services():
    run = nothing_measured()
    assert run.into_the_log is None
    run.sharing = (Sharing(services=2, on_one_log=80, on_separate_logs=100),)
    assert run.into_the_log == 80
