"""A log that somebody has changed behind our back does not pass for what was written."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from bson import Int64
from pymongo.asynchronous.database import AsyncDatabase

from command_service.handling import Request
from common.log import LogInfo, open_log
from common.log_verification import Verdict, verify
from tests.support.appending import LONG_PATIENCE_SECONDS, Service, a_request
from tests.support.cqrs import Cqrs
from tests.support.real_log import a_database

STREAMS, VERSIONS = 5, 8
COMMITS = STREAMS * VERSIONS
MIDDLE = 21


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[AsyncDatabase]:
    """A log that two command services have written to, each into all streams."""
    async with a_database(mongodb_url) as (client, name):
        log = await open_log(client[name], partitions=4)
        services = [Service(log, log.info) for _ in range(2)]
        try:
            for version in range(VERSIONS):
                requests = [_a_request(stream) for stream in range(STREAMS)]
                service = services[version % 2]
                await asyncio.gather(*(service.handle(request) for request in requests))
        finally:
            for service in services:
                await service.end()
        yield client[name]


def _a_request(stream: int) -> Request:
    return a_request(subject=str(stream), partition_key=stream, patience_seconds=LONG_PATIENCE_SECONDS)


async def verified(database: AsyncDatabase, until: int | None = None) -> Verdict:
    settings: Any = await database["settings"].find_one({"_id": "log"})
    return await verify(database, LogInfo(settings["log_id"], settings["partitions"]), until)


async def change(database: AsyncDatabase, **changes: Any) -> Any:
    """Set these fields of a commit in the middle; return the commit as it was."""
    return await database["commits"].find_one_and_update({"_id": MIDDLE}, {"$set": changes})


async def test_what_was_written_is_sound(database: AsyncDatabase) -> None:
    verdict = await verified(database)
    assert (verdict.is_sound, verdict.faults) == (True, [])
    assert (verdict.commits, verdict.streams, verdict.linked) == (COMMITS, STREAMS, COMMITS)


async def test_the_digest_of_a_prefix_is_the_same_for_ever(database: AsyncDatabase) -> None:
    early = await verified(database, until=MIDDLE)
    assert early.commits == MIDDLE
    assert early.digest == (await verified(database, until=MIDDLE)).digest
    assert early.digest != (await verified(database)).digest


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("events.0.data.product_name", "another"),
        ("events.0.type", "StockReserved"),
        ("actor", "somebody else"),
        ("command_id", "another"),
        ("correlation_id", "another"),
        ("chain", b"x" * 32),
    ],
)
async def test_a_commit_that_was_changed_is_found(database: AsyncDatabase, field: str, value: object) -> None:
    was = await change(database, **{field: value})
    found = [(fault.position, fault.what) for fault in (await verified(database)).faults]
    broken = "it, or what stood before it, is not what was written"
    assert found[0] == (MIDDLE, broken)
    behind = [(position, what) for position, what in found[1:] if what == broken]
    assert len(found) == (2 if field == "chain" and was["version"] < VERSIONS else 1), behind


@pytest.mark.parametrize("link", [b"", b"x", "text", 7])
async def test_what_is_no_link_does_not_pass_for_one(database: AsyncDatabase, link: object) -> None:
    last: Any = await database["commits"].find_one({}, sort=[("_id", -1)])
    await database["commits"].update_one({"_id": last["_id"]}, {"$set": {"chain": link, "actor": "somebody else"}})
    assert [fault.position for fault in (await verified(database)).faults] == [last["_id"]]


async def test_a_whole_stream_without_links_is_found(database: AsyncDatabase) -> None:
    await database["commits"].update_many({"stream": "inventory-3"}, {"$set": {"chain": None}})
    found = [(fault.stream, fault.version) for fault in (await verified(database)).faults]
    assert found == [("inventory-3", version) for version in range(1, VERSIONS + 1)]


async def test_what_cannot_be_read_is_told(database: AsyncDatabase) -> None:
    await database["commits"].update_one({"_id": MIDDLE}, {"$set": {"events": 7}})
    assert "it cannot be read" in (await verified(database)).faults[0].what


async def test_a_log_that_ends_too_early_is_found(database: AsyncDatabase) -> None:
    await database["commits"].delete_many({"_id": {"$gt": MIDDLE}})
    assert (await verified(database)).is_sound
    assert [fault.what for fault in (await verified(database, until=COMMITS)).faults] == [
        f"the log ends at position {MIDDLE}"
    ]


async def test_commits_of_two_streams_that_changed_places_make_another_digest(database: AsyncDatabase) -> None:
    digest, commits = (await verified(database)).digest, database["commits"]
    one: Any = await commits.find_one_and_delete({"_id": MIDDLE})
    other: Any = await commits.find_one_and_delete({"_id": MIDDLE + 1})
    await commits.insert_many([one | {"_id": other["_id"]}, other | {"_id": one["_id"]}])
    assert (await verified(database)).digest != digest


async def test_a_chain_that_was_cut_off_is_found(database: AsyncDatabase) -> None:
    await change(database, chain=None)
    faults = (await verified(database)).faults
    assert [fault.what for fault in faults if fault.position == MIDDLE] == [
        "it has no link, and an earlier commit has one"
    ]


async def test_a_commit_that_is_missing_is_found_by_position_and_by_version(database: AsyncDatabase) -> None:
    removed: Any = await database["commits"].find_one_and_delete({"_id": MIDDLE})
    said = {fault.what for fault in (await verified(database)).faults}
    assert f"position {MIDDLE} is missing" in said
    assert f"version {removed['version']} of its stream is missing" in said


async def test_a_commit_in_another_partition_is_found(database: AsyncDatabase) -> None:
    was: Any = await database["commits"].find_one({"_id": MIDDLE})
    await change(database, partition=(was["partition"] + 1) % 4)
    assert [fault.position for fault in (await verified(database)).faults] == [MIDDLE]


async def test_two_commits_that_changed_places_are_found(database: AsyncDatabase) -> None:
    commits = database["commits"]
    one: Any = await commits.find_one_and_delete({"_id": MIDDLE})
    later: Any = await commits.find_one_and_delete({"stream": one["stream"], "version": one["version"] + 1})
    await commits.insert_many([one | {"_id": later["_id"]}, later | {"_id": Int64(MIDDLE)}])
    said = [fault.what for fault in (await verified(database)).faults]
    assert said == ["it stands before an earlier version of its stream"]


async def test_the_command_says_what_is_wrong_and_ends_accordingly(
    database: AsyncDatabase, mongodb_url: str, tmp_path: Path
) -> None:
    cqrs = Cqrs(data=tmp_path, env={"EVENTS_MONGODB_URL": mongodb_url, "EVENTS_DATABASE": database.name})
    said = await asyncio.to_thread(cqrs.does, "log", "verify")
    assert f"{COMMITS} commits of {STREAMS} streams up to position {COMMITS}, {COMMITS} of them linked" in said
    assert "nothing is wrong" in said
    await change(database, actor="somebody else")
    done = await asyncio.to_thread(cqrs, "log", "verify")
    assert (done.returncode, "is not what was written" in done.stdout, "1 things" in done.stdout) == (1, True, False)
    told = json.loads((await asyncio.to_thread(cqrs, "log", "verify", "--json")).stdout)
    assert (told["is_sound"], told["fault_count"], told["faults"][0]["position"]) == (False, 1, MIDDLE)


async def test_without_a_log_the_command_says_so(mongodb_url: str, tmp_path: Path) -> None:
    cqrs = Cqrs(data=tmp_path, env={"EVENTS_MONGODB_URL": mongodb_url, "EVENTS_DATABASE": "test_nothing_here"})
    assert "there is no log here yet" in await asyncio.to_thread(cqrs.refuses, "log", "verify")
