"""What every store of snapshots keeps, the real one and the one in memory alike."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import asdict, replace
from pymongo.asynchronous.database import AsyncDatabase

from command_service.snapshot_store import SNAPSHOTS, MongoSnapshots
from command_service.snapshots import Snapshot, SnapshotStore
from tests.support.memory_snapshots import MemorySnapshots
from tests.support.real_log import a_database

FAR = 2**40
SAVED = Snapshot(
    stream="inventory-456",
    version=100,
    position=FAR,
    events=120,
    partition_key=456,
    chain=bytes(range(32)),
    state='{"a.b":"$c","d":"\\u0000"}',
    schema_hash="a hash",
    log_id="a log",
)


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    async with a_database(mongodb_url) as (client, name):
        yield client[name]


@pytest.fixture(params=["memory", "mongodb"])
def store(request: pytest.FixtureRequest) -> SnapshotStore:
    if request.param == "memory":
        return MemorySnapshots()
    return MongoSnapshots(request.getfixturevalue("database"))


async def test_what_was_put_is_found_as_it_was(store: SnapshotStore) -> None:
    assert await store.find(SAVED.stream) is None
    assert await store.put(SAVED)
    assert await store.find(SAVED.stream) == asdict(SAVED)
    assert await store.find("inventory-45") is None


async def test_only_a_newer_one_replaces_one_that_fits(store: SnapshotStore) -> None:
    await store.put(SAVED)
    for version in (99, 100):
        assert not await store.put(replace(SAVED, version=version, state="another"))
    assert await store.find(SAVED.stream) == asdict(SAVED)
    newer = replace(SAVED, version=101, state="another")
    assert await store.put(newer)
    assert await store.find(SAVED.stream) == asdict(newer)


@pytest.mark.parametrize("change", [{"schema_hash": "another"}, {"log_id": "another"}])
async def test_one_of_another_shape_or_log_is_replaced(store: SnapshotStore, change: dict[str, str]) -> None:
    await store.put(SAVED)
    older = replace(SAVED, version=1, **change)
    assert await store.put(older)
    assert await store.find(SAVED.stream) == asdict(older)


@pytest.mark.parametrize(
    "garbage", [{}, {"version": "new"}, {"version": None, "log_id": 7}, {"more": [1, {"deep": 1}]}]
)
async def test_garbage_is_replaced(database: AsyncDatabase[dict[str, Any]], garbage: dict[str, Any]) -> None:
    await database[SNAPSHOTS].insert_one({"_id": SAVED.stream, **garbage})
    store = MongoSnapshots(database)
    assert await store.find(SAVED.stream) == {"stream": SAVED.stream, **garbage}
    assert await store.put(SAVED)
    assert await store.find(SAVED.stream) == asdict(SAVED)
