"""Run the projector: the feed of the group `views` into the view writer; over HTTP what those who operate it ask."""

from common.access.door import open_door
from common.config import Settings
from common.group_feed import feed_of
from common.log import open_log
from common.mongo import open_client
from common.process import run_process
from common.tasks import patiently, supervised, together
from common.web import add_operations, make_app, serve_beside
from projector.generations.keeper import Keeper
from projector.generations.known import GROUP
from projector.operations import add_projections
from projector.verification.verifier import Verifier
from projector.writer import ViewWriter


async def run(settings: Settings) -> None:
    """Serve until told to stop."""
    events = open_client(settings.events_mongodb_url, name="projector")
    views = open_client(settings.views_url, name="projector")
    event_log = await patiently(lambda: open_log(events[settings.events_database], partitions=settings.partitions))
    database = views[settings.views_database]
    writer = ViewWriter(database, event_log, partitions=event_log.info.partitions)
    feed = feed_of(GROUP, event_log, writer, database, settings)
    keeper = Keeper(database, event_log.info.id, lease_seconds=settings.lease_seconds)

    partitions = event_log.info.partitions
    verifier = Verifier(event_log.database, database, lambda: feed.held, partitions, settings)
    works = [feed.run(), keeper.run()]
    if settings.verify_seconds:
        works.append(supervised("verifier", verifier.run))

    async def ready() -> dict[str, bool]:
        return {"holds_partitions": bool(feed.held)}

    app = make_app(await open_door(settings), name="projector")
    add_operations(app, ready)
    add_projections(app, database, event_log)
    try:
        await serve_beside(app, settings.bind_host, settings.projector_port, together(*works))
    finally:
        await views.close()
        await events.close()


if __name__ == "__main__":
    run_process("projector", run)
