"""Run the gateway."""

from common.config import Settings
from common.process import run_process
from common.web import serve
from gateway.app import make_gateway_app


async def run(settings: Settings) -> None:
    app = make_gateway_app(settings.command_url, settings.query_url, answer_seconds=settings.command_deadline_seconds)
    await serve(app, settings.bind_host, settings.gateway_port)


if __name__ == "__main__":
    run_process("gateway", run)
