"""The world of a run: servers and services of its own, a bad link wherever one is wanted, and customers."""

import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from stack.ports import LOOPBACK
from stack.process import OnLine
from stack.servers import PASSWORD, USER, Mongod, RabbitMQ, private_mongod, private_rabbitmq
from tests.chaos.diary import Diary
from tests.chaos.disks import small_disks
from tests.chaos.load import Load
from tests.chaos.proxy import CLEAR, Link
from tests.support.broker import TIMEOUT, Broker, VirtualHost
from tests.support.system import SERVICES, System

PAYMENT_SECONDS = 30.0
HOLD_SECONDS = 4.0  # of a slow card; a saga asks again after 2 s
DEFAULT_HOST = "%2F"  # RabbitMQ's own virtual host, as addresses spell it

LINKS: Mapping[tuple[str, str], str] = {
    ("gateway", "command"): "COMMAND_URL",
    ("gateway", "query"): "QUERY_URL",
    ("command", "mongodb"): "EVENTS_MONGODB_URL",
    ("command", "rabbitmq"): "AMQP_URL",
    ("projector", "mongodb"): "EVENTS_MONGODB_URL",
    ("projector", "rabbitmq"): "AMQP_URL",
    ("query", "mongodb"): "EVENTS_MONGODB_URL",
    ("saga", "mongodb"): "EVENTS_MONGODB_URL",
    ("saga", "rabbitmq"): "AMQP_URL",
    ("saga", "command"): "COMMAND_URL",
    ("saga", "payments"): "PAYMENTS_URL",
}
"""Who reaches whom over a link of ours, and by which setting it is told so."""


@dataclass(slots=True, kw_only=True)
class World:
    folder: Path
    chance: random.Random
    mongod: Mongod
    rabbitmq: RabbitMQ
    host: VirtualHost
    system: System
    links: dict[tuple[str, str], Link]
    load: Load
    diary: Diary
    mongo: AsyncMongoClient[dict[str, Any]]
    http: aiohttp.ClientSession
    payment_seconds: float  # so long a validated order waits for its payment
    deaths: list[str] = field(default_factory=list)  # who fell without being killed

    @property
    def events(self) -> AsyncDatabase[dict[str, Any]]:
        return self.mongo[self.system.events_database]

    @property
    def views(self) -> AsyncDatabase[dict[str, Any]]:
        return self.mongo[self.system.views_database]

    def mend(self) -> None:
        """Every link is good, and nobody is frozen."""
        for link in self.links.values():
            link.weather = CLEAR
            link.release()
        self.system.wake()

    async def revive(self) -> None:
        """Start again whoever has fallen and was left lying, as a supervisor would."""
        for server in (self.mongod, self.rabbitmq):
            if server.pid is None:
                self.deaths.append(server.name)
                await server.start()
                await server.wait_ready()
        self.deaths += await self.system.revive()


@asynccontextmanager
async def a_world(
    folder: Path,
    seed: int,
    *,
    payment_seconds: float = PAYMENT_SECONDS,
    has_small_disks: bool = False,
    has_true_starts: bool = True,
) -> AsyncIterator[World]:
    """Everything is up, nobody has come yet. `has_small_disks` puts the servers' data on disks that can be filled."""
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        if has_small_disks:
            stack.enter_context(small_disks(folder))
        diary = stack.enter_context(Diary(folder))
        mongod = await stack.enter_async_context(private_mongod(folder / "mongodb", on_line=to_file(folder, "mongodb")))
        rabbitmq = await stack.enter_async_context(
            private_rabbitmq(folder / "rabbitmq", on_line=to_file(folder, "rabbitmq"))
        )
        links = {ends: await stack.enter_async_context(Link(chance=chance)) for ends in LINKS}
        system = _led_system(links, mongod, rabbitmq, folder, seconds=payment_seconds, truly=has_true_starts)
        stack.push_async_callback(system.stop)
        await system.start(*SERVICES)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        broker = Broker(url=rabbitmq.url, management_url=rabbitmq.management_url)
        manager = await stack.enter_async_context(aiohttp.ClientSession(headers=broker.login, timeout=TIMEOUT))
        yield World(
            folder=folder,
            chance=chance,
            mongod=mongod,
            rabbitmq=rabbitmq,
            host=VirtualHost(broker, manager, DEFAULT_HOST),
            system=system,
            links=links,
            load=Load(http, system.gateway, diary, chance),
            diary=diary,
            mongo=await stack.enter_async_context(AsyncMongoClient(mongod.url, tz_aware=True)),
            http=http,
            payment_seconds=payment_seconds,
        )


def service_settings(payment_seconds: float) -> dict[str, str]:
    return {"PAYMENT_SECONDS": str(payment_seconds), "PAYMENTS_HOLD_SECONDS": str(HOLD_SECONDS)}


def _led_system(
    links: dict[tuple[str, str], Link],
    mongod: Mongod,
    rabbitmq: RabbitMQ,
    folder: Path,
    *,
    seconds: float,
    truly: bool,
) -> System:
    system = System(mongod.url, rabbitmq.url, folder, **service_settings(seconds))
    system.has_true_starts = truly
    _lead(links, system, {"mongodb": mongod.port, "rabbitmq": rabbitmq.port})
    return system


def _lead(links: dict[tuple[str, str], Link], system: System, ports: Mapping[str, int]) -> None:
    """Tell the links where they lead, and the services to use them.

    The links listen already: they would take a port away that a service has chosen and does not yet listen on.
    """
    for (client, server), link in links.items():
        link.target_port = ports.get(server) or system.port(server)
        setting = LINKS[client, server]
        system.environment_of.setdefault(client, {})[setting] = _address(server, link.port)


def _address(server: str, port: int) -> str:
    match server:
        case "mongodb":
            return f"mongodb://{LOOPBACK}:{port}/?directConnection=true"  # else the driver goes around the link
        case "rabbitmq":
            return f"amqp://{USER}:{PASSWORD}@{LOOPBACK}:{port}/"
        case _:
            return f"http://{LOOPBACK}:{port}"


def to_file(folder: Path, name: str) -> OnLine:
    file = (folder / f"{name}.log").open("a")
    return lambda line: print(f"{time.time():.3f}", line, file=file, flush=True)
