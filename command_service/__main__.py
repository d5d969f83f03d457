"""Run the command service: HTTP, the appender, and the relay as a task of its own."""

import asyncio

from prometheus_client import Gauge

from command_service.app import CommandApi, make_command_app
from command_service.handling import CommandHandler
from command_service.relay import Relay
from command_service.streams import Streams
from common.config import Settings
from common.errors import Unavailable
from common.group_commit import Appender
from common.log import MongoLog, open_log
from common.mongo import open_client
from common.process import run_process
from common.tasks import end, patiently, supervised
from common.web import serve

UP = Gauge("leveret_up", "1 while the service runs", ["service"])


async def run(settings: Settings) -> None:
    appenders: list[Appender] = []

    def forget_heads() -> None:
        for one in appenders:
            one.forget_head()

    client = open_client(settings.events_mongodb_url, name="command", on_pool_cleared=forget_heads)
    log = await patiently(lambda: open_log(client[settings.events_database], partitions=settings.partitions))
    streams = Streams(log)
    relay = Relay(client[settings.events_database], log, settings)
    appender = Appender(log, on_superseded=streams.forget, on_written=relay.hand_over)
    appenders.append(appender)
    handler = CommandHandler(log, log.info, appender, streams)
    api = CommandApi(handler, partitions=log.info.partitions, deadline_seconds=settings.command_deadline_seconds)

    async def ready() -> dict[str, bool]:
        return {"log": await _answers(log)}

    async def positions() -> dict[str, object]:
        head, relayed = await log.head(), await relay.position()
        relay_state = {"position": relayed, "lag": max(0, head - relayed), "connected": relay.is_connected}
        return {"log_id": log.info.id, "partitions": log.info.partitions, "head": head, "relay": relay_state}

    UP.labels("command").set(1)
    appending = asyncio.create_task(supervised("appender", appender.run))
    relaying = asyncio.create_task(_relay(relay, settings))
    try:
        await serve(make_command_app(api, ready=ready, positions=positions), settings.bind_host, settings.command_port)
    finally:
        appender.close()
        await appending
        await end(relaying)
        await client.close()


async def _relay(relay: Relay, settings: Settings) -> None:
    if settings.relay and settings.amqp_url:
        await supervised("relay", relay.run)


async def _answers(log: MongoLog) -> bool:
    try:
        await log.head()
    except Unavailable:
        return False
    return True


if __name__ == "__main__":
    run_process("command", run)
