"""Run the command service: HTTP, the appender, and the relay and the queue of commands as tasks of their own."""

import asyncio

from command_service.aggregates import add_states
from command_service.app import CommandApi, make_command_app
from command_service.handling import CommandHandler
from command_service.messages.consuming import Consuming
from command_service.messages.replying import Replies
from command_service.messages.settling import Settling
from command_service.relay import Relay
from command_service.saga_operations import add_sagas
from command_service.sagas.errands import ErrandHandler
from command_service.sagas.post import add_errands
from command_service.sagas.table import all_sagas
from command_service.writing import writing
from common.access.door import Door, open_door
from common.config import Settings
from common.envelope import Seal
from common.errors import Unavailable
from common.log import MongoLog
from common.paging.cursors import Cursors, require_secret_key, sealing_key
from common.process import run_process
from common.tasks import end, supervised
from common.web import serve


async def run(settings: Settings) -> None:
    """Serve until told to stop; the relay ends before the last commits are written, the next one publishes them."""
    require_secret_key(settings)
    door = await open_door(settings)
    async with writing(settings) as ours:
        log = ours.log
        relay = Relay(ours.database, log, settings)
        ours.appender.tell(relay.hand_over)
        api = CommandApi(
            ours.handler, log, partitions=log.info.partitions, deadline_seconds=settings.command_deadline_seconds
        )

        async def ready() -> dict[str, bool]:
            return {"log": await _answers(log)}

        async def positions() -> dict[str, object]:
            head, relayed = await log.head(), await relay.position()
            relay_state = {"position": relayed, "lag": max(0, head - relayed), "connected": relay.is_connected}
            return {"log_id": log.info.id, "partitions": log.info.partitions, "head": head, "relay": relay_state}

        app = make_command_app(api, door, ready=ready, positions=positions)
        add_states(app, ours.database)
        rules = {saga.name: saga for saga in all_sagas(settings)}
        add_sagas(app, ours.database, rules, Cursors(sealing_key(settings)))
        add_errands(app, ErrandHandler(ours.handler, log), Seal(settings.message_key, log.info.id))
        beside = [
            asyncio.create_task(work) for work in (_relay(relay, settings), _consume(ours.handler, log, door, settings))
        ]
        try:
            await serve(app, settings.bind_host, settings.command_port)
        finally:
            await end(*beside)


async def _relay(relay: Relay, settings: Settings) -> None:
    if settings.relay and settings.amqp_url:
        await supervised("relay", relay.run)


async def _consume(handler: CommandHandler, log: MongoLog, door: Door, settings: Settings) -> None:
    if settings.commands_queue and settings.amqp_url:
        replies = Replies(settings.amqp_url)
        settling = Settling(handler, replies, door, deadline_seconds=settings.command_deadline_seconds)
        try:
            await supervised("commands", Consuming(settings.amqp_url, settling, log.head).run)
        finally:
            await replies.close()


async def _answers(log: MongoLog) -> bool:
    try:
        await log.head()
    except Unavailable:
        return False
    return True


if __name__ == "__main__":
    run_process("command", run)
