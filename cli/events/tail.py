"""`cqrs events tail`: every commit as it happens, through the gateway."""

import asyncio
import signal
import time
from dataclasses import dataclass, field
from typing import Annotated

import orjson
import typer

from cli.events.display import counted, print_commit, print_heading
from cli.events.following import Following
from cli.gateway import Gateway, address_of, open_gateway
from cli.options import Address, Data
from stack.folder import DEFAULT_FOLDER


def tail(
    *,
    beginning: Annotated[
        str | None, typer.Option("--from", metavar="POSITION|TIME", help="Begin there; else with what comes.")
    ] = None,
    event_type: Annotated[list[str] | None, typer.Option("--type", help="Only such events; repeatable.")] = None,
    user: Annotated[int | None, typer.Option(min=1, help="Only about this user's orders and payments.")] = None,
    order: Annotated[str | None, typer.Option(metavar="ID", help="Only about this order.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one commit a line.")] = False,
    gateway: Address = "",
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Show every commit as it happens, until Ctrl-C.

    A gateway that is lost is asked again until it is back, and tells what was
    missed: nothing is left out, nothing is shown twice.
    """
    query = {
        **({"type": ",".join(event_type)} if event_type else {}),
        **({"user_id": str(user)} if user else {}),
        **({"order_id": order} if order else {}),
    }
    job = _Job(Following(address_of(gateway, data), query, _tell_loss), beginning, as_json=as_json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who is told to end says the same as with Ctrl-C
    try:
        asyncio.run(job.do())
    except KeyboardInterrupt:
        typer.echo(job.verdict(), err=as_json)


@dataclass(slots=True)
class _Job:
    following: Following
    beginning: str | None
    as_json: bool
    commits: int = 0
    events: int = 0
    started: float = field(default_factory=time.monotonic)

    async def do(self) -> None:
        async with open_gateway(self.following.url) as gateway:
            self.following.position = await _position_before(gateway, self.beginning)
        if not self.as_json:
            print_heading()
        async for commit in self.following.commits():
            self.commits += 1
            self.events += len(commit["events"])
            if self.as_json:
                typer.echo(orjson.dumps(commit).decode())
            else:
                print_commit(commit)

    def verdict(self) -> str:
        seconds = time.monotonic() - self.started
        lost = self.following.losses
        losses = f", the gateway was lost {counted(lost, 'time')} and nothing with it" if lost else ""
        said = f"{counted(self.commits, 'commit')} with {counted(self.events, 'event')} in {seconds:.0f} s{losses}"
        position = self.following.position
        return said if position is None else f"{said}; `cqrs events tail --from {position + 1}` goes on"


def _tell_loss() -> None:
    typer.echo("the gateway is lost; what happens meanwhile is shown when it is back", err=True)


async def _position_before(gateway: Gateway, beginning: str | None) -> int | None:
    """The position behind which to begin; None where nobody knows where the log ends, and nothing else was said."""
    if beginning is None:
        return (await gateway.positions())["head"]
    if beginning.isdecimal():
        return max(0, int(beginning) - 1)
    found = await gateway.ask("GET", "/cqrs/ops/events", {"from": beginning, "sort": "position", "limit": "1"})
    return found["data"][0]["position"] - 1 if found["data"] else (await gateway.positions())["head"]
