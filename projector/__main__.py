"""Run the projector: the feed of the group `views` into the view writer, with health and metrics over HTTP."""

from uuid import uuid4

from common.config import Settings
from common.envelope import Seal
from common.feed import Feed
from common.leases import Leases
from common.log import open_log
from common.mongo import open_client
from common.process import run_process
from common.tasks import patiently
from common.web import add_operations, make_app, serve_beside
from projector.writer import GROUP, ViewWriter


async def run(settings: Settings) -> None:
    """Serve until told to stop."""
    events = open_client(settings.events_mongodb_url, name="projector")
    views = open_client(settings.views_url, name="projector")
    event_log = await patiently(lambda: open_log(events[settings.events_database], partitions=settings.partitions))
    leases = Leases(
        views[settings.views_database]["leases"],
        group=GROUP,
        parts=event_log.info.partitions,
        holder=str(uuid4()),
        seconds=settings.lease_seconds,
    )
    feed = Feed(
        event_log,
        ViewWriter(views[settings.views_database], event_log, partitions=event_log.info.partitions),
        leases,
        group=GROUP,
        amqp_url=settings.amqp_url,
        seal=Seal(settings.message_key, event_log.info.id),
        batch_commits=settings.batch_commits,
    )

    async def ready() -> dict[str, bool]:
        return {"holds_partitions": bool(feed.held)}

    app = make_app()
    add_operations(app, ready)
    try:
        await serve_beside(app, settings.bind_host, settings.projector_port, feed.run())
    finally:
        await views.close()
        await events.close()


if __name__ == "__main__":
    run_process("projector", run)
