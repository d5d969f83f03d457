"""Where the tests' servers come from: a URL that is given, else this machine, else Docker.

TEST_MONGODB_URL and TEST_RABBITMQ_URL give servers: a replica set with enableTestCommands=1, for the fail points, and a
broker whose user in the URL is an administrator. TEST_SERVERS=docker passes over those of this machine, and
TEST_RABBITMQ_IMAGE names another image.

`own_mongod` and `own_rabbitmq` are for tests that kill, wipe and start a server again: never a given one. What tests
`cqrs up` finds its servers as every user does.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from yarl import URL

from stack import sources
from stack.docker import Image
from stack.errors import ServerMissing
from stack.servers import Mongod, RabbitMQ, private_mongod, private_rabbitmq
from tests.support.broker import Broker

MANAGEMENT_PORT = 15672
TELLS_SOON = "[{rabbit, [{collect_statistics_interval, 500}]}].\n"  # ms; else what tests wait for is told every 5 s
S = TypeVar("S", Mongod, RabbitMQ)


def mongodb_source(environ: Mapping[str, str]) -> Path | Image:
    """Raise ServerMissing with what to install."""
    return sources.MONGODB_IMAGE if _wants_docker(environ) else sources.mongodb_source()


def rabbitmq_source(environ: Mapping[str, str]) -> Path | Image:
    """Raise ServerMissing with what to install."""
    image = Image(environ.get("TEST_RABBITMQ_IMAGE") or sources.RABBITMQ_IMAGE.name)
    found = image if _wants_docker(environ) else sources.rabbitmq_source()
    if found is None:
        raise ServerMissing(f"no RabbitMQ; {sources.HOW_TO_GET_RABBITMQ}")
    return image if isinstance(found, Image) else found


def given_rabbitmq(environ: Mapping[str, str]) -> Broker | None:
    """Its management pages are on the same host, unless TEST_RABBITMQ_MANAGEMENT_URL says where."""
    if not environ.get("TEST_RABBITMQ_URL"):
        return None
    url = URL(environ["TEST_RABBITMQ_URL"]).with_path("/")
    management_url = environ.get("TEST_RABBITMQ_MANAGEMENT_URL") or f"http://{url.host_subcomponent}:{MANAGEMENT_PORT}"
    return Broker(url=str(url), management_url=management_url.rstrip("/"))


@asynccontextmanager
async def shared_mongodb(data: Path, environ: Mapping[str, str]) -> AsyncIterator[str]:
    """The URL of a primary with fail points."""
    if environ.get("TEST_MONGODB_URL"):
        yield environ["TEST_MONGODB_URL"]
        return
    match mongodb_source(environ):
        case Path() as program:
            async with _thrown_away(private_mongod(data, source=program)) as server:
                yield server.url
        case Image() as image:
            from tests.support.containers import mongodb_container  # importing it asks Docker

            async with mongodb_container(image) as url:
                yield url


@asynccontextmanager
async def shared_rabbitmq(data: Path, environ: Mapping[str, str]) -> AsyncIterator[Broker]:
    given = given_rabbitmq(environ)
    if given:
        yield given
        return
    match rabbitmq_source(environ):
        case Path() as program:
            async with own_rabbitmq(data, source=program) as server:
                yield Broker(url=server.url, management_url=server.management_url)
        case Image() as image:
            from tests.support.containers import rabbitmq_container

            async with rabbitmq_container(image) as broker:
                yield broker


def own_mongod(data: Path) -> AbstractAsyncContextManager[Mongod]:
    """One that a test may kill, wipe and start again, with fail points."""
    return _thrown_away(private_mongod(data, source=mongodb_source(os.environ)))


def own_rabbitmq(data: Path, source: Path | Image | None = None) -> AbstractAsyncContextManager[RabbitMQ]:
    data.mkdir(parents=True, exist_ok=True)
    (data / "advanced.config").write_text(TELLS_SOON)
    return _thrown_away(private_rabbitmq(data, source=source or rabbitmq_source(os.environ)))


@asynccontextmanager
async def _thrown_away(server: AbstractAsyncContextManager[S]) -> AsyncIterator[S]:
    """Kill it at the end: nobody needs its data any more, and a broker takes seconds to say goodbye."""
    async with server as running:
        try:
            yield running
        finally:
            await running.kill()


def _wants_docker(environ: Mapping[str, str]) -> bool:
    wanted = environ.get("TEST_SERVERS", "")
    if wanted not in ("", "docker"):
        raise ValueError(f"TEST_SERVERS is {wanted!r}, but may only be 'docker'")
    return wanted == "docker"
