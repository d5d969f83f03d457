"""Run the sagas: the feed of the group `sagas` into the runner, with an appender of its own, health and metrics."""

from command_service.payment_provider import HttpPaymentProvider
from command_service.sagas.dispatcher import Dispatcher
from command_service.sagas.order_fulfilment import order_fulfilment
from command_service.sagas.runner import GROUP, SagaRunner
from command_service.writing import Writing, writing
from common.config import Settings
from common.envelope import Commit
from common.group_feed import feed_of
from common.process import run_process
from common.web import add_operations, make_app, serve_beside


async def run(settings: Settings) -> None:
    """Serve until told to stop."""
    async with writing(settings, name="sagas") as ours, HttpPaymentProvider(settings.payments_url) as provider:
        runner = _make_runner(ours, settings)
        feed = feed_of(GROUP, ours.log, runner, ours.database, settings)
        dispatcher = Dispatcher(
            handler=ours.handler, log=ours.log, provider=provider, tell=runner.tell, note=runner.note_trouble
        )
        runner.serve(dispatcher, feed)

        async def ready() -> dict[str, bool]:
            return {"holds_partitions": bool(feed.held)}

        app = make_app()
        add_operations(app, ready)
        try:
            await serve_beside(app, settings.bind_host, settings.saga_port, feed.run())
        finally:
            await dispatcher.close()


def _make_runner(ours: Writing, settings: Settings) -> SagaRunner:
    saga = order_fulfilment(payment_seconds=settings.payment_seconds)
    return SagaRunner(
        ours.database, ours.log, saga, context="order", begins=_places_an_order, partitions=ours.log.info.partitions
    )


def _places_an_order(commit: Commit) -> bool:
    """An imported order is over when it comes."""
    return commit.events[0].type == "OrderInitiated"


if __name__ == "__main__":
    run_process("sagas", run)
