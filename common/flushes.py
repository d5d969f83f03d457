"""What is counted of the inserts into the log."""

from prometheus_client import Counter, Histogram

from common.log import Failure

FLUSHES = Counter("leveret_log_flushes_total", "Inserts sent to the log", ["outcome"])
CONFLICTS = Counter("leveret_log_conflicts_total", "Inserts that met what was there", ["kind"])
COMMITS = Histogram("leveret_log_flush_commits", "Commits in one insert", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500))
SECONDS = Histogram(
    "leveret_log_flush_seconds", "Time of one insert", buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5)
)
count_replay, count_version, count_position = (CONFLICTS.labels(kind).inc for kind in ("replay", "version", "position"))


def count_flush(commits: int, seconds: float, failure: Failure | None) -> None:
    SECONDS.observe(seconds)
    COMMITS.observe(commits)
    FLUSHES.labels(failure.value if failure else "written").inc()
