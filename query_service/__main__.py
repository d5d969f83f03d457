"""Run the query service."""

from common.access.door import open_door
from common.config import Settings
from common.mongo import open_client
from common.paging.cursors import require_secret_key
from common.process import run_process
from common.web import serve
from query_service.app import make_query_app


async def run(settings: Settings) -> None:
    require_secret_key(settings)
    client = open_client(settings.views_url, name="query")
    log_client = open_client(settings.events_mongodb_url, name="query")
    views, events = client[settings.views_database], log_client[settings.events_database]
    try:
        door = await open_door(settings, takes_sealed=False)
        app = make_query_app(views, events, settings, door)
        await serve(app, settings.bind_host, settings.query_port)
    finally:
        await client.close()
        await log_client.close()


if __name__ == "__main__":
    run_process("query", run)
