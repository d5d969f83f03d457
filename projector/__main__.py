"""Run the projector: the feed of the group `views` into the view writer, with health and metrics over HTTP."""

from common.config import Settings
from common.group_feed import feed_of
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
    database = views[settings.views_database]
    writer = ViewWriter(database, event_log, partitions=event_log.info.partitions)
    feed = feed_of(GROUP, event_log, writer, database, settings)

    async def ready() -> dict[str, bool]:
        return {"holds_partitions": bool(feed.held)}

    app = make_app(name="projector")
    add_operations(app, ready)
    try:
        await serve_beside(app, settings.bind_host, settings.projector_port, feed.run())
    finally:
        await views.close()
        await events.close()


if __name__ == "__main__":
    run_process("projector", run)
