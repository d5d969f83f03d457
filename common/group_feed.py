"""The feed of a group as the settings say."""

from uuid import uuid4

from pymongo.asynchronous.database import AsyncDatabase

from common.config import Settings
from common.envelope import Seal
from common.feed import Feed
from common.leases import Leases
from common.log import MongoLog
from common.sink import Sink


def feed_of(group: str, log: MongoLog, sink: Sink, database: AsyncDatabase, settings: Settings) -> Feed:
    """`database` is where the sink writes; the group's leases stand beside it."""
    leases = Leases(
        database,
        group=group,
        parts=log.info.partitions,
        holder=str(uuid4()),
        seconds=settings.lease_seconds,
    )
    return Feed(
        log,
        sink,
        leases,
        group=group,
        amqp_url=settings.amqp_url,
        seal=Seal(settings.message_key, log.info.id),
        batch_commits=settings.batch_commits,
    )
