"""Run the sagas: the feed of the group `sagas` into the runner, with health and metrics."""

from collections.abc import Callable, Iterable
from typing import Any

from command_service.payment_provider import HttpPaymentProvider
from command_service.sagas.dispatcher import Dispatcher
from command_service.sagas.post import ErrandPost
from command_service.sagas.runner import GROUP, SagaRunner
from command_service.sagas.shapes import Saga
from command_service.sagas.table import all_sagas
from command_service.sagas.watching import watch_sagas
from common.config import Settings
from common.envelope import Seal
from common.group_feed import feed_of
from common.log import open_log
from common.mongo import open_client
from common.process import run_process
from common.tasks import patiently, together
from common.web import add_operations, make_app, serve_beside


async def run(settings: Settings, sagas: Callable[[Settings], Iterable[Saga[Any]]] = all_sagas) -> None:
    """Serve until told to stop."""
    client = open_client(settings.events_mongodb_url, name="sagas")
    database = client[settings.events_database]
    log = await patiently(lambda: open_log(database, partitions=settings.partitions))
    async with (
        client,
        HttpPaymentProvider(settings.payments_url) as provider,
        ErrandPost(settings.command_url, Seal(settings.message_key, log.info.id)) as errands,
    ):
        rules = tuple(sagas(settings))
        runner = SagaRunner(database, log, rules, partitions=log.info.partitions)
        feed = feed_of(GROUP, log, runner, database, settings)
        dispatcher = Dispatcher(errands=errands, log=log, provider=provider, tell=runner.tell, note=runner.note_trouble)
        runner.serve(dispatcher, feed)

        async def ready() -> dict[str, bool]:
            return {"holds_partitions": bool(feed.held)}

        app = make_app(name="sagas")
        add_operations(app, ready)
        watching = watch_sagas(database, lambda: feed.held, [saga.name for saga in rules])
        work = together(feed.run(), watching)
        try:
            await serve_beside(app, settings.bind_host, settings.saga_port, work)
        finally:
            await dispatcher.close()


if __name__ == "__main__":
    run_process("sagas", run)
