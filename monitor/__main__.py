"""Run the monitor: looks at all services every few seconds; over HTTP what it saw."""

from common.access.door import open_door
from common.config import Settings
from common.mongo import open_client
from common.process import run_process
from common.tasks import supervised
from common.web import serve_beside
from monitor.app import make_monitor_app
from monitor.history import History
from monitor.routes import Seen
from monitor.scraping import targets_of
from monitor.watching import Watch


async def run(settings: Settings) -> None:
    """Serve until told to stop."""
    targets = targets_of(settings)
    door = await open_door(settings, takes_sealed=False)
    async with open_client(settings.views_url, name="monitor") as client:
        history = History(client[settings.views_database])
        watch = Watch(history, targets, seconds=settings.sample_seconds)

        async def ready() -> dict[str, bool]:
            return {"has_looked": bool(watch.samples)}

        seen = Seen(
            watch=watch,
            history=history,
            management_url=next((str(management.url).rstrip("/") for management in targets.managements), None),
        )
        app = make_monitor_app(seen, door, ready)
        await serve_beside(app, settings.bind_host, settings.monitor_port, supervised("watch", watch.run))


if __name__ == "__main__":
    run_process("monitor", run)
