"""Our own services as processes, as an operator would start them, on databases that belong to one measurement."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
from pymongo import AsyncMongoClient

from bench.servers import Servers
from stack.ports import LOOPBACK, free_ports
from stack.process import Program, spawn, until_ready

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 60.0
STOP_SECONDS = 15.0
ANSWER_SECONDS = 10.0

MODULES = {  # name of a process -> (module, setting of its port)
    "command": ("command_service", "COMMAND_PORT"),
    "command-2": ("command_service", "COMMAND_PORT"),
    "command-3": ("command_service", "COMMAND_PORT"),
    "command-4": ("command_service", "COMMAND_PORT"),
    "projector": ("projector", "PROJECTOR_PORT"),
    "projector-2": ("projector", "PROJECTOR_PORT"),
    "projector-3": ("projector", "PROJECTOR_PORT"),
    "projector-4": ("projector", "PROJECTOR_PORT"),
    "saga": ("command_service.sagas", "SAGA_PORT"),
    "query": ("query_service", "QUERY_PORT"),
    "gateway": ("gateway", "GATEWAY_PORT"),
}


@dataclass(slots=True, kw_only=True)
class System:
    """The services that run now."""

    environment: dict[str, str]
    ports: dict[str, int]
    log_folder: Path
    http: aiohttp.ClientSession
    programs: dict[str, Program] = field(default_factory=dict)

    @property
    def pids(self) -> dict[str, int]:
        return {name: program.pid for name, program in self.programs.items()}

    async def start(self, name: str) -> None:
        """Start one process and wait until it says that it is ready."""
        module, port_setting = MODULES[name]
        port = self.ports[name]
        lines = (self.log_folder / f"{name}.log").open("a", encoding="utf-8")
        environment = self.environment | {port_setting: str(port)}
        program = await spawn(
            [sys.executable, "-m", module],
            env=environment,
            cwd=ROOT,
            on_line=lambda line: print(line, file=lines, flush=True),
        )
        self.programs[name] = program
        await until_ready(name, program, lambda: self._is_ready(port), timeout_seconds=READY_SECONDS)

    async def end(self, name: str) -> None:
        await self.programs.pop(name).stop(timeout_seconds=STOP_SECONDS)

    async def stop(self) -> None:
        for program in reversed(self.programs.values()):
            await program.stop(timeout_seconds=STOP_SECONDS)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """One command to the first command service; anything but 2xx is the end of the measurement."""
        async with self.http.post(f"http://{LOOPBACK}:{self.ports['command']}{path}", json=body) as answer:
            if not answer.ok:
                raise RuntimeError(f"POST {path} answered {answer.status}: {await answer.text()}")
            return await answer.json()

    async def get(self, name: str, path: str) -> dict[str, Any]:
        async with self.http.get(f"http://{LOOPBACK}:{self.ports[name]}{path}") as answer:
            if not answer.ok:
                raise RuntimeError(f"GET {path} answered {answer.status}: {await answer.text()}")
            return await answer.json()

    async def positions(self) -> dict[str, Any]:
        return await self.get("gateway", "/cqrs/ops/positions")

    async def _is_ready(self, port: int) -> bool:
        try:
            async with self.http.get(f"http://{LOOPBACK}:{port}/readyz") as answer:
                return answer.ok
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False


@asynccontextmanager
async def running(
    names: tuple[str, ...],
    *,
    servers: Servers,
    database: str,
    relay: bool,
    folder: Path,
    settings: Mapping[str, str] = MappingProxyType({}),
    bearer: str = "",
) -> AsyncIterator[System]:
    """Start these processes in this order on fresh databases; stop them and drop the databases at the end.

    `bearer` is the token that the System itself shows.
    """
    ports = dict(zip(MODULES, free_ports(len(MODULES)), strict=True))
    environment = _environment(servers, database, ports, relay=relay) | dict(settings)
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    await drop_databases(servers.mongodb_url, database)
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as http:
        system = System(environment=environment, ports=ports, log_folder=folder, http=http)
        try:
            for name in names:
                await system.start(name)
            yield system
        finally:
            await system.stop()
            await asyncio.shield(drop_databases(servers.mongodb_url, database))


def _environment(servers: Servers, database: str, ports: Mapping[str, int], *, relay: bool) -> dict[str, str]:
    return os.environ | {
        "AUTH": "off",
        "EVENTS_MONGODB_URL": servers.mongodb_url,
        "VIEWS_MONGODB_URL": servers.mongodb_url,
        "EVENTS_DATABASE": f"{database}_events",
        "VIEWS_DATABASE": f"{database}_views",
        "AMQP_URL": servers.amqp_url,
        "RELAY": str(relay).lower(),
        "COMMAND_URL": f"http://{LOOPBACK}:{ports['command']}",
        "QUERY_URL": f"http://{LOOPBACK}:{ports['query']}",
        "LOG_LEVEL": "warning",
        "PYTHONUNBUFFERED": "1",
    }


async def drop_databases(mongodb_url: str, database: str) -> None:
    async with AsyncMongoClient(mongodb_url) as client:
        await client.drop_database(f"{database}_events")
        await client.drop_database(f"{database}_views")
