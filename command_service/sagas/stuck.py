"""How many sagas wait for a person: a gauge for whoever watches."""

import asyncio
from collections.abc import Callable

import structlog
from prometheus_client import Gauge
from pymongo.asynchronous.database import AsyncDatabase

from common.errors import Unavailable
from common.mongo import reaching
from common.read_models.storage import SAGAS

COUNT_SECONDS = 5.0  # between two counts

log = structlog.get_logger(__name__)
STUCK = Gauge("leveret_sagas_stuck", "Sagas that wait for a person, in the partitions this process holds")


async def watch_stuck(database: AsyncDatabase, held: Callable[[], frozenset[int]]) -> None:
    """Count until cancelled. Sagas are found by their state, so that a count costs what is stuck."""
    while True:
        wanted = {"state_word": "stuck", "partition": {"$in": sorted(held())}}
        try:
            with reaching("The sagas cannot be counted."):
                STUCK.set(await database[SAGAS].count_documents(wanted))
        except Unavailable as error:
            log.warning("stuck_unknown", reason=error.detail)
        await asyncio.sleep(COUNT_SECONDS)
