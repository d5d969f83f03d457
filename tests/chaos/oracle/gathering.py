"""Reads the facts from a running system."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from common.generations import places_shown, read_shown
from common.read_models import READ_MODELS
from common.read_models.generations import is_place_of
from common.read_models.storage import A_SAGA, SAGAS
from tests.chaos.history import FaultWindow, Record
from tests.chaos.oracle.at_rest import lagging
from tests.chaos.oracle.facts import Document, Facts, digests
from tests.support.system import System

MOST_CHARGES = 1000  # on one page of the books
LOOKS, PAUSE_SECONDS = 20, 0.25  # at the positions, until there is no lag
TIMEOUT = aiohttp.ClientTimeout(total=30)


async def gather(
    system: System,
    *,
    records: Sequence[Record],
    faults: Sequence[FaultWindow] = (),
    earlier: Mapping[int, str] | None = None,
) -> Facts:
    """Read all there is to judge, once the system was given the time to come to rest; `earlier` is from `look`s.

    What sagas and the provider have is read where sagas ever ran. How far the groups are is written down once a
    second: that much time they are given here.
    """
    async with _connected(system) as mongo, aiohttp.ClientSession(timeout=TIMEOUT) as http:
        events, views = mongo[system.events_database], mongo[system.views_database]
        positions = await _positions(http, system)
        has_sagas = SAGAS in await events.list_collection_names()
        return Facts(
            records=records,
            faults=faults,
            earlier=earlier or {},
            commits=await _commits(events),
            views=await _views(views),
            sagas=await events[SAGAS].find(A_SAGA).to_list() if has_sagas else None,
            books=await _books(http, system.url("payments")) if has_sagas else None,
            positions=positions,
            statistics=await _get(http, f"{system.gateway}/cqrs/queries/statistics/orders"),
            looked_at=datetime.now(UTC),
        )


async def _views(views: AsyncDatabase) -> dict[str, list[Document]]:
    """What queries show, under the names that read models have for it, and what stands beside the views."""
    shown = {place: name for name, place in places_shown(await read_shown(views)).items()}
    names = [
        name for name in await views.list_collection_names() if name in shown or not is_place_of(name, READ_MODELS)
    ]
    return {shown.get(name, name): await views[name].find().to_list() for name in names}


async def look(system: System) -> dict[int, str]:
    """What the log says now, by digest: no later look may find anything of it changed or gone.

    To remember several looks, let the earliest word stand: `earlier = await look(system) | earlier`.
    """
    async with _connected(system) as mongo:
        return digests(await _commits(mongo[system.events_database]))


def _connected(system: System) -> AsyncMongoClient[Document]:
    return AsyncMongoClient(system.mongodb_url, tz_aware=True, tzinfo=UTC, readConcernLevel="majority")


async def _commits(events: AsyncDatabase[Document]) -> list[Document]:
    return await events["commits"].find(sort=[("_id", 1)]).to_list()


async def _books(http: aiohttp.ClientSession, payments_url: str) -> list[Document]:
    charges: list[Document] = []
    after: int | None = 0
    while after is not None:
        page = await _get(http, f"{payments_url}/books?limit={MOST_CHARGES}&after={after}")
        charges += page["charges"]
        after = page["next"]
    return charges


async def _positions(http: aiohttp.ClientSession, system: System) -> Document:
    """What is said of them as soon as nobody has any lag, or in the end."""
    url = f"{system.gateway}/cqrs/ops/positions"
    for _ in range(LOOKS):
        if not lagging(positions := await _get(http, url)):
            return positions
        await asyncio.sleep(PAUSE_SECONDS)
    return await _get(http, url)


async def _get(http: aiohttp.ClientSession, url: str) -> Any:
    async with http.get(url) as answer:
        answer.raise_for_status()
        return await answer.json()
