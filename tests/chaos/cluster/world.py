"""The world of a run on clusters: two or three of every service on three nodes of every server."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from tests.chaos.cluster.mongodb import ReplicaSet, a_replica_set
from tests.chaos.cluster.rabbitmq import Brokers, a_broker_cluster
from tests.chaos.diary import Diary
from tests.chaos.load import Load
from tests.chaos.world import PAYMENT_SECONDS, service_settings, to_file
from tests.support.system import System

WRITERS, READERS = ("command", "command2"), ("query", "query2")
PROJECTORS = ("projector", "projector2", "projector3")
SAGAS = ("saga", "saga2")


@dataclass(slots=True, kw_only=True)
class ClusterWorld:
    folder: Path
    chance: random.Random
    mongodb: ReplicaSet
    rabbitmq: Brokers
    system: System
    load: Load
    diary: Diary
    mongo: AsyncMongoClient[dict[str, Any]]
    http: aiohttp.ClientSession
    payment_seconds: float
    deaths: list[str] = field(default_factory=list)

    @property
    def events(self) -> AsyncDatabase[dict[str, Any]]:
        return self.mongo[self.system.events_database]

    @property
    def views(self) -> AsyncDatabase[dict[str, Any]]:
        return self.mongo[self.system.views_database]

    def mend(self) -> None:
        self.mongodb.mend()
        self.system.wake()

    async def revive(self) -> None:
        for number, server in enumerate((*self.mongodb.mongods, *self.rabbitmq.nodes)):
            if server.pid is None:
                self.deaths.append(f"{server.name} (server {number})")
                await server.start()
        self.deaths += await self.system.revive()


@asynccontextmanager
async def a_cluster_world(
    folder: Path, seed: int, *, payment_seconds: float = PAYMENT_SECONDS
) -> AsyncIterator[ClusterWorld]:
    """Everything is up, nobody has come yet."""
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        diary = stack.enter_context(Diary(folder))
        mongodb = await stack.enter_async_context(a_replica_set(folder, to_file(folder, "mongodb")))
        rabbitmq = await stack.enter_async_context(a_broker_cluster(folder, to_file(folder, "rabbitmq")))
        settings = service_settings(payment_seconds) | {"FRESH_SECONDS": "0"}
        system = System(mongodb.url, rabbitmq.url, folder, **settings)
        system.has_true_starts = True
        stack.push_async_callback(system.stop)
        await _start(system)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        yield ClusterWorld(
            folder=folder,
            chance=chance,
            mongodb=mongodb,
            rabbitmq=rabbitmq,
            system=system,
            load=Load(http, system.gateway, diary, chance),
            diary=diary,
            mongo=await stack.enter_async_context(AsyncMongoClient(mongodb.url, tz_aware=True)),
            http=http,
            payment_seconds=payment_seconds,
        )


async def _start(system: System) -> None:
    """Those first whose addresses the others are told."""
    await system.start(*WRITERS, *READERS)
    addresses = {
        "COMMAND_URL": ",".join(map(system.url, WRITERS)),
        "QUERY_URL": ",".join(map(system.url, READERS)),
    }
    system.environment_of |= {"gateway": addresses, "saga": addresses}
    await system.start("payments", *PROJECTORS, *SAGAS, "gateway")
