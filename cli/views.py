"""`cqrs views`: asks the projector to fold views again, and shows which documents stand still."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import aiohttp
import typer
from pymongo.asynchronous.database import AsyncDatabase
from rich.console import Console

from cli.data import Data, with_database
from common.config import Settings
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
    asyncio.run(_with_views(data, lambda views: _rebuild(views, None if no_wait else _gateway(data))))


def parked(data: Data = DEFAULT_FOLDER) -> None:
    """List the documents that stand still, and why."""
    asyncio.run(_with_views(data, _show_parked))


def retry(
    collection: Annotated[str, typer.Argument(help="orders or inventory")],
    key: Annotated[str, typer.Argument(help="The order's or the product's id")],
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Fold one document again from the log, after what parked it was repaired."""
    asyncio.run(_with_views(data, lambda views: _retry(views, collection, key)))


async def _with_views(data: Any, do: Callable[[AsyncDatabase], Awaitable[None]]) -> None:
    await with_database(data, Settings().views_database, ("VIEWS_MONGODB_URL", "EVENTS_MONGODB_URL"), do)


def _gateway(data: Any) -> str:
    return str(DataFolder(data).running_state().addresses["gateway"])


async def _rebuild(views: AsyncDatabase, gateway: str | None) -> None:
    console = Console(highlight=False)
    partitions = await request_rebuild(views)
    console.print(f"asked for {partitions} partitions to be made anew")
    if gateway and partitions:
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


async def _show_parked(views: AsyncDatabase) -> None:
    console = Console(highlight=False, soft_wrap=True)
    found = False
    for model in READ_MODELS:
        async for document in views[model.collection].find({"parked": {"$exists": True}}).limit(SHOWN_PARKED):
            why, found = document["parked"], True
            console.print(f"{model.collection} {document['_id']}  {why['code']} at position {why['position']}")
            console.print(f"    {why['detail']}", markup=False)
    if not found:
        console.print("nothing is parked")


async def _retry(views: AsyncDatabase, collection: str, key: str) -> None:
    model = next((model for model in READ_MODELS if model.collection == collection), None)
    if model is None:
        raise StackError(
            f"there is no read model {collection}; take one of {', '.join(m.collection for m in READ_MODELS)}"
        )
    try:
        document_id = model.key(key)
    except ValueError as error:
        raise StackError(f"{key} cannot be a key of {collection}") from error
    if not await request_retry(views, collection, document_id):
        raise StackError(f"{collection} has no document {key}")
    Console(highlight=False).print("asked; `cqrs views parked` tells whether it moves again")
