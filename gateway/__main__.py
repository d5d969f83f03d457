"""Run the gateway."""

from common.access.door import open_door
from common.config import Settings
from common.process import run_process
from common.web import serve
from gateway.app import make_gateway_app
from gateway.certificate import tls_context


async def run(settings: Settings) -> None:
    tls = tls_context(settings.tls_cert, settings.tls_key)
    door = await open_door(settings, is_outer=True, takes_sealed=False)
    seconds = settings.command_deadline_seconds
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    addresses = {
        "commands": settings.command_url,
        "queries": settings.query_url,
        "projections": settings.projector_url,
        "monitoring": settings.monitor_url,
        "lab": settings.lab_url,
    }
    app = make_gateway_app(addresses, door, answer_seconds=seconds, origins=origins)
    await serve(app, settings.bind_host, settings.gateway_port, tls)


if __name__ == "__main__":
    run_process("gateway", run)
