"""Whether the views are right while everything runs: they are compared with the log in one snapshot of both."""

import asyncio
from typing import Any

from pymongo import MongoClient

from common.read_models.storage import CHECKPOINTS
from tests.chaos.stage import Stage
from tests.support import naive


async def wrong_views(world: Stage) -> list[str]:
    """The documents that are not the naive fold of what their partition's checkpoint has passed."""
    system = world.system
    return await asyncio.to_thread(_wrong, system.mongodb_url, system.events_database, system.views_database)


def _wrong(url: str, events_database: str, views_database: str) -> list[str]:
    client: MongoClient[dict[str, Any]] = MongoClient(url, tz_aware=True)
    with client, client.start_session(snapshot=True) as session:
        views = client[views_database]
        passed = {c["partition"]: c["position"] for c in views[CHECKPOINTS].find({"group": "views"}, session=session)}
        commits = client[events_database]["commits"].find(sort=[("_id", 1)], session=session)
        expected = naive.expected_views([c for c in commits if c["_id"] <= passed.get(c["partition"], 0)])
        wrong: list[str] = []
        for collection, documents in expected.items():
            place = naive.place(views, collection)
            stored = naive.normal(collection, {d["_id"]: d for d in views[place].find(session=session)})
            wanted = naive.normal(collection, documents)
            wrong += [
                f"{collection}/{key}" for key in stored.keys() | wanted.keys() if stored.get(key) != wanted.get(key)
            ]
    return sorted(wrong)
