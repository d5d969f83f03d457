"""What may be asked of the lab over HTTP: one row per wish, with all that the contract tells of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from common.errors import NotFound
from common.values import Message
from stack.errors import StackError
from stack.lab.load import Load
from stack.lab.poison import mend, plant
from stack.lab.shown import LabProcess, LabState, Mended, Planted, SetLoad, SetSlow
from stack.lab.slowing import Slowing
from stack.supervisor import Supervisor


class Nothing(Message):
    """No body; one that is sent all the same is not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """The stack in which things are broken."""

    supervisor: Supervisor
    load: Load
    slowing: Slowing
    mongodb_url: str
    events_database: str
    starting: set[asyncio.Task[None]]


@dataclass(frozen=True, slots=True)
class LabRoute:
    method: str
    path: str
    name: str
    summary: str
    ask: Callable[[Lab, web.Request, Any], Awaitable[Any]]
    shown: Any
    body: type[Message] = Nothing


async def state(lab: Lab, _: web.Request, __: object) -> LabState:
    return {
        "processes": _processes(lab),
        "load_per_second": lab.load.per_second,
        "is_slow": lab.slowing.is_slow,
    }


async def set_load(lab: Lab, http: web.Request, wish: SetLoad) -> LabState:
    """Orders of ten products of the lab's own, by a thousand users; each is sent when it is due, whatever became of
    those before."""
    await lab.load.set(wish.per_second, http.headers.get("Authorization"))
    return await state(lab, http, wish)


async def set_slow(lab: Lab, http: web.Request, wish: SetSlow) -> LabState:
    """Four fifths of each second the projector stands still."""
    await lab.slowing.set(is_slow=wish.is_slow)
    return await state(lab, http, wish)


async def kill(lab: Lab, http: web.Request, _: object) -> LabProcess:
    """SIGKILL; it stays down until it is started, as with `cqrs process kill`."""
    name = _name(lab, http)
    await asyncio.shield(lab.supervisor.kill_process(name))
    return _process(lab, name)


async def start(lab: Lab, http: web.Request, _: object) -> LabProcess:
    """Answered at once; its state tells when it is ready."""
    name = _name(lab, http)
    task = asyncio.create_task(_start(lab, name))
    lab.starting.add(task)
    task.add_done_callback(lab.starting.discard)
    await asyncio.sleep(0)  # so that it has begun
    return _process(lab, name)


async def poison(lab: Lab, _: web.Request, __: object) -> Planted:
    """One commit of a new order, whose event has a schema that there is not: the order's document is parked."""
    return await plant(lab.mongodb_url, lab.events_database)


async def mend_poison(lab: Lab, _: web.Request, __: object) -> Mended:
    """All that was planted, by earlier runs, too, and nothing else; then have the documents retried."""
    return await mend(lab.mongodb_url, lab.events_database)


ROUTES = (
    LabRoute("GET", "/ops/lab", "GetLab", "What runs, and what is held up", state, LabState),
    LabRoute("PUT", "/ops/lab/load", "SetLoad", "Send orders", set_load, LabState, SetLoad),
    LabRoute("PUT", "/ops/lab/slow", "SetSlow", "Hold the projector up", set_slow, LabState, SetSlow),
    LabRoute("POST", "/ops/lab/processes/{name}/kill", "KillProcess", "Kill a process", kill, LabProcess),
    LabRoute("POST", "/ops/lab/processes/{name}/start", "StartProcess", "Start a process again", start, LabProcess),
    LabRoute("POST", "/ops/lab/poison", "PlantPoison", "Write what nobody can read", poison, Planted),
    LabRoute("POST", "/ops/lab/mend", "MendPoison", "Repair what was planted", mend_poison, Mended),
)


async def _start(lab: Lab, name: str) -> None:
    try:
        await lab.supervisor.start_process(name)
    except StackError:
        return  # it is killed again, and its log says why


def _processes(lab: Lab) -> list[LabProcess]:
    rows: list[Any] = lab.supervisor.processes()
    return [{"name": row["name"], "state": row["state"], "pid": row["pid"]} for row in rows]


def _process(lab: Lab, name: str) -> LabProcess:
    return next(row for row in _processes(lab) if row["name"] == name)


def _name(lab: Lab, http: web.Request) -> str:
    name, names = http.match_info["name"], [row["name"] for row in _processes(lab)]
    if name not in names:
        raise NotFound("unknown_process", f"This stack runs no process of this name; it runs {', '.join(names)}.")
    return name
