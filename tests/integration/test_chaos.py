"""The chaos harness on three quick faults; `python -m tests.chaos` has all of them."""

from pathlib import Path

import pytest

from tests.chaos import report
from tests.chaos.faults.broker import exchange_deleted
from tests.chaos.faults.command import killed_at_every_moment
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.network import every_link_cut
from tests.chaos.run import run_faults
from tests.chaos.verdict import judged
from tests.chaos.world import a_world

SEED = 7
QUICK = (
    Fault("F1", "command service killed at every moment", killed_at_every_moment),
    Fault("F10", "exchange deleted", exchange_deleted),
    Fault("F21", "every link cut", every_link_cut),
)


@pytest.mark.timeout(180)
async def test_nothing_is_lost_or_doubled_and_every_fault_heals(tmp_path: Path) -> None:
    async with a_world(tmp_path, SEED, payment_seconds=3, has_true_starts=False) as world:
        outcomes = await run_faults(world, QUICK, calm_seconds=1, calls_per_second=20, tell=report.tell)
        verdict = await judged(world, outcomes)
    report.show(outcomes, verdict)
    assert report.last_line(outcomes, verdict) == "0 lost, 0 doubled, 3 faults, 3 healed"
    assert report.is_good(outcomes, verdict)
