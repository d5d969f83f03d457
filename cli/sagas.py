"""`cqrs sagas`: shows the sagas that stand still, and asks for one to be folded again from the log."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.data import Data, open_events
from command_service.sagas.retrying import request_retry
from common.read_models.storage import SAGAS
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER

SHOWN_SAGAS = 100


class State(StrEnum):
    RUNNING = "running"
    STUCK = "stuck"
    OVER = "over"


def show(
    *, state: Annotated[State, typer.Option(help="Which ones to show.")] = State.STUCK, data: Data = DEFAULT_FOLDER
) -> None:
    """List the sagas in a state, with the reason; those first that have not moved for longest."""
    asyncio.run(_show(data, state))


def retry(
    saga_id: Annotated[str, typer.Argument(metavar="ID", help="The order's id, or product_onboarding:456")],
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Fold a saga again from the log, after what stopped it was repaired. What was done is not done again."""
    asyncio.run(_retry(data, saga_id))


async def _show(data: Path, state: State) -> None:
    console = Console(highlight=False, soft_wrap=True)
    wanted = {"state_word": str(state)}
    async with open_events(data) as log:
        async for saga in log[SAGAS].find(wanted, sort=[("updated_at", 1)]).limit(SHOWN_SAGAS):
            console.print(f"{saga['_id']}  last moved {saga['updated_at']:%Y-%m-%d %H:%M:%S} UTC")
            console.print(f"    {_why(saga)}", markup=False)
        count = await log[SAGAS].count_documents(wanted)
    if count == 0:
        console.print(f"no saga is {state}")
    elif count > SHOWN_SAGAS:
        console.print(f"and {count - SHOWN_SAGAS} more")


def _why(saga: dict[str, Any]) -> str:
    if saga["trouble"]:
        return saga["trouble"]
    if saga["is_open"]:
        return "asks for " + ", ".join(step["want"]["step"] for step in saga["steps"] if not step["outcome"])
    if saga["waits_for"]:
        return f"waits for {saga['waits_for']}"
    return saga["state"].get("status") or saga["state_word"]


async def _retry(data: Path, saga_id: str) -> None:
    async with open_events(data) as log:
        is_known = await request_retry(log, saga_id)
    if not is_known:
        raise StackError(f"there is no saga {saga_id}; its id is its order's, or like product_onboarding:456")
    Console(highlight=False).print("asked; `cqrs sagas list` tells whether it goes on")
