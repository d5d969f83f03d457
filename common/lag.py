"""How far a group is behind the log in the partitions that a process holds: gauges for whoever watches."""

from collections.abc import Mapping

from prometheus_client import Gauge

from common.partition_state import Progress


class LagGauges:
    """Two gauges by partition; one that this process holds no more is another's to tell, and leaves both."""

    def __init__(self, seconds: Gauge, commits: Gauge) -> None:
        self._seconds = seconds
        self._commits = commits
        self._told: frozenset[str] = frozenset()

    def tell(self, progress: Mapping[int, Progress]) -> None:
        for gone in self._told - {str(partition) for partition in progress}:
            self._seconds.remove(gone)
            self._commits.remove(gone)
        self._told = frozenset(map(str, progress))
        for partition, now in progress.items():
            self._seconds.labels(str(partition)).set(now.lag_seconds)
            self._commits.labels(str(partition)).set(now.lag_commits)
