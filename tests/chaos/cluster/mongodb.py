"""A MongoDB replica set of three real mongods on this machine, each behind a door of ours."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from stack.mongod import REPLICA_SET, Mongod
from stack.ports import LOOPBACK
from stack.process import OnLine
from tests.chaos.cluster.door import Door
from tests.support.system import until

MEMBERS = 3
ENOUGH_SECONDS = 90.0
STEPPED_DOWN_SECONDS = 30
ANSWER_SECONDS = 2.0


class ReplicaSet:
    """Its members are numbered from 0; the doors are the addresses by which all know them."""

    def __init__(self, mongods: list[Mongod], doors: list[Door]) -> None:
        self.mongods = mongods
        self._doors = doors

    @property
    def url(self) -> str:
        return f"mongodb://{','.join(self._hosts)}/?replicaSet={REPLICA_SET}"

    async def primary(self, *, other_than: int | None = None) -> int:
        """The newest one, when two take themselves for it; wait until there is one."""
        found: list[int] = []

        async def is_there() -> bool:
            hellos = await asyncio.gather(*map(self._hello, range(MEMBERS)))
            elected = [(hello["electionId"], n) for n, hello in enumerate(hellos) if hello.get("isWritablePrimary")]
            found[:] = [max(elected)[1]] if elected else []
            return bool(found) and found != [other_than]

        await until(is_there, seconds=ENOUGH_SECONDS, what="there is a primary")
        return found[0]

    async def kill(self, number: int) -> None:
        await self.mongods[number].kill()

    async def start(self, number: int) -> None:
        """Return when it serves again."""
        await self.mongods[number].start()
        await self._serves(number)

    def freeze(self, number: int) -> None:
        self._signal(number, signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        self._signal(number, signal.SIGCONT)

    async def step_down(self, number: int) -> None:
        async with self._client(number) as client:
            await client.admin.command("replSetStepDown", STEPPED_DOWN_SECONDS, secondaryCatchUpPeriodSecs=5)

    def cut_off(self, number: int) -> None:
        """From the other members, not from clients."""
        ports = [mongod.port for mongod in self.mongods]
        for n, door in enumerate(self._doors):
            door.shut(*(ports if n == number else [ports[number]]))

    def mend(self) -> None:
        for number, mongod in enumerate(self.mongods):
            self._doors[number].open()
            if mongod.pid:
                self.thaw(number)

    async def begin(self) -> None:
        """Start all members for the first time and make a set of them."""
        for mongod in self.mongods:
            await mongod.start()
        members = [{"_id": n, "host": host} for n, host in enumerate(self._hosts)]
        await until(self._all_answer, seconds=ENOUGH_SECONDS, what="every mongod answers")
        async with self._client(0) as client:
            await client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        for number in range(MEMBERS):
            await self._serves(number)
        await self.primary()

    async def end(self) -> None:
        self.mend()
        await asyncio.gather(*(mongod.stop() for mongod in self.mongods))

    @property
    def _hosts(self) -> list[str]:
        return [f"{LOOPBACK}:{door.port}" for door in self._doors]

    async def _all_answer(self) -> bool:
        return all(await asyncio.gather(*map(self._hello, range(MEMBERS))))

    async def _serves(self, number: int) -> None:
        async def is_so() -> bool:
            hello = await self._hello(number)
            return hello.get("isWritablePrimary", False) or hello.get("secondary", False)

        await until(is_so, seconds=ENOUGH_SECONDS, what=f"member {number} serves")

    async def _hello(self, number: int) -> dict[str, Any]:
        """Empty when it does not answer."""
        try:
            async with self._client(number) as client:
                return await client.admin.command("hello")
        except PyMongoError:
            return {}

    def _client(self, number: int) -> AsyncMongoClient[dict[str, Any]]:
        """One that goes around the door."""
        milliseconds = int(ANSWER_SECONDS * 1000)
        return AsyncMongoClient(
            LOOPBACK,
            self.mongods[number].port,
            directConnection=True,
            serverSelectionTimeoutMS=milliseconds,
            socketTimeoutMS=10 * milliseconds,
        )

    def _signal(self, number: int, what: signal.Signals) -> None:
        pid = self.mongods[number].pid
        assert pid is not None, f"member {number} does not run"
        os.kill(pid, what)


@asynccontextmanager
async def a_replica_set(folder: Path, on_line: OnLine) -> AsyncIterator[ReplicaSet]:
    """Three members that serve, one of them as primary."""
    mongods = [Mongod(folder / f"mongodb{n}", test_commands=True, on_line=on_line) for n in range(MEMBERS)]
    async with AsyncExitStack() as stack:
        doors = [await stack.enter_async_context(Door(mongod.port)) for mongod in mongods]
        replica_set = ReplicaSet(mongods, doors)
        stack.push_async_callback(replica_set.end)
        await replica_set.begin()
        yield replica_set
