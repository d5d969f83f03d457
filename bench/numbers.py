"""Rates and percentiles: the forms in which a figure leaves a measurement."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds."""

    p50: float
    p95: float
    p99: float
    worst: float
    count: int

    def line(self) -> str:
        return f"p50 {self.p50:.1f} ms, p95 {self.p95:.1f} ms, p99 {self.p99:.1f} ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A rate with the durations behind it."""

    per_second: float
    latency: Latency


def latency(seconds: Sequence[float]) -> Latency:
    """The percentiles of durations given in seconds; all zero when there are none."""
    ordered = sorted(seconds)
    return Latency(
        p50=_rank(ordered, 0.50),
        p95=_rank(ordered, 0.95),
        p99=_rank(ordered, 0.99),
        worst=_rank(ordered, 1.0),
        count=len(ordered),
    )


def _rank(ordered: Sequence[float], share: float) -> float:
    """Nearest rank, in milliseconds."""
    if not ordered:
        return 0.0
    index = max(0, -(-len(ordered) * share // 1) - 1)
    return round(1000 * ordered[min(len(ordered) - 1, int(index))], 3)
