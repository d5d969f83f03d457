"""One stack from its start to its end."""

import asyncio
import functools
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from yarl import URL

from common.access.actors import Role
from common.access.door import Door, open_door
from common.config import Settings
from common.errors import LeveretError
from stack.control import new_socket, remove_socket, serving
from stack.errors import StackError
from stack.folder import DataFolder, StackState
from stack.lab.app import serving_lab
from stack.lab.load import Load
from stack.lab.routes import Lab
from stack.lab.slowing import Slowing
from stack.orphans import born
from stack.output import Output
from stack.plan import Plan, make_plan
from stack.ports import LOOPBACK
from stack.sample import stock_sample
from stack.stopping import clean_up_after_crash
from stack.supervisor import Supervisor
from stack.tokens import issue, public_keys

SAMPLE_SECONDS = 600.0  # until then the stack has started, or will not
Sample = Callable[[str], Awaitable[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for."""

    data: Path
    is_fresh: bool = False
    has_sample: bool = True
    has_auth: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What the user is told when the stack is ready."""

    data: str
    addresses: dict[str, str | None]
    notes: list[str]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """Everything one run needs."""

    folder: DataFolder
    output: Output
    plan: Plan
    socket: Path  # for the other commands
    door: Door  # of the lab
    events_database: str


async def run_stack(
    wish: Wish,
    settings: Settings,
    environ: Mapping[str, str],
    console: Console | None,
    on_ready: Callable[[Ready], None],
) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP; leave no process behind. Raise StackError when it cannot start."""
    folder = DataFolder(wish.data)
    folder.create()
    with folder.locked():
        clean_up_after_crash(folder)
        if wish.is_fresh:
            folder.delete_databases()
        output = Output(folder.logs, console)
        environ = _with_auth(folder, environ) if wish.has_auth else environ
        scene = _Scene(
            folder=folder,
            output=output,
            door=await _door(settings, environ),
            plan=make_plan(folder, settings, environ, output),
            socket=new_socket(),
            events_database=settings.events_database,
        )
        try:
            await _run_scene(scene, on_ready, sample=_sample(wish, folder, settings))
        finally:
            remove_socket(scene.socket)
            folder.forget_state()
            for claim in scene.plan.claims:
                claim.close()


def _with_auth(folder: DataFolder, environ: Mapping[str, str]) -> dict[str, str]:
    return {"AUTH_KEYS": str(public_keys(folder))} | dict(environ) | {"AUTH": "on"}


async def _door(settings: Settings, environ: Mapping[str, str]) -> Door:
    """As the services of this stack have it."""
    if (environ.get("AUTH") or "off") == "off":
        return Door(None)
    given = {"auth": "on", "auth_keys": environ.get("AUTH_KEYS", ""), "bind_host": LOOPBACK}
    try:
        return await open_door(settings.model_copy(update=given), takes_sealed=False)
    except LeveretError as error:
        raise StackError(error.detail) from error


def _sample(wish: Wish, folder: DataFolder, settings: Settings) -> Sample | None:
    """Puts the sample product in stock, in the name of the stack."""
    if not wish.has_sample:
        return None
    if not wish.has_auth:
        return stock_sample
    token = issue(folder, settings, role=Role.ADMIN, name="stack", user_id=None, seconds=SAMPLE_SECONDS)
    return functools.partial(stock_sample, token=token)


async def _run_scene(scene: _Scene, on_ready: Callable[[Ready], None], *, sample: Sample | None) -> None:
    began = time.monotonic()
    stop_wanted = _stop_signals()
    supervisor = Supervisor(scene.plan.table, say=scene.output.say, on_change=lambda: _record(scene, supervisor))
    _record(scene, supervisor)
    try:
        async with serving(supervisor, scene.socket), _serving_lab(scene, supervisor):
            if not await _unless_stopped(supervisor.start(), stop_wanted):
                return
            notes = [*scene.plan.notes]
            if sample:
                notes += filter(None, [await sample(scene.plan.addresses["gateway"] or "")])
            seconds = time.monotonic() - began
            on_ready(Ready(data=str(scene.folder.path), addresses=scene.plan.addresses, notes=notes, seconds=seconds))
            await stop_wanted.wait()
    finally:
        await supervisor.stop()


def _serving_lab(scene: _Scene, supervisor: Supervisor) -> AbstractAsyncContextManager[None]:
    addresses = scene.plan.addresses
    lab = Lab(
        supervisor=supervisor,
        load=Load(addresses["gateway"] or ""),
        slowing=Slowing(supervisor),
        mongodb_url=addresses["mongodb"] or "",
        events_database=scene.events_database,
        starting=set(),
    )
    return serving_lab(lab, scene.door, URL(addresses["lab"] or "").port or 0)


def _record(scene: _Scene, supervisor: Supervisor) -> None:
    scene.folder.write_state(
        StackState(
            supervisor_pid=os.getpid(),
            supervisor_born=born(os.getpid()) or "",
            control_socket=str(scene.socket),
            addresses=scene.plan.addresses,
            children=[(pid, birth) for pid in supervisor.pids() if (birth := born(pid))],
        )
    )


def _stop_signals() -> asyncio.Event:
    stop_wanted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop_wanted.set)
    return stop_wanted


async def _unless_stopped(work: Coroutine[Any, Any, None], stop_wanted: asyncio.Event) -> bool:
    """True when the work was done; False when it was broken off because the user wants to stop."""
    working = asyncio.create_task(work)
    waiting = asyncio.create_task(stop_wanted.wait())
    await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait([working])
        return False
    await working
    return True
