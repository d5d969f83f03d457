"""`cqrs projections reset`: has all views emptied in place and folded anew."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import aiohttp
import typer
from pymongo.asynchronous.database import AsyncDatabase
from rich.console import Console

from cli.data import open_views
from cli.options import Data
from common.read_models.storage import REQUESTS
from projector.requests.asking import REBUILD, request_rebuild
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER, DataFolder

POLL_SECONDS = 0.2
WAIT_SECONDS = 600.0


def reset(
    *,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Ask only; do not wait until the views are level again.")
    ] = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Empty all views in place and make them anew from the log. Meanwhile queries show what is there already.

    The way out when the views were made from another log; else `rebuild`, beside what is shown, is kinder.
    """
    asyncio.run(_reset(data, is_awaited=not no_wait))


async def _reset(data: Path, *, is_awaited: bool) -> None:
    console = Console(highlight=False)
    gateway = str(DataFolder(data).running_state().addresses["gateway"]) if is_awaited else ""
    async with open_views(data) as views:
        partitions = await request_rebuild(views)
        console.print(f"asked for {partitions} partitions to be made anew")
        if not (is_awaited and partitions):
            return
        started = time.monotonic()
        await _until_level(views, gateway)
        console.print(f"the views are level with the log again, after {time.monotonic() - started:.1f} s")


async def _until_level(views: AsyncDatabase, gateway: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
        while await views[REQUESTS].count_documents({"kind": REBUILD}) or await _lag(http, gateway) != 0:
            if time.monotonic() > deadline:
                raise StackError("the views are not level yet; is the projector running? `cqrs status` tells")
            await asyncio.sleep(POLL_SECONDS)


async def _lag(http: aiohttp.ClientSession, gateway: str) -> int | None:
    try:
        async with http.get(f"{gateway}/cqrs/ops/positions") as answer:
            return (await answer.json())["groups"]["views"]["lag"]
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError):
        return None
