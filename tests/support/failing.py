"""Making a real mongod lie: the fail points of its test commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pymongo import AsyncMongoClient

WRITE_CONFLICT = 112
OUT_OF_TIME = 50  # MaxTimeMSExpired
WRITE_CONCERN_FAILED = 64

Times = int | str


def _mode(times: Times) -> Any:
    return {"times": times} if isinstance(times, int) else times


@asynccontextmanager
async def failing(
    url: str, *commands: str, client: str = "", times: Times = "alwaysOn", **how: Any
) -> AsyncIterator[None]:
    """While inside, these commands of the client of this name fail `how` (see failCommand), so many times."""
    data = {"failCommands": list(commands), **({"appName": f"leveret-{client}"} if client else {}), **how}
    admin: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
    async with admin:
        await admin.admin.command("configureFailPoint", "failCommand", mode=_mode(times), data=data)
        try:
            yield
        finally:
            await admin.admin.command("configureFailPoint", "failCommand", mode="off")


@asynccontextmanager
async def impatient_transactions(url: str, *, seconds: int) -> AsyncIterator[None]:
    """While inside, the server ends a transaction whose client says nothing for so long; by default after 60 s."""
    admin: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
    async with admin:
        was = (await admin.admin.command("getParameter", 1, transactionLifetimeLimitSeconds=1))[
            "transactionLifetimeLimitSeconds"
        ]
        await admin.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=seconds)
        try:
            yield
        finally:
            await admin.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=was)
