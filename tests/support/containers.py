"""The tests' servers as containers, by Testcontainers. They go with the tests, and by its Ryuk if those are killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pymongo import AsyncMongoClient
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy, LogMessageWaitStrategy

from stack.docker import Image
from stack.servers import PASSWORD, USER
from tests.support.broker import Broker
from tests.support.system import until

MONGODB_PORT = 27017
AMQP_PORT = 5672
MANAGEMENT_PORT = 15672
PRIMARY_SECONDS = 30.0
MONGOD = (
    *("mongod", "--replSet", "rs0", "--bind_ip_all", "--wiredTigerCacheSizeGB", "1", "--oplogSize", "990"),
    *("--setParameter", "enableTestCommands=1", "--setParameter", "diagnosticDataCollectionEnabled=false"),
)


@asynccontextmanager
async def mongodb_container(image: Image) -> AsyncIterator[str]:
    """The URL of a primary with fail points. The node knows itself by another port than we: each client is direct."""
    container = DockerContainer(image.name).with_command(list(MONGOD)).with_exposed_ports(MONGODB_PORT)
    async with _running(container.waiting_for(LogMessageWaitStrategy("Waiting for connections"))) as host:
        url = f"mongodb://{host}:{container.get_exposed_port(MONGODB_PORT)}/?directConnection=true"
        await _make_primary(url)
        yield url


@asynccontextmanager
async def rabbitmq_container(image: Image) -> AsyncIterator[Broker]:
    probe = HttpWaitStrategy(MANAGEMENT_PORT, f"/api/health/checks/port-listener/{AMQP_PORT}")
    container = DockerContainer(image.name).with_envs(RABBITMQ_DEFAULT_USER=USER, RABBITMQ_DEFAULT_PASS=PASSWORD)
    container.with_exposed_ports(AMQP_PORT, MANAGEMENT_PORT)
    async with _running(container.waiting_for(probe.with_basic_credentials(USER, PASSWORD))) as host:
        yield Broker(
            url=f"amqp://{USER}:{PASSWORD}@{host}:{container.get_exposed_port(AMQP_PORT)}/",
            management_url=f"http://{host}:{container.get_exposed_port(MANAGEMENT_PORT)}",
        )


@asynccontextmanager
async def _running(container: DockerContainer) -> AsyncIterator[str]:
    """Its host, once it is ready; it is removed also when it never gets so."""
    try:
        await asyncio.to_thread(container.start)
        yield container.get_container_host_ip()
    finally:
        await asyncio.to_thread(container.stop)


async def _make_primary(url: str) -> None:
    itself = f"127.0.0.1:{MONGODB_PORT}"
    async with AsyncMongoClient[dict[str, Any]](url) as client:
        await client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": itself}]})

        async def is_primary() -> bool:
            return (await client.admin.command("hello"))["isWritablePrimary"]

        await until(is_primary, seconds=PRIMARY_SECONDS, what="the container's mongod is primary")
