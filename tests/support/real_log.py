"""A log on a real MongoDB server, in a database of its own that goes when the test ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from pymongo import AsyncMongoClient

from common.log import MongoLog, open_log
from common.mongo import open_client


@asynccontextmanager
async def a_database(url: str) -> AsyncIterator[tuple[AsyncMongoClient, str]]:
    """A client and the name of a new database."""
    name = f"test_{uuid4().hex}"
    async with open_client(url, name=name) as client:
        try:
            yield client, name
        finally:
            await client.drop_database(name)


@asynccontextmanager
async def a_real_log(url: str, *, partitions: int = 8) -> AsyncIterator[MongoLog]:
    async with a_database(url) as (client, name):
        yield await open_log(client[name], partitions=partitions)
