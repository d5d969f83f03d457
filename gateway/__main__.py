"""Run the gateway."""

import uvloop

from common.config import Settings
from common.logs import configure
from common.web import serve
from gateway.app import make_gateway_app


def main() -> None:
    settings = Settings()
    configure(settings, "gateway")
    uvloop.run(
        serve(make_gateway_app(settings.command_url, settings.query_url), settings.bind_host, settings.gateway_port)
    )


if __name__ == "__main__":
    main()
