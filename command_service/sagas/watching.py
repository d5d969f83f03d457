"""How many sagas wait for a person, and how old the oldest of each kind is: gauges for whoever watches."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import structlog
from prometheus_client import Gauge
from pymongo.asynchronous.database import AsyncDatabase

from common.errors import Unavailable
from common.mongo import reaching
from common.read_models.storage import SAGAS

LOOK_SECONDS = 5.0
OPEN_STATES = ("running", "stuck")

log = structlog.get_logger(__name__)
STUCK = Gauge("leveret_sagas_stuck", "Sagas that wait for a person, in the partitions this process holds")
OLDEST = Gauge("leveret_saga_oldest_seconds", "How long ago the oldest began that is not over", ["saga", "state"])


async def watch_sagas(database: AsyncDatabase, held: Callable[[], frozenset[int]], sagas: Iterable[str]) -> None:
    """Look until cancelled. By an index each: a look costs what is stuck, and one document for each kind and state."""
    names = tuple(sagas)
    while True:
        try:
            with reaching("The sagas cannot be looked at."):
                STUCK.set(await _count_stuck(database, held()))
                for name in names:
                    for state in OPEN_STATES:
                        OLDEST.labels(name, state).set(await _oldest_seconds(database, name, state))
        except Unavailable as error:
            log.warning("sagas_unknown", reason=error.detail)
        await asyncio.sleep(LOOK_SECONDS)


async def _count_stuck(database: AsyncDatabase, held: frozenset[int]) -> int:
    return await database[SAGAS].count_documents({"state_word": "stuck", "partition": {"$in": sorted(held)}})


async def _oldest_seconds(database: AsyncDatabase, name: str, state: str) -> float:
    """In all partitions; 0 where there is none."""
    wanted = {"state_word": state, "saga": name}
    oldest = await database[SAGAS].find_one(wanted, {"started_at": 1}, sort=[("started_at", 1)])
    return max(0.0, (datetime.now(UTC) - oldest["started_at"]).total_seconds()) if oldest else 0.0
