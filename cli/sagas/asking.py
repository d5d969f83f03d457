"""`cqrs sagas`: which stand still and why, each step of one, and to have one folded again from the log."""

import asyncio
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.gateway import address_of, ask
from cli.options import Address, AsJson, Cursor, Data, Limit
from cli.sagas.display import print_saga, print_sagas, verdict
from cli.tables import print_json
from stack.folder import DEFAULT_FOLDER

Saga = Annotated[str, typer.Argument(help="order_fulfilment, product_onboarding …")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Its own, or the order's or the product's")]


class State(StrEnum):
    RUNNING = "running"
    STUCK = "stuck"
    OVER = "over"


def list_sagas(
    *,
    state: Annotated[State | None, typer.Option(help="Only such; else all.")] = None,
    saga: Annotated[str | None, typer.Option(metavar="SAGA", help="Only of this kind, like order_fulfilment.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
    gateway: Address = "",
    data: Data = DEFAULT_FOLDER,
) -> None:
    """List sagas, those that are stuck first, with what each waits for or why it stands still."""
    wanted = {"state": state and str(state), "saga": saga, "cursor": cursor, "limit": str(limit)}
    query = {name: value for name, value in wanted.items() if value}
    found = asyncio.run(ask(address_of(gateway, data), "GET", "/cqrs/ops/sagas", query))
    if as_json:
        return print_json(found)
    if found["data"]:
        print_sagas(found["data"])
    return typer.echo(verdict(found, state))


def show(
    saga: Saga, saga_id: Id, *, as_json: AsJson = False, gateway: Address = "", data: Data = DEFAULT_FOLDER
) -> None:
    """Show one saga: each step, what came of it, and what it waits for."""
    found = _ask("GET", saga, saga_id, "", address_of(gateway, data))
    print_json(found) if as_json else print_saga(found)


def retry(
    saga: Saga, saga_id: Id, *, as_json: AsJson = False, gateway: Address = "", data: Data = DEFAULT_FOLDER
) -> None:
    """Fold a saga again from the log, after what stopped it was repaired. What was done is not done again."""
    found = _ask("POST", saga, saga_id, "/retry", address_of(gateway, data))
    if as_json:
        print_json(found)
    else:
        typer.echo(f"asked; `cqrs sagas show {saga} {saga_id}` tells whether it goes on")


def _ask(method: str, saga: str, saga_id: str, rest: str, address: str) -> Any:
    path = f"/cqrs/ops/sagas/{quote(saga, safe='')}/{quote(saga_id, safe=':')}{rest}"
    return asyncio.run(ask(address, method, path))
