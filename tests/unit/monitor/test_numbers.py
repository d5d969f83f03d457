"""What processes count: how it grows, and percentiles out of buckets."""

from monitor.numbers import Numbers, added, grown, total
from monitor.percentiles import mean, percentile
from monitor.scraping import read_numbers

TEXT = """\
# HELP leveret_commands_total Commands handled
# TYPE leveret_commands_total counter
leveret_commands_total{command="CreateOrder",outcome="done"} 3.0
leveret_commands_total{command="CreateOrder",outcome="stale_version"} 1.0
# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
"""


def counted(value: float, name: str = "seen_total", **labels: str) -> Numbers:
    return {(name, frozenset(labels.items())): value}


def histogram(*counts: float, bounds: tuple[str, ...] = ("0.1", "1.0", "+Inf")) -> Numbers:
    """`counts` are those of each bucket with all below it, as Prometheus has them."""
    return {
        ("wait_bucket", frozenset({"le": bound}.items())): count for bound, count in zip(bounds, counts, strict=True)
    }


def test_only_our_own_numbers_are_read() -> None:
    numbers = read_numbers(TEXT)
    assert total(numbers, "leveret_commands_total") == 4
    assert {name for name, _ in numbers} == {"leveret_commands_total"}


def test_a_counter_has_grown_by_the_difference() -> None:
    assert grown(counted(10), counted(14)) == counted(4)


def test_a_counter_that_began_again_has_grown_from_0() -> None:
    assert grown(counted(10), counted(3)) == counted(3)


def test_a_counter_that_was_not_there_has_grown_from_0() -> None:
    assert grown({}, counted(2)) == counted(2)


def test_several_processes_count_together() -> None:
    parts = [counted(1, kind="a"), counted(2, kind="a"), counted(4, kind="b")]
    assert added(parts) == counted(3, kind="a") | counted(4, kind="b")


def test_a_percentile_lies_evenly_within_its_bucket() -> None:
    assert percentile(histogram(10, 20, 20), "wait", 0.25) == 0.05
    assert percentile(histogram(10, 20, 20), "wait", 0.75) == 0.1 + 0.9 / 2


def test_what_is_beyond_the_last_bound_counts_as_that_bound() -> None:
    assert percentile(histogram(0, 0, 5), "wait", 0.99) == 1.0


def test_an_empty_bucket_is_passed_over() -> None:
    assert percentile(histogram(0, 10, 10), "wait", 0.5) == 0.55


def test_nothing_observed_has_no_percentile_and_no_mean() -> None:
    assert percentile(histogram(0, 0, 0), "wait", 0.5) is None
    assert percentile({}, "wait", 0.5) is None
    assert mean({}, "wait") is None


def test_a_mean_is_the_sum_by_the_count() -> None:
    assert mean(counted(6.0, "wait_sum") | counted(4, "wait_count"), "wait") == 1.5
