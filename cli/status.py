"""`cqrs status`: what runs, where, and how far it is."""

import asyncio
import json
from http.client import HTTPException
from typing import Any
from urllib.request import urlopen

from rich.console import Console
from rich.table import Table

from cli.options import AsJson, Data
from cli.tables import plain_table
from stack.asking import ask_processes
from stack.folder import DEFAULT_FOLDER, DataFolder, StackState

TIMEOUT_SECONDS = 3.0
STATE_COLOURS = {"ready": "green", "killed": "red", "restarting": "red"}

Status = dict[str, Any]  # the addresses by name, `processes`, `views`


def status(*, as_json: AsJson = False, data: Data = DEFAULT_FOLDER) -> None:
    """Show addresses, processes, and how far the views are."""
    print_status(asyncio.run(read_status(DataFolder(data).running_state())), as_json=as_json)


async def read_status(state: StackState) -> Status:
    """`views` is empty while the gateway or what stands behind it is down."""
    return {
        **state.addresses,
        "processes": await ask_processes(state),
        "views": await _views(state.addresses.get("gateway") or ""),
    }


def print_status(status: Status, *, as_json: bool) -> None:
    if as_json:
        Console(soft_wrap=True, highlight=False).print(json.dumps(status, indent=2), markup=False)
        return
    console = Console(highlight=False)
    for name, value in status.items():
        if isinstance(value, str):
            console.print(f"[bold]{name:<12}[/bold]{value}")
    console.print(_processes_table(status["processes"]))
    console.print(_views_table(status["views"]) if status["views"] else "how far the views are is not known now")


async def _views(gateway_url: str) -> list[dict[str, Any]]:
    try:
        groups = (await asyncio.to_thread(_positions, gateway_url))["groups"]
    except (OSError, ValueError, HTTPException):
        return []
    return [{"name": name, "position": group["position"], "lag": group["lag"]} for name, group in groups.items()]


def _positions(gateway_url: str) -> dict[str, Any]:
    with urlopen(f"{gateway_url}/cqrs/ops/positions", timeout=TIMEOUT_SECONDS) as answer:
        return json.loads(answer.read())


def _processes_table(processes: list[dict[str, Any]]) -> Table:
    table = plain_table("process", "pid", "port", "state")
    for row in processes:
        colour = STATE_COLOURS.get(row["state"], "yellow")
        table.add_row(row["name"], str(row["pid"] or "-"), str(row["port"]), f"[{colour}]{row['state']}[/]")
    return table


def _views_table(views: list[dict[str, Any]]) -> Table:
    table = plain_table("views", "position", "lag")
    for row in views:
        table.add_row(row["name"], str(row["position"]), str(row["lag"]))
    return table
