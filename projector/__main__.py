"""Run the projector: the feed of the group `views` into the view writer, with health and metrics over HTTP."""

import sys
from uuid import uuid4

import structlog
import uvloop

from common.config import Settings
from common.envelope import Seal
from common.errors import ForeignLog
from common.feed import Feed
from common.leases import Leases
from common.log import open_log
from common.logs import configure
from common.mongo import open_client
from common.tasks import patiently
from common.web import add_operations, make_app, serve_beside
from projector.writer import GROUP, ViewWriter

REFUSED = 3  # exit code: the checkpoints belong to another log

log = structlog.get_logger(__name__)


async def run(settings: Settings) -> int:
    """Serve until told to stop; return the process's exit code."""
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
        ViewWriter(views[settings.views_database], event_log),
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
    except ForeignLog as error:
        log.critical("refused", reason=error.detail)
        return REFUSED
    finally:
        await views.close()
        await events.close()
    return 0


def main() -> None:
    settings = Settings()
    configure(settings, "projector")
    sys.exit(uvloop.run(run(settings)))


if __name__ == "__main__":
    main()
