"""The numbers of a run, for the table of verdicts."""

from collections import Counter
from dataclasses import dataclass

from tests.chaos.history import Verdict
from tests.chaos.oracle.at_rest import effects
from tests.chaos.oracle.commands import by_command, has_written, tries_by_command
from tests.chaos.oracle.facts import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """`ok`, `fail` and `info` count commands by what became of them at last, and add up to `commands`.

    `lost` were acknowledged and are not in the log; `doubled` are command ids and effects that are there once more
    than they should be. `waiting` are sagas at rest that people have not ended.
    """

    commands: int
    ok: int
    fail: int
    info: int
    tries: int
    reads: int
    commits: int
    lost: int
    doubled: int
    waiting: int


def count(facts: Facts) -> Tally:
    tries, written = tries_by_command(facts), by_command(facts)
    verdicts = Counter(_verdict({record.type for record in of_one}) for of_one in tries.values())
    acknowledged = {command_id for command_id, of_one in tries.items() if any(map(has_written, of_one))}
    return Tally(
        commands=len(tries),
        ok=verdicts["ok"],
        fail=verdicts["fail"],
        info=verdicts["info"],
        tries=len(facts.commands),
        reads=len(facts.queries),
        commits=len(facts.commits),
        lost=len(acknowledged - written.keys()),
        doubled=sum(len(commits) - 1 for commits in written.values())
        + sum(times - 1 for times in effects(facts).values() if times > 1),
        waiting=sum(saga["state_word"] == "running" for saga in facts.sagas or ()),
    )


def _verdict(types: set[Verdict]) -> Verdict:
    """A certain answer counts, whatever came before it."""
    return "ok" if "ok" in types else "fail" if "fail" in types else "info"
