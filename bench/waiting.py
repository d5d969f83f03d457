"""Waiting until the views have everything."""

import asyncio
from time import perf_counter

from bench.system import System

DRAIN_SECONDS = 120.0
POLL_SECONDS = 0.05


async def drained(system: System, limit_seconds: float = DRAIN_SECONDS) -> float:
    """Wait until the views have the whole log; tell how many seconds that took."""
    started = perf_counter()
    while True:
        positions = await system.positions()
        if positions["groups"]["views"]["position"] >= positions["head"]:
            return perf_counter() - started
        if perf_counter() - started > limit_seconds:
            raise TimeoutError(f"the views did not reach the head within {limit_seconds:.0f} s: {positions}")
        await asyncio.sleep(POLL_SECONDS)
