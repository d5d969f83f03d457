"""Two command services on a real MongoDB that lies, breaks off and refuses: the rules of the model hold there too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any, get_args

import pytest
from pymongo import AsyncMongoClient

from command_service.handling import Outcome
from common.log import Failure, MongoLog, Written, open_log
from common.mongo import DURABLE, open_client
from tests.support.appending import LONG_PATIENCE_SECONDS, Call, History, Service, Wish, a_request, check
from tests.support.commits import a_commit
from tests.support.real_log import a_database, a_real_log

SEEDS = range(20)
BURSTS = 8
TRIES = 5  # of a client that gets no answer
UNLIMITED = 10**9
SECONDS_TO_REST = 20.0
NOT_PRIMARY, OUT_OF_DISK = 10107, 14031
LIES: dict[str, dict[str, Any]] = {
    "not primary": {"errorCode": NOT_PRIMARY},
    "out of disk": {"errorCode": OUT_OF_DISK},
    "broken off": {"closeConnection": True},
    "late": {"blockConnection": True, "blockTimeMS": 60},
    "late and broken off": {"blockConnection": True, "blockTimeMS": 30, "closeConnection": True},
    "written, perhaps": {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}},
}


class Server:
    """A mongod of which one client (`app`) is told lies, for as many inserts as are asked for."""

    def __init__(self, admin: AsyncMongoClient[dict[str, Any]]) -> None:
        self._admin = admin.admin

    async def lie(self, app: str, how: dict[str, Any], *, times: int = 1) -> None:
        data = {"failCommands": ["insert"], "appName": f"leveret-{app}", **how}
        await self._admin.command("configureFailPoint", "failCommand", mode={"times": times}, data=data)

    async def tell_the_truth(self) -> None:
        await self._admin.command("configureFailPoint", "failCommand", mode="off")

    async def settled(self, database: str) -> None:
        """Wait until no insert into this database is under way, and the majority has what was written."""
        running = [{"$currentOp": {}}, {"$match": {"ns": f"{database}.commits", "op": "insert"}}]
        async with asyncio.timeout(SECONDS_TO_REST):
            while await (await self._admin.aggregate(running)).to_list():
                pass
            barrier = self._admin.client[database].get_collection("barrier", write_concern=DURABLE)
            await barrier.insert_one({})


@pytest.fixture
async def server(mongodb_url: str) -> AsyncIterator[Server]:
    async with AsyncMongoClient[dict[str, Any]](mongodb_url) as admin:
        server = Server(admin)
        try:
            yield server
        finally:
            await server.tell_the_truth()


class World:
    """Two services with clients of their own, so that one can be lied to, and what they were asked for."""

    def __init__(self, url: str, database: str, server: Server, random: Random) -> None:
        self.server = server
        self.database = database
        self.history = History(self._told_version)
        self._url = url
        self._random = random
        self._clients: list[AsyncMongoClient] = []
        self._services: list[Service] = []

    def app(self, number: int) -> str:
        return f"{self.database}-{number}"

    async def start(self, number: int) -> Service:
        service: list[Service] = []
        client = open_client(
            self._url, name=self.app(number), on_pool_cleared=lambda: [s.appender.forget_head() for s in service]
        )
        self._clients.append(client)
        log = await open_log(client[self.database], partitions=8)
        service.append(Service(log, log.info))
        return service[0]

    async def play(self) -> None:
        self._services = [await self.start(number) for number in range(2)]
        async with asyncio.TaskGroup() as clients:
            for number in range(BURSTS):
                await self._trouble()
                burst = [clients.create_task(self._insist(number)) for _ in range(self._random.randint(1, 12))]
                if self._random.random() < 0.7:
                    await asyncio.wait(burst, return_when=asyncio.FIRST_COMPLETED)

    async def _trouble(self) -> None:
        victim = self._random.randrange(2)
        if self._random.random() < 0.15:
            await self._services[victim].end()
            self._services[victim] = await self.start(victim)
        elif self._random.random() < 0.8:
            how = LIES[self._random.choice(list(LIES))]
            await self.server.lie(self.app(victim), how, times=self._random.randint(1, 2))

    async def _insist(self, burst: int) -> None:
        random = self._random
        wish: Wish = random.choice(get_args(Wish))
        stream = random.choice("1123")
        key = None if random.random() < 0.4 else f"{self.database} {burst} {wish} {stream} {random.randrange(2)}"
        version = self._told_version(f"inventory-{stream}")
        expected = None if random.random() < 0.7 else max(0, version - random.randrange(2))
        service = random.randrange(2)
        for number in range(TRIES if key else 1):
            request = a_request(wish, stream, command_id=key, expected_version=expected)
            call = await self.history.send(self._services[(service + number) % 2], request)
            if call.answer is not None:
                return
            await self.server.settled(self.database)

    async def end(self) -> None:
        for service in self._services:
            await service.end()
        for client in self._clients:
            await client.close()

    def _told_version(self, stream: str) -> int:
        """So many commits the stream has at least."""
        told = (
            c.answer.version for c in self.history.answered if _is_about(c, stream) and isinstance(c.answer, Outcome)
        )
        return max(told, default=0)


def _is_about(call: Call, stream: str) -> bool:
    return call.request.stream == stream


@asynccontextmanager
async def a_world(url: str, server: Server, seed: int) -> AsyncIterator[World]:
    async with a_database(url) as (_, name):
        world = World(url, name, server, Random(seed))
        try:
            yield world
        finally:
            await world.end()


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_the_server_does_the_log_and_every_answer_keep_the_rules(
    mongodb_url: str, server: Server, seed: int
) -> None:
    async with a_world(mongodb_url, server, seed) as world:
        await world.play()
        await server.settled(world.database)
        async with open_client(mongodb_url, name="check") as client:
            log = await open_log(client[world.database], partitions=8)
            commits = await log.read_all(0, UNLIMITED)
            assert len(commits) == await log.head()
        for call in world.history.calls:
            call.most = UNLIMITED
        check(world.history, commits)
        assert world.history.tally()["done"]


@pytest.mark.parametrize("lie", LIES)
async def test_L4_whatever_an_insert_is_told_it_never_says_more_than_it_knows(
    mongodb_url: str, server: Server, lie: str
) -> None:
    async with a_database(mongodb_url) as (client, name):
        log = await open_log(client[name], partitions=8)
        await server.lie(name, LIES[lie])
        written = await log.insert([a_commit(number, f"inventory-{number}") for number in (1, 2, 3)])
        await server.settled(name)
        there = len(await log.read_all(0, 10))
        assert written == (Written(3) if lie == "late" else Written(0, Failure.UNKNOWN))
        assert there == (3 if lie in ("late", "written, perhaps") else 0)


async def test_L4_a_clash_under_a_write_concern_error_is_unknown(mongodb_url: str, server: Server) -> None:
    """Both lists of the answer are filled; without this rule acknowledged commits were lost."""
    async with a_database(mongodb_url) as (client, name):
        log = await open_log(client[name], partitions=8)
        first = a_commit(1, "inventory-1")
        await log.insert([first])
        await server.lie(name, LIES["written, perhaps"])
        again = await log.insert([a_commit(2, "inventory-2"), a_commit(3, command_id=first.command_id)])
        assert again == Written(0, Failure.UNKNOWN)


async def test_L3_the_appender_is_told_when_the_pool_was_cleared(mongodb_url: str, server: Server) -> None:
    told = asyncio.Event()
    async with (
        a_database(mongodb_url) as (_, name),
        open_client(mongodb_url, name=f"{name}-told", on_pool_cleared=told.set) as client,
    ):
        log = await open_log(client[name], partitions=8)
        await server.lie(f"{name}-told", LIES["broken off"])
        await log.insert([a_commit(1)])
        async with asyncio.timeout(SECONDS_TO_REST):
            await told.wait()


async def test_L8_a_command_is_acknowledged_though_its_insert_was_not(mongodb_url: str, server: Server) -> None:
    async with a_world(mongodb_url, server, 0) as world:
        service = await world.start(0)
        await server.lie(world.app(0), LIES["written, perhaps"])
        done = await service.handle(a_request(patience_seconds=LONG_PATIENCE_SECONDS))
        assert (done.version, done.position, done.changed, done.replayed) == (1, 1, True, False)
        await service.end()


async def test_L5_two_services_share_one_log_without_starving(mongodb_url: str) -> None:
    """Each has one client that never pauses; neither may go without while the other goes on."""
    async with a_real_log(mongodb_url) as log:
        services = [Service(log, log.info) for _ in range(2)]
        done = [0, 0]

        async def load(number: int) -> None:
            while min(done) < 20:
                subject = f"{number}-{done[number]}"
                await services[number].handle(a_request("add", subject, patience_seconds=LONG_PATIENCE_SECONDS))
                done[number] += 1

        async with asyncio.timeout(SECONDS_TO_REST), asyncio.TaskGroup() as tasks:
            for number in range(2):
                tasks.create_task(load(number))
        for service in services:
            await service.end()
        assert isinstance(log, MongoLog)
        assert await log.head() == sum(done)
