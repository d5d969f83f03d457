"""The judge of the chaos, for logs in which stock was also reserved by hand."""

from contextlib import suppress
from dataclasses import replace

from tests.chaos.oracle import judge
from tests.chaos.oracle.at_rest import o9_everything_is_at_rest
from tests.chaos.oracle.facts import Document, Facts, Violation
from tests.chaos.oracle.gathering import gather
from tests.support.system import System, until

AT_REST_SECONDS = 180.0
BY_SAGAS = "saga"  # the actor of their commits


def wrong(facts: Facts) -> list[Violation]:
    """All that is wrong, but that what was reserved by hand is also left open, or made again, by hand (O9)."""
    at_rest = set(o9_everything_is_at_rest(_without_hand(facts)))
    return [v for v in judge(facts) if v.rule != "O9" or (v.about, v.detail) in at_rest]


async def judged(system: System) -> Facts:
    """What is there when the sagas, too, have nothing left to do."""

    async def is_so() -> bool:
        return not wrong(await gather(system, records=()))

    with suppress(AssertionError):
        await until(is_so, seconds=AT_REST_SECONDS, what="nothing is left to be done")
    return await gather(system, records=())


def _without_hand(facts: Facts) -> Facts:
    """No saga knows of these reservations, and their names were chosen by who made them."""
    by_hand = {data["reservation_id"] for commit, data in facts.told("StockReserved") if commit["actor"] != BY_SAGAS}
    return replace(facts, commits=[_without(commit, by_hand) for commit in facts.commits])


def _without(commit: Document, reservations: set[str]) -> Document:
    events = [event for event in commit["events"] if event["data"].get("reservation_id") not in reservations]
    return commit if len(events) == len(commit["events"]) else commit | {"events": events}
