"""Percentiles out of a histogram's buckets."""

import math

from monitor.numbers import Numbers, values


def percentile(numbers: Numbers, histogram: str, share: float) -> float | None:
    """The value under which this share (0 to 1) of what was observed lies; None where nothing was.

    Within its bucket the values are taken to lie evenly. What is beyond the last bound counts as that bound.
    """
    buckets = sorted((float(labels["le"]), count) for labels, count in values(numbers, f"{histogram}_bucket"))
    if not buckets or buckets[-1][1] <= 0:
        return None
    wanted = share * buckets[-1][1]
    lower, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted and count > below:
            return lower if math.isinf(bound) else lower + (bound - lower) * (wanted - below) / (count - below)
        lower, below = bound, count
    return lower


def mean(numbers: Numbers, histogram: str) -> float | None:
    """None where nothing was observed."""
    count = sum(count for _, count in values(numbers, f"{histogram}_count"))
    return sum(value for _, value in values(numbers, f"{histogram}_sum")) / count if count else None
