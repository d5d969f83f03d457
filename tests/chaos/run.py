"""One run: calm, fault, healing, and the next one, while customers come in; at the end everything comes to rest."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common.read_models.storage import A_SAGA
from tests.chaos.faults.fault import Fault, Impossible, S
from tests.chaos.healing import seconds_to_heal
from tests.chaos.history import Record
from tests.chaos.load import CALLS_PER_SECOND
from tests.chaos.looking import wrong_views
from tests.chaos.oracle.gathering import look
from tests.chaos.stage import Stage
from tests.support.system import until

CALM_SECONDS = 10.0
REST_SECONDS = 60.0  # beyond the time for paying


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one fault did; `records` are the calls from the calm before it to its healing."""

    fault: Fault[Any]
    records: Sequence[Record] = ()
    healed_seconds: float | None = None
    wrong_views: Sequence[str] = ()
    trouble: str | None = None
    fallen: Sequence[str] = ()  # who died of it without being killed, and had to be started again
    skipped: str | None = None

    @property
    def is_good(self) -> bool:
        return self.skipped is not None or (
            self.healed_seconds is not None and not self.wrong_views and self.trouble is None
        )


async def run_faults(
    world: S,
    faults: Sequence[Fault[S]],
    *,
    tell: Callable[[Outcome], None],
    calm_seconds: float = CALM_SECONDS,
    calls_per_second: float = CALLS_PER_SECOND,
) -> list[Outcome]:
    """Let each fault strike and heal under load, then wait until every saga is over or waits for a person."""
    outcomes: list[Outcome] = []
    await world.load.stock_up()
    async with world.load.running(calls_per_second):
        for fault in faults:
            outcomes.append(await _strike(world, fault, calm_seconds))
            tell(outcomes[-1])
        await asyncio.sleep(calm_seconds)
    await _come_to_rest(world)
    return outcomes


async def _strike(world: S, fault: Fault[S], calm_seconds: float) -> Outcome:
    seen = len(world.diary.records)
    await asyncio.sleep(calm_seconds)
    trouble: str | None = None
    with world.diary.window(str(fault)):
        try:
            await fault.strike(world)
        except Impossible as reason:
            return Outcome(fault=fault, skipped=str(reason))
        except Exception as wrong:  # noqa: BLE001 - whatever it was, the run has failed, and the next fault comes
            trouble = f"{type(wrong).__name__}: {wrong}"
        finally:
            world.mend()
    seen_dead = len(world.deaths)
    healed_seconds = await seconds_to_heal(world)
    world.diary.earlier = await asyncio.to_thread(asyncio.run, look(world.system)) | world.diary.earlier
    return Outcome(
        fault=fault,
        records=world.diary.records[seen:],
        healed_seconds=healed_seconds,
        wrong_views=await wrong_views(world),
        trouble=trouble,
        fallen=world.deaths[seen_dead:],
    )


async def _come_to_rest(world: Stage) -> None:
    """Or do not, in time: then the judge has more to say about it."""
    await world.revive()
    rest_seconds = world.payment_seconds + REST_SECONDS
    with suppress(AssertionError):
        await until(lambda: _is_at_rest(world), seconds=rest_seconds, what="every saga is over or waits for a person")
        await world.system.settled()


async def _is_at_rest(world: Stage) -> bool:
    """Nobody has an open want or waits for a payment, and every order has its saga."""
    sagas, commits = world.events["sagas"], world.events["commits"]
    far_off = datetime.now(UTC) + timedelta(seconds=world.payment_seconds)  # by a clock that was wrong
    restless = {
        "$or": [{"is_open": True}, {"state_word": "stuck"}, {"waits_for": "payment"}],
        "due_at": {"$not": {"$gt": far_off}},
    }
    placed = await commits.count_documents({"events.type": "OrderInitiated"})
    return await sagas.count_documents(A_SAGA) == placed and not await sagas.count_documents(restless)
