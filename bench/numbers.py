"""Rates and percentiles: the forms in which a figure leaves a measurement."""

from collections.abc import Iterable
from dataclasses import dataclass

from hdrh.histogram import HdrHistogram

LONGEST_MICROSECONDS = 600_000_000
DIGITS = 3


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


class Durations:
    """Durations of 1 µs to 10 min, to three digits, in the same memory however many there are; they travel pickled."""

    def __init__(self) -> None:
        self._histogram = _empty()

    def add(self, seconds: float) -> None:
        self._histogram.record_value(min(max(1, round(1e6 * seconds)), LONGEST_MICROSECONDS))

    def latency(self) -> Latency:
        """The percentiles; all zero when there are no durations."""
        return Latency(
            p50=self._rank(50),
            p95=self._rank(95),
            p99=self._rank(99),
            worst=self._rank(100),
            count=self._histogram.get_total_count(),
        )

    def _rank(self, percentile: float) -> float:
        if not self._histogram.get_total_count():
            return 0.0
        return self._histogram.get_value_at_percentile(percentile) / 1000

    def __getstate__(self) -> bytes:
        return self._histogram.encode()

    def __setstate__(self, encoded: bytes) -> None:
        self._histogram = _empty()
        self._histogram.decode_and_add(encoded)


def latency(seconds: Iterable[float]) -> Latency:
    """The percentiles of durations given in seconds."""
    durations = Durations()
    for each in seconds:
        durations.add(each)
    return durations.latency()


def _empty() -> HdrHistogram:
    return HdrHistogram(1, LONGEST_MICROSECONDS, DIGITS)
