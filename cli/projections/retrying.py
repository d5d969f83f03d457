"""`cqrs projections retry` and `skip`: parked documents are folded again, and what came of it is said in one line."""

import asyncio
import getpass
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pymongo.asynchronous.database import AsyncDatabase

from cli.data import an_event_log, open_views
from cli.options import Data
from cli.projections.parked import Code, Key, Name, NameIfAny
from cli.projections.parked_display import show_verdict
from common.read_models.shapes import ReadModel
from common.read_models.storage import REQUESTS
from projector.generations.known import model_called
from projector.requests.parked import key_called, keys_parked, models_called
from projector.requests.retrying import request_retries, request_retry, retry_id
from projector.requests.skipping import Why, request_skip
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER

POLL_SECONDS = 0.1
SILENT_SECONDS = 30.0  # without anything happening: nobody is there to do it
DocumentId = tuple[str, str | int]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Ask only; do not wait until it is done.")]


def retry(
    name: NameIfAny = None,
    key: Annotated[str | None, typer.Argument(help="The order's or the product's id")] = None,
    *,
    code: Code = None,
    every: Annotated[bool, typer.Option("--all", help="Whatever is parked, of this projection or of all.")] = False,
    no_wait: NoWait = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Fold parked documents again from the log, after what parked them was repaired: one, those with an error, or all.

    Exit code 1 if some of them are still parked.
    """
    if sum([key is not None, code is not None, every]) != 1:
        raise StackError("say which: NAME KEY, --code CODE, or --all")
    asyncio.run(_retry(data, name, key, code, is_awaited=not no_wait))


def skip(
    name: Name,
    key: Key,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept for good, with your name.")],
    no_wait: NoWait = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Let a document pass over the commit that parks it, for good, and fold it again."""
    asyncio.run(_skip(data, name, key, _checked(reason), is_awaited=not no_wait))


def _checked(reason: str) -> str:
    """As over HTTP."""
    try:
        return TypeAdapter[str](Why, config=ConfigDict(strict=True)).validate_python(reason)
    except ValidationError as error:
        raise StackError(f"the reason: {error.errors()[0]['msg']}") from error


async def _retry(data: Path, name: str | None, key: str | None, code: str | None, *, is_awaited: bool) -> None:
    async with open_views(data) as views:
        models = models_called(name)
        if key is None:
            before = await keys_parked(views, models, code)
            asked = await request_retries(views, models, code)
        else:
            document_id = key_called(models[0], key)
            before = [(models[0].collection, document_id)]
            asked = [await request_retry(views, models[0], document_id)]
        await _tell(views, models, before, asked, is_awaited=is_awaited)


async def _skip(data: Path, name: str, key: str, reason: str, *, is_awaited: bool) -> None:
    async with open_views(data) as views, an_event_log(data) as event_log:
        model = model_called(name)
        document_id = key_called(model, key)
        decided = await request_skip(views, event_log, model, document_id, reason=reason, actor=_who())
        typer.echo(f"{name} {key} passes over position {decided['position']} from now on: {decided['reason']}")
        before, asked = [(model.collection, document_id)], [retry_id(model, document_id)]
        await _tell(views, [model], before, asked, is_awaited=is_awaited)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return "somebody"


async def _tell(
    views: AsyncDatabase,
    models: Sequence[ReadModel[Any]],
    before: Collection[DocumentId],
    asked: Sequence[str],
    *,
    is_awaited: bool,
) -> None:
    """Exit with 1 when some of those that were parked before still are."""
    if not is_awaited:
        typer.echo(f"asked for {len(before)}; `cqrs projections parked` tells what is still parked")
        return
    await _until_done(views, asked)
    now = await keys_parked(views, models)
    still = Counter(now[document_id] for document_id in before if document_id in now)
    show_verdict(len(before) - still.total(), still)
    raise typer.Exit(1 if still else 0)


async def _until_done(views: AsyncDatabase, asked: Sequence[str]) -> None:
    loop = asyncio.get_running_loop()
    seen: list[Any] = []
    seen_at = loop.time()
    while left := await views[REQUESTS].find({"_id": {"$in": asked}}, sort=[("_id", 1)]).to_list():
        if left != seen:
            seen, seen_at = left, loop.time()
        elif loop.time() - seen_at > SILENT_SECONDS:
            raise StackError("nobody folds them again; does a projector run? `cqrs status` tells")
        await asyncio.sleep(POLL_SECONDS)
