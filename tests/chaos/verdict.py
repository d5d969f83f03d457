"""What the judge says of a run, and which commands of which fault were lost or done twice."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.history import Record
from tests.chaos.oracle import Violation, judge
from tests.chaos.oracle.gathering import gather
from tests.chaos.run import Outcome
from tests.chaos.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Of each outcome, how many commands were lost and doubled; and what else is wrong."""

    lost: Sequence[int]
    doubled: Sequence[int]
    violations: Sequence[Violation]


async def judged(world: Stage, outcomes: Sequence[Outcome]) -> Verdict:
    """Read everything that the run left behind; it must be at rest."""
    diary = world.diary
    facts = await gather(world.system, records=diary.records, faults=diary.windows, earlier=diary.earlier)
    times = Counter(commit["command_id"] for commit in facts.commits)
    positions = {commit["command_id"]: commit["_id"] for commit in facts.commits}
    return Verdict(
        lost=[_lost(outcome.records, positions) for outcome in outcomes],
        doubled=[_doubled(outcome.records, times) for outcome in outcomes],
        violations=[*(_surprise(error) for error in world.load.surprises), *judge(facts)],
    )


def _surprise(error: BaseException) -> Violation:
    return Violation("surprise", "a customer", f"could make no sense of an answer: {error!r}")


def _lost(records: Sequence[Record], positions: dict[str, int]) -> int:
    """Acknowledged, and not in the log where the answer said."""
    acknowledged = {(r.command_id, r.position) for r in records if r.type == "ok" and r.changed}
    return sum(positions.get(command_id or "") != position for command_id, position in acknowledged)


def _doubled(records: Sequence[Record], times: Counter[str]) -> int:
    return sum(times[command_id] > 1 for command_id in {r.command_id for r in records if r.command_id})
