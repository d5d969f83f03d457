"""What the pictures of a run show, and that a run with gaps is drawn as well."""

from typing import Any

from bench.plots import bars_of, curves_of, draw_latency, draw_memory, draw_scaling, draw_throughput


def rated(per_second: float) -> dict[str, Any]:
    return {"per_second": per_second, "latency": {}}


def test_a_bar_is_the_best_of_the_runs_of_its_kind():
    runs = {"runs": [{"appends_per_second": 900.0}, {"appends_per_second": 1000.0}]}
    ceilings = {"publish_256": rated(5000.0), "insert_one_8": rated(2000.0), "insert_one_256": rated(3000.0)}
    bars = {bar.name: bar.per_second for bar in bars_of({"ceilings": ceilings, "emmett_on_postgresql": runs})}
    assert bars == {
        "RabbitMQ, confirmed publish": 5000.0,
        "MongoDB, insert_one": 3000.0,
        "Emmett on PostgreSQL, append": 1000.0,
    }


def test_what_was_not_measured_has_no_bar():
    assert not list(bars_of({}))
    assert not list(bars_of({"log": None, "peer": {"runs": [], "why_not": "no apt-get"}, "naive": []}))


def test_each_bar_tells_its_figure():
    figure = draw_throughput(tuple(bars_of({"log": {"orders": rated(4565.4)}})))
    assert "4,565" in {text.get_text() for text in figure.axes[0].texts}


def test_latency_is_drawn_for_each_percentile_over_all_rates():
    latency = {"p50": 5.0, "p95": 9.0, "p99": 20.0}
    figure = draw_latency([{"offered": rate, "latency": latency} for rate in (100.0, 500.0)])
    assert [list(line.get_xdata()) for line in figure.axes[0].lines] == [[100.0, 500.0]] * 3


def test_memory_is_drawn_over_minutes_and_the_largest_process_first():
    samples = {"query": [70.0, 70.0], "mongod": [900.0, 950.0]}
    figure = draw_memory({"minutes": 10.0, "orders_per_second": 200.0, "samples": samples})
    first, second = figure.axes[0].lines
    assert (first.get_label(), second.get_label()) == ("mongod", "query")
    assert list(first.get_xdata()) == [5.0, 10.0]


def test_what_was_measured_for_several_numbers_of_processes_is_a_curve():
    sharing = [{"services": 2, "on_one_log": 8000.0}, {"services": 4, "on_one_log": 6000.0}]
    run = {"log": {"orders": rated(6000.0)}, "sharing": sharing, "catching_up": [{"projectors": 1, "per_second": 3.0}]}
    curves = curves_of(run)
    assert curves == {"commands into one log, by command services": {1: 6000.0, 2: 8000.0, 4: 6000.0}}
    assert [list(line.get_xdata()) for line in draw_scaling(curves).axes[0].lines] == [[1, 2, 4]]
    assert curves_of({}) == {}
