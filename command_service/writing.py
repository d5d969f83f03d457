"""What it takes to change something: a connection, the log, an appender that runs, a handler."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pymongo.asynchronous.database import AsyncDatabase

from command_service.handling import CommandHandler
from command_service.snapshot_store import MongoSnapshots
from command_service.snapshots import Snapshots
from command_service.streams import Streams
from common.config import Settings
from common.group_commit import Appender
from common.log import MongoLog, open_log
from common.mongo import open_client
from common.tasks import end, patiently, supervised


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    database: AsyncDatabase
    log: MongoLog
    appender: Appender
    handler: CommandHandler


@asynccontextmanager
async def writing(settings: Settings) -> AsyncIterator[Writing]:
    """Wait for the log; at the end write what is queued, then close."""
    appenders: list[Appender] = []

    def forget_heads() -> None:
        for one in appenders:
            one.forget_head()

    client = open_client(settings.events_mongodb_url, name="command", on_pool_cleared=forget_heads)
    database = client[settings.events_database]
    log = await patiently(lambda: open_log(database, partitions=settings.partitions))
    snapshots = Snapshots(MongoSnapshots(database), log.info.id, every_events=settings.snapshot_events)
    streams = Streams(log, snapshots)
    appender = Appender(log, on_superseded=streams.forget)
    appenders.append(appender)
    appending = asyncio.create_task(supervised("appender", appender.run))
    saving = asyncio.create_task(supervised("snapshots", snapshots.run))
    handler = CommandHandler(log, log.info, appender, streams)
    try:
        yield Writing(database=database, log=log, appender=appender, handler=handler)
    finally:
        appender.close()
        await appending
        await end(saving)  # what was not saved is read again
        await client.close()
