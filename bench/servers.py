"""The MongoDB and the RabbitMQ that every measurement of one run uses: private ones, unless addresses are given."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stack.servers import private_mongod, private_rabbitmq


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """`pids` holds only the servers that we started."""

    mongodb_url: str
    amqp_url: str
    pids: dict[str, int] = field(default_factory=dict)


@asynccontextmanager
async def servers(folder: Path, *, mongodb_url: str = "", amqp_url: str = "") -> AsyncIterator[Servers]:
    """Start what no address is given for, with data below `folder`; stop it at the end."""
    pids: dict[str, int] = {}
    async with AsyncExitStack() as stack:
        if not mongodb_url:
            mongod = await stack.enter_async_context(private_mongod(folder / "mongodb", test_commands=False))
            mongodb_url, pids["mongod"] = mongod.url, mongod.pid or 0
        if not amqp_url:
            rabbitmq = await stack.enter_async_context(private_rabbitmq(folder / "rabbitmq"))
            amqp_url, pids["rabbitmq"] = rabbitmq.url, rabbitmq.pid or 0
        yield Servers(mongodb_url=mongodb_url, amqp_url=amqp_url, pids=pids)
