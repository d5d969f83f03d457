"""Members of a replica set are killed in turn: whoever reads the log finds what was acknowledged, at any moment."""

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from common.errors import Unavailable
from common.log import MongoLog, open_log
from common.mongo import open_client
from tests.chaos.cluster.mongodb import MEMBERS, ReplicaSet, a_replica_set
from tests.support.commits import a_commit

ROUNDS = 10
READERS = 3
CALM_SECONDS = 2.0
DOWN_SECONDS = 0.3
PAUSE_SECONDS = 0.01  # while nobody answers


class Told:
    """The newest position that anybody was told of, and what was told later and was older."""

    def __init__(self) -> None:
        self.newest = 0
        self.gone_back: list[tuple[int, int]] = []


@pytest.mark.timeout(400)
async def test_no_read_of_the_log_goes_back_over_elections(tmp_path: Path) -> None:
    """Without asking a new primary first, one election in ten or so goes back by dozens of commits (ADR 15)."""
    told = Told()
    async with AsyncExitStack() as stack:
        members = await stack.enter_async_context(a_replica_set(tmp_path, lambda _: None))
        clients = [
            await stack.enter_async_context(open_client(members.url, name=f"test{n}")) for n in range(READERS + 1)
        ]
        writer, *readers = [await open_log(client["test"], partitions=1) for client in clients]
        async with asyncio.TaskGroup() as working:
            tasks = [working.create_task(_read(log, told)) for log in readers]
            tasks.append(working.create_task(_append(writer, told)))
            await _kill_in_turn(members)
            for task in tasks:
                task.cancel()
    assert told.newest > 100, "hardly anything was written"
    assert not told.gone_back


async def _append(log: MongoLog, told: Told) -> None:
    while True:
        try:
            position = await log.head() + 1
            written = await log.insert([a_commit(position, f"inventory-{position}", command_id=str(uuid4()))])
        except Unavailable:
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            told.newest = max(told.newest, position * written.count)


async def _read(log: MongoLog, told: Told) -> None:
    while True:
        known = told.newest
        try:
            head = await log.head()
        except Unavailable:
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        if head < known:
            told.gone_back.append((head, known))
        told.newest = max(told.newest, head)


async def _kill_in_turn(members: ReplicaSet) -> None:
    """Sometimes the primary, sometimes one after another."""
    for number in range(ROUNDS):
        await asyncio.sleep(CALM_SECONDS)  # a part of the schedule, not a wait for a fact
        chosen = [await members.primary()] if number % 2 else random.sample(range(MEMBERS), MEMBERS)
        for member in chosen:
            await members.kill(member)
            await asyncio.sleep(DOWN_SECONDS)
            await members.start(member)
