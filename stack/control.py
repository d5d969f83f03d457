"""What the stack that runs answers the other `cqrs` commands: HTTP on a Unix socket only we may open."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from stack.errors import StackError
from stack.supervisor import Supervisor

LONGEST_FOLDER = 80  # characters; the path of a Unix socket has at most 107
SHORT_FOLDER = "/tmp"


def new_socket() -> Path:
    """A path for the socket in a new folder of our own, short enough wherever the data folder is."""
    folder = tempfile.gettempdir()
    return (
        Path(tempfile.mkdtemp(prefix="leveret-", dir=folder if len(folder) <= LONGEST_FOLDER else SHORT_FOLDER)) / "s"
    )


def remove_socket(socket: Path) -> None:
    """Also one that a crashed stack has left; anything that `new_socket` did not make is left alone."""
    if socket.parent.name.startswith("leveret-"):
        shutil.rmtree(socket.parent, ignore_errors=True)


@asynccontextmanager
async def serving(supervisor: Supervisor, socket: Path) -> AsyncIterator[None]:
    runner = web.AppRunner(_app(supervisor), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(socket)).start()
        yield
    finally:
        await runner.cleanup()


def _app(supervisor: Supervisor) -> web.Application:
    async def processes(_request: web.Request) -> web.Response:
        return web.json_response({"result": supervisor.processes()})

    async def kill(request: web.Request) -> web.Response:
        await asyncio.shield(supervisor.kill_process(request.match_info["name"]))
        return web.json_response({"result": None})

    async def start(request: web.Request) -> web.Response:
        await asyncio.shield(supervisor.start_process(request.match_info["name"]))
        return web.json_response({"result": None})

    app = web.Application(middlewares=[_say_no])
    app.add_routes(
        [
            web.get("/processes", processes),
            web.post("/processes/{name}/kill", kill),
            web.post("/processes/{name}/start", start),
        ]
    )
    return app


@web.middleware
async def _say_no(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        return await handler(request)
    except StackError as error:
        return web.json_response({"error": str(error)}, status=409)
