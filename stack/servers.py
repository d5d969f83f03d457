"""Private servers for a test: start one, kill it, start it again, wipe it.

async with private_rabbitmq(tmp_path / "rabbit") as broker:
    ...  # broker.url, broker.management_url
    await broker.kill()
    broker.wipe()
    await broker.start()
    await broker.wait_ready()
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from stack.docker import Image
from stack.mongod import Mongod
from stack.process import OnLine
from stack.rabbitmq import PASSWORD, USER, RabbitMQ

__all__ = ["PASSWORD", "USER", "Mongod", "RabbitMQ", "private_mongod", "private_rabbitmq"]
Server = TypeVar("Server", Mongod, RabbitMQ)


def private_mongod(
    data: Path,
    *,
    port: int = 0,
    source: Path | Image | None = None,
    test_commands: bool = True,
    on_line: OnLine = lambda _line: None,
) -> AbstractAsyncContextManager[Mongod]:
    """A primary that is ready; its data stay when it ends. Ends are clean stops, ~0.5 s."""
    return _running(Mongod(data, port=port, source=source, test_commands=test_commands, on_line=on_line))


def private_rabbitmq(
    data: Path,
    *,
    port: int = 0,
    management_port: int = 0,
    source: Path | Image | None = None,
    on_line: OnLine = lambda _line: None,
) -> AbstractAsyncContextManager[RabbitMQ]:
    """A node that is ready, ~6 s; its data stay when it ends."""
    return _running(RabbitMQ(data, port=port, management_port=management_port, source=source, on_line=on_line))


@asynccontextmanager
async def _running(server: Server) -> AsyncIterator[Server]:
    try:
        await server.start()
        await server.wait_ready()
        yield server
    finally:
        await server.stop()
