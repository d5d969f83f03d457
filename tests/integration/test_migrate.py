"""`cqrs migrate` makes what is missing in the databases, tells the rest, and changes nothing that is there."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from command_service.sagas import store
from common import log
from common.log import open_log
from monitor import history
from projector.views import declared_indexes, make_indexes
from tests.support.cqrs import Cqrs
from tests.support.ledger import Ledger
from tests.support.real_log import a_database

INDEXES = sum(map(len, [log.INDEXES, *store.INDEXES.values(), *declared_indexes().values(), *history.INDEXES.values()]))


@dataclass(frozen=True, slots=True)
class Bench:
    """Empty databases and the command."""

    events: AsyncDatabase[dict[str, Any]]
    views: AsyncDatabase[dict[str, Any]]
    cqrs: Cqrs

    async def migrate(self, *words: str, code: int = 0, **env: str) -> dict[str, list[str]]:
        """Return the things by what became of them."""
        cqrs = Cqrs(data=self.cqrs.data, env=self.cqrs.env | env)
        done = await asyncio.to_thread(cqrs, "migrate", "--json", *words)
        assert done.returncode == code, done.stdout + done.stderr
        told = json.loads(done.stdout)
        assert told["is_done"] == (code == 0)
        by_outcome: dict[str, list[str]] = {}
        for thing in told["things"]:
            by_outcome.setdefault(thing["outcome"], []).append(thing["thing"])
        return by_outcome

    async def indexes(self) -> dict[str, Any]:
        databases = (self.events, self.views)
        names = [(database, name) for database in databases for name in await database.list_collection_names()]
        return {f"{db.name}.{name}": await db[name].index_information() for db, name in names}


@pytest.fixture
async def bench(mongodb_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    async with a_database(mongodb_url) as (client, events), a_database(mongodb_url) as (_, views):
        env = {"EVENTS_MONGODB_URL": mongodb_url, "EVENTS_DATABASE": events, "VIEWS_DATABASE": views}
        yield Bench(client[events], client[views], Cqrs(data=tmp_path, env=env))


async def test_an_empty_database_gets_all_and_the_second_run_finds_it(bench: Bench) -> None:
    assert len((await bench.migrate("--check", code=1))["missing"]) == INDEXES + 1
    assert await bench.indexes() == {}, "checking makes nothing"
    assert len((await bench.migrate())["made"]) == INDEXES + 1
    before = await bench.indexes()
    assert {name: len(things) for name, things in (await bench.migrate()).items()} == {"was there": INDEXES + 1}
    assert (await bench.migrate("--check")).keys() == {"was there"}
    assert await bench.indexes() == before


async def test_what_services_make_at_their_start_is_what_migrate_finds(bench: Bench) -> None:
    await open_log(bench.events, partitions=8)
    await make_indexes(bench.views)
    await history.History(bench.views).prepare()
    await store.SagaStore(bench.events, {}).make_indexes()
    assert (await bench.migrate("--check")).keys() == {"was there"}


async def test_an_index_that_is_missing_is_made_and_the_documents_stay(bench: Bench) -> None:
    ledger = Ledger(await open_log(bench.events, partitions=8))
    await ledger.orders(1, [(1, 1)], [(2, 1)])
    await bench.migrate()
    await bench.events["commits"].drop_index("command_id")
    await bench.views["orders"].drop_indexes()
    assert f"index command_id of {bench.events.name}.commits" in (await bench.migrate("--check", code=1))["missing"]
    made = (await bench.migrate())["made"]
    assert len(made) == 1 + len(declared_indexes()["orders"])
    assert (await bench.events["commits"].index_information())["command_id"]["unique"]
    assert await ledger.log.head() == 2


async def test_the_number_of_partitions_stays_whatever_the_settings_say(bench: Bench) -> None:
    await bench.migrate(PARTITIONS="4")
    before = await bench.events["settings"].find_one({"_id": "log"})
    assert before
    assert before["partitions"] == 4
    await bench.migrate(PARTITIONS="16")
    assert await bench.events["settings"].find_one({"_id": "log"}) == before


@pytest.mark.parametrize(
    "other",
    [
        {"keys": [("stream", 1)], "name": "command_id"},
        {"keys": [("command_id", 1)], "name": "command_id"},
        {"keys": [("command_id", 1)], "name": "of_my_own", "unique": True},
    ],
    ids=["same name", "same name, not unique", "same index, other name"],
)
async def test_an_index_in_the_way_is_told_left_alone_and_all_others_are_made(
    bench: Bench, other: dict[str, Any]
) -> None:
    await bench.migrate()
    await bench.events["commits"].drop_index("command_id")
    await bench.views["orders"].drop_indexes()
    await bench.events["commits"].create_index(**other)
    before = await bench.events["commits"].index_information()
    told = await bench.migrate(code=1)
    assert told["in the way"] == [f"index command_id of {bench.events.name}.commits"]
    assert len(told["made"]) == len(declared_indexes()["orders"])
    assert await bench.events["commits"].index_information() == before
    said = await asyncio.to_thread(bench.cqrs, "migrate")
    assert (said.returncode, said.stderr) == (1, "")
    assert f"in the way  index command_id of {bench.events.name}.commits: another index has its name" in said.stdout


async def test_documents_that_clash_are_told_too(bench: Bench) -> None:
    await bench.migrate()
    await bench.events["commits"].drop_index("command_id")
    await bench.events["commits"].insert_many([{"_id": n, "stream": str(n), "command_id": "the same"} for n in (1, 2)])
    assert len((await bench.migrate(code=1))["in the way"]) == 1


async def test_a_log_that_is_being_renumbered_is_left_alone(bench: Bench) -> None:
    await bench.migrate()
    await bench.events["settings"].update_one({"_id": "log"}, {"$set": {"partitions_wanted": 4}})
    assert "cqrs partitions 4" in await asyncio.to_thread(bench.cqrs.refuses, "migrate")
