"""Run the sagas: the feed of the group `sagas` into the runner, with an appender of its own, health and metrics."""

from uuid import uuid4

from command_service.payment_provider import HttpPaymentProvider
from command_service.sagas.dispatcher import Dispatcher
from command_service.sagas.order_fulfilment import order_fulfilment
from command_service.sagas.runner import GROUP, SagaRunner
from command_service.sagas.stuck import watch_stuck
from command_service.writing import Writing, writing
from common.config import Settings
from common.envelope import Commit, Seal
from common.feed import Feed
from common.leases import Leases
from common.process import run_process
from common.tasks import together
from common.web import add_operations, make_app, serve_beside


async def run(settings: Settings) -> None:
    """Serve until told to stop."""
    async with writing(settings, name="sagas") as ours, HttpPaymentProvider(settings.payments_url) as provider:
        runner = _make_runner(ours, settings)
        feed = _make_feed(ours, runner, settings)
        dispatcher = Dispatcher(
            handler=ours.handler, log=ours.log, provider=provider, tell=runner.tell, note=runner.note_trouble
        )
        runner.serve(dispatcher, feed)

        async def ready() -> dict[str, bool]:
            return {"holds_partitions": bool(feed.held)}

        app = make_app()
        add_operations(app, ready)
        work = together(feed.run(), watch_stuck(ours.database, lambda: feed.held))
        try:
            await serve_beside(app, settings.bind_host, settings.saga_port, work)
        finally:
            await dispatcher.close()


def _make_runner(ours: Writing, settings: Settings) -> SagaRunner:
    saga = order_fulfilment(payment_seconds=settings.payment_seconds)
    return SagaRunner(
        ours.database, ours.log, saga, context="order", begins=_places_an_order, partitions=ours.log.info.partitions
    )


def _make_feed(ours: Writing, runner: SagaRunner, settings: Settings) -> Feed:
    leases = Leases(
        ours.database["leases"],
        group=GROUP,
        parts=ours.log.info.partitions,
        holder=str(uuid4()),
        seconds=settings.lease_seconds,
    )
    return Feed(
        ours.log,
        runner,
        leases,
        group=GROUP,
        amqp_url=settings.amqp_url,
        seal=Seal(settings.message_key, ours.log.info.id),
        batch_commits=settings.batch_commits,
    )


def _places_an_order(commit: Commit) -> bool:
    """An imported order is over when it comes."""
    return commit.events[0].type == "OrderInitiated"


if __name__ == "__main__":
    run_process("sagas", run)
