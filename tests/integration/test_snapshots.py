"""Snapshots on a real MongoDB: long streams, deleted ones, another log, and the command that makes one."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace
from pymongo.asynchronous.database import AsyncDatabase

from bench.snapshots import PRICE, STREAM, _append, _commits
from command_service.domain.inventory import INVENTORY
from command_service.domain.inventory_commands import ReserveStock
from command_service.known import Known, fold
from command_service.snapshot_store import SNAPSHOTS, MongoSnapshots
from command_service.snapshots import READ, Snapshots
from command_service.streams import Streams
from command_service.writing import writing
from common.codec import encode_event
from common.config import Settings
from common.events.inventory import StockReserved
from common.log import MongoLog, open_log
from tests.support.appending import LONG_PATIENCE_SECONDS, a_request
from tests.support.cqrs import Cqrs
from tests.support.real_log import a_database
from tests.support.system import until

COMMITS = 120
ABOUT: dict[str, Any] = {"product_id": 456, "order_id": "0198f3b4-1111-7000-8000-000000000000", "quantity": 1}
SOON_SECONDS = 10.0


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    async with a_database(mongodb_url) as (client, name):
        yield client[name]


@pytest.fixture
async def log(database: AsyncDatabase[dict[str, Any]]) -> MongoLog:
    """One product that many buy: each commit one event."""
    log = await open_log(database, partitions=8)
    found = _commits(log.info)
    await _append(log, [next(found) for _ in range(COMMITS)])
    return log


def used() -> float:
    return READ.labels("used")._value.get()


async def load(database: AsyncDatabase[dict[str, Any]], log: MongoLog) -> Known:
    """By a service that has just started."""
    return await Streams(log, Snapshots(MongoSnapshots(database), log.info.id, every_events=0)).read(STREAM, INVENTORY)


async def replayed(log: MongoLog) -> Known:
    return fold(INVENTORY, Known(INVENTORY.initial), await log.read_stream(STREAM))


def cqrs_on(database: AsyncDatabase[dict[str, Any]], url: str, data: Path) -> Cqrs:
    return Cqrs(data=data, env={"EVENTS_MONGODB_URL": url, "EVENTS_DATABASE": database.name})


async def test_the_command_saves_a_stream_and_says_so(
    database: AsyncDatabase[dict[str, Any]], log: MongoLog, mongodb_url: str, tmp_path: Path
) -> None:
    cqrs = cqrs_on(database, mongodb_url, tmp_path)
    said = await asyncio.to_thread(cqrs.does, "snapshot", STREAM)
    assert said == f"{STREAM} at version {COMMITS}, position {COMMITS}, {COMMITS} events: saved\n"
    told = json.loads(await asyncio.to_thread(cqrs.does, "snapshot", STREAM, "--json"))
    place = {"version": COMMITS, "position": COMMITS, "events": COMMITS}
    assert told == {"stream": STREAM, **place, "outcome": "newer_there"}
    before = used()
    assert await load(database, log) == await replayed(log)
    assert used() == before + 1


@pytest.mark.parametrize("stream", ["inventory-7", "cart-456", "inventory", "", "order-$ne"])
async def test_the_command_refuses_what_is_no_stream(
    database: AsyncDatabase[dict[str, Any]], log: MongoLog, mongodb_url: str, tmp_path: Path, stream: str
) -> None:
    cqrs = cqrs_on(database, mongodb_url, tmp_path)
    assert "there is no stream" in await asyncio.to_thread(cqrs.refuses, "snapshot", stream)
    assert await database[SNAPSHOTS].count_documents({}) == 0


async def test_a_command_service_saves_by_itself_and_goes_on_from_there(
    database: AsyncDatabase[dict[str, Any]], log: MongoLog, mongodb_url: str
) -> None:
    settings = Settings(
        auth="off", events_mongodb_url=mongodb_url, events_database=database.name, amqp_url="", snapshot_events=100
    )

    async def is_saved() -> bool:
        return await database[SNAPSHOTS].find_one({"_id": STREAM}) is not None

    async with writing(settings) as ours:
        first = await ours.handler.handle(a_sale(1))
        await until(is_saved, seconds=SOON_SECONDS, what="the stream is saved")
    before = used()
    async with writing(settings) as ours:
        second = await ours.handler.handle(a_sale(2))
        again = await ours.handler.handle(a_sale(1))
    assert (first.version, second.version) == (COMMITS + 1, COMMITS + 2)
    assert (again.version, again.replayed, again.events) == (first.version, True, first.events)
    assert used() == before + 2
    await database[SNAPSHOTS].drop()
    assert await load(database, log) == await replayed(log)


def a_sale(number: int) -> Any:
    command = ReserveStock(order_id=ABOUT["order_id"], reservation_id=str(UUID(int=number, version=4)), quantity=1)
    return a_request(
        command=command,
        decider=INVENTORY,
        subject="456",
        command_id=f"sale {number}",
        partition_key=456,
        patience_seconds=LONG_PATIENCE_SECONDS,
    )


async def test_a_log_that_was_restored_is_read_as_it_is_now(
    database: AsyncDatabase[dict[str, Any]], log: MongoLog
) -> None:
    snapshots = Snapshots(MongoSnapshots(database), log.info.id, every_events=0)
    assert await snapshots.save(STREAM, INVENTORY, await replayed(log)) == "saved"
    await database["commits"].delete_many({"_id": {"$gt": COMMITS - 20}})
    shorter = await replayed(log)
    assert await load(database, log) == shorter
    assert shorter.version == COMMITS - 20
    for commit in (await log.read_stream(STREAM))[-20:]:  # from there it goes on another way, to the same versions
        sale = encode_event(StockReserved(**ABOUT, reservation_id=str(uuid4()), unit_price=PRICE))
        there = commit.version + 20
        await _append(
            log, [replace(commit, position=there, version=there, events=(sale,), command_id=str(uuid4()), chain=None)]
        )
    assert (await load(database, log)).version == COMMITS
    assert await load(database, log) == await replayed(log)
