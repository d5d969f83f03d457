"""What the judge says of a run, and which commands of which fault were lost or done twice."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.history import Record
from tests.chaos.run import Outcome
from tests.chaos.world import World
from tests.support import naive


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Of each outcome, how many commands were lost and doubled; and what else is wrong."""

    lost: Sequence[int]
    doubled: Sequence[int]
    violations: Sequence[str]


async def judged(world: World, outcomes: Sequence[Outcome]) -> Verdict:
    """Read everything that the run left behind; it must be at rest."""
    commits = await world.events["commits"].find({}, {"command_id": 1}).to_list()
    times = Counter(commit["command_id"] for commit in commits)
    positions = {commit["command_id"]: commit["_id"] for commit in commits}
    return Verdict(
        lost=[_lost(outcome.records, positions) for outcome in outcomes],
        doubled=[_doubled(outcome.records, times) for outcome in outcomes],
        violations=[*(repr(error) for error in world.load.surprises), *await _violations(world)],
    )


async def _violations(world: World) -> list[str]:
    system = world.system
    try:
        await asyncio.to_thread(naive.check, system.mongodb_url, system.events_database, system.views_database)
    except AssertionError as wrong:
        return [str(wrong)[:500]]
    return []


def _lost(records: Sequence[Record], positions: dict[str, int]) -> int:
    """Acknowledged, and not in the log where the answer said."""
    acknowledged = {(r.command_id, r.position) for r in records if r.type == "ok" and r.changed}
    return sum(positions.get(command_id or "") != position for command_id, position in acknowledged)


def _doubled(records: Sequence[Record], times: Counter[str]) -> int:
    return sum(times[command_id] > 1 for command_id in {r.command_id for r in records if r.command_id})
