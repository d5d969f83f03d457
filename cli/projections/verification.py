"""`cqrs projections verify`: whether read models are what the log makes of them."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import asdict
from pymongo.asynchronous.database import AsyncDatabase

from cli.data import open_events, open_views
from cli.options import AsJson, Data
from cli.projections.verification_display import progress_of, show_verification
from common.errors import NotFound
from common.log import open_log_as_it_is
from common.read_models import READ_MODELS
from common.read_models.shapes import ReadModel
from projector.generations.known import model_called
from projector.verification.full import FullVerification, Verdict
from projector.verification.moment import NotNow
from projector.verification.sample import THOROUGH, verify_sample
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER


def verify_projections(
    name: Annotated[str | None, typer.Argument(help="orders, inventory or products; else all of them")] = None,
    *,
    full: Annotated[bool, typer.Option("--full", help="Every document and every sum; else some.")] = False,
    as_json: AsJson = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Compare read models with the log while all goes on; exit code 1 where something differs."""
    verdicts = asyncio.run(_verify(data, _models(name), is_full=full, is_quiet=as_json))
    if as_json:
        told = [asdict(verdict) | {"is_identical": verdict.is_identical} for verdict in verdicts]
        typer.echo(json.dumps({"data": told}, default=str))
    else:
        show_verification(verdicts)
    raise typer.Exit(0 if all(verdict.is_identical for verdict in verdicts) else 1)


def _models(name: str | None) -> tuple[ReadModel[Any], ...]:
    try:
        return (model_called(name),) if name else READ_MODELS
    except NotFound as error:
        raise StackError(error.detail) from error


async def _verify(data: Path, models: tuple[ReadModel[Any], ...], *, is_full: bool, is_quiet: bool) -> list[Verdict]:
    async with open_events(data) as events, open_views(data) as views:
        if await open_log_as_it_is(events) is None:
            raise StackError("there is no log here yet; the first command service makes it")
        try:
            return [await _verified(events, views, model, is_full=is_full, is_quiet=is_quiet) for model in models]
        except NotNow as error:
            raise StackError(str(error)) from error


async def _verified(
    events: AsyncDatabase, views: AsyncDatabase, model: ReadModel[Any], *, is_full: bool, is_quiet: bool
) -> Verdict:
    total = await events["commits"].estimated_document_count() if is_full else THOROUGH.pages
    with progress_of(model.collection, total, is_quiet=is_quiet) as tell:
        if is_full:
            return await FullVerification(events, views, model, tell).run()
        return await verify_sample(events, views, model, tell)
