"""Run the sagas: the feed of the group `sagas` into the runner, with an appender of its own, health and metrics."""

import asyncio
from uuid import uuid4

from command_service.handling import CommandHandler
from command_service.payment_provider import HttpPaymentProvider
from command_service.sagas.dispatcher import Dispatcher
from command_service.sagas.order_fulfilment import order_fulfilment
from command_service.sagas.runner import GROUP, SagaRunner
from command_service.streams import Streams
from common.config import Settings
from common.envelope import Commit, Seal
from common.feed import Feed
from common.group_commit import Appender
from common.leases import Leases
from common.log import open_log
from common.mongo import open_client
from common.process import run_process
from common.tasks import patiently, supervised
from common.web import add_operations, make_app, serve_beside


async def run(settings: Settings) -> None:
    """Serve until told to stop."""
    appenders: list[Appender] = []

    def forget_heads() -> None:
        for one in appenders:
            one.forget_head()

    client = open_client(settings.events_mongodb_url, name="sagas", on_pool_cleared=forget_heads)
    database = client[settings.events_database]
    log = await patiently(lambda: open_log(database, partitions=settings.partitions))
    streams = Streams(log)
    appender = Appender(log, on_superseded=streams.forget)
    appenders.append(appender)
    saga = order_fulfilment(payment_seconds=settings.payment_seconds)
    runner = SagaRunner(database, log, saga, context="order", begins=_places_an_order, partitions=log.info.partitions)
    leases = Leases(
        database["leases"],
        group=GROUP,
        parts=log.info.partitions,
        holder=str(uuid4()),
        seconds=settings.lease_seconds,
    )
    feed = Feed(
        log,
        runner,
        leases,
        group=GROUP,
        amqp_url=settings.amqp_url,
        seal=Seal(settings.message_key, log.info.id),
        batch_commits=settings.batch_commits,
    )

    async def ready() -> dict[str, bool]:
        return {"holds_partitions": bool(feed.held)}

    app = make_app()
    add_operations(app, ready)
    appending = asyncio.create_task(supervised("appender", appender.run))
    async with HttpPaymentProvider(settings.payments_url) as provider:
        handler = CommandHandler(log, log.info, appender, streams)
        runner.serve(Dispatcher(handler=handler, log=log, provider=provider, tell=runner.tell), feed)
        try:
            await serve_beside(app, settings.bind_host, settings.saga_port, feed.run())
        finally:
            appender.close()
            await appending
            await client.close()


def _places_an_order(commit: Commit) -> bool:
    return commit.events[0].type == "OrderInitiated"


if __name__ == "__main__":
    run_process("sagas", run)
