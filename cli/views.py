"""`cqrs views`: asks the projector to fold views again, and shows which documents stand still."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import aiohttp
import typer
from pymongo.asynchronous.database import AsyncDatabase
from rich.console import Console

from cli.data import Data, open_views
from common.read_models import READ_MODELS
from common.read_models.storage import REQUESTS
from projector.rebuild import request_rebuild, request_retry
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER, DataFolder

POLL_SECONDS = 0.2
WAIT_SECONDS = 600.0
SHOWN_PARKED = 100


def rebuild(
    *,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Ask only; do not wait until the views are level again.")
    ] = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Empty the views and make them anew from the log. Meanwhile queries show what is there already."""
    asyncio.run(_rebuild(data, is_awaited=not no_wait))


def parked(data: Data = DEFAULT_FOLDER) -> None:
    """List the documents that stand still, and why."""
    asyncio.run(_show_parked(data))


def retry(
    collection: Annotated[str, typer.Argument(help="orders or inventory")],
    key: Annotated[str, typer.Argument(help="The order's or the product's id")],
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Fold one document again from the log, after what parked it was repaired."""
    asyncio.run(_retry(data, collection, key))


async def _rebuild(data: Path, *, is_awaited: bool) -> None:
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
        while await views[REQUESTS].count_documents({"kind": "rebuild"}) or await _lag(http, gateway) != 0:
            if time.monotonic() > deadline:
                raise StackError("the views are not level yet; is the projector running? `cqrs status` tells")
            await asyncio.sleep(POLL_SECONDS)


async def _lag(http: aiohttp.ClientSession, gateway: str) -> int | None:
    try:
        async with http.get(f"{gateway}/cqrs/ops/positions") as answer:
            return (await answer.json())["groups"]["views"]["lag"]
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError):
        return None


async def _show_parked(data: Path) -> None:
    console = Console(highlight=False, soft_wrap=True)
    found = False
    async with open_views(data) as views:
        for model in READ_MODELS:
            async for document in views[model.collection].find({"parked": {"$exists": True}}).limit(SHOWN_PARKED):
                why, found = document["parked"], True
                console.print(f"{model.collection} {document['_id']}  {why['code']} at position {why['position']}")
                console.print(f"    {why['detail']}", markup=False)
    if not found:
        console.print("nothing is parked")


async def _retry(data: Path, collection: str, key: str) -> None:
    model = next((model for model in READ_MODELS if model.collection == collection), None)
    if model is None:
        raise StackError(
            f"there is no read model {collection}; take one of {', '.join(m.collection for m in READ_MODELS)}"
        )
    try:
        document_id = model.key(key)
    except ValueError as error:
        raise StackError(f"{key} cannot be a key of {collection}") from error
    async with open_views(data) as views:
        is_known = await request_retry(views, collection, document_id)
    if not is_known:
        raise StackError(f"{collection} has no document {key}")
    Console(highlight=False).print("asked; `cqrs views parked` tells whether it moves again")
