"""An application of ours, served in this process as its own process would."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from common.web import ProblemRunner


@dataclass(frozen=True, slots=True)
class Served:
    runner: ProblemRunner

    @property
    def port(self) -> int:
        return self.runner.addresses[0][1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def served(app: web.Application, **settings: Any) -> AsyncIterator[Served]:
    """`settings` go to the runner."""
    runner = ProblemRunner(app, access_log=None, **settings)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Served(runner)
    finally:
        await runner.cleanup()
