"""The services as real processes on given servers, for tests that speak to them over HTTP and kill them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import orjson

from stack.ports import free_ports
from stack.process import Program, spawn
from tests.support.nursery import bear, can_bear

ROOT = Path(__file__).parents[2]
SERVICES = {
    "command": "command_service",
    "projector": "projector",
    "query": "query_service",
    "gateway": "gateway",
    "payments": "payments",
    "saga": "command_service.sagas",
}
MODULES = SERVICES | {"relay": "command_service.relay", "monitor": "monitor"}  # those that only some tests start
WITHOUT_SAGAS = ("command", "projector", "query", "gateway")  # where orders stay as they were placed
READY_SECONDS = 40.0
SETTLED_SECONDS = 60.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.05
LAST_LINES = 25  # of each service's log, shown when a test fails
_running: list["System"] = []
MESSAGE_KEY = "a key for tests"


async def until(fact: Callable[[], Awaitable[bool]], *, seconds: float, what: str) -> None:
    """Wait for a fact; fail with `what` when it does not become true in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await fact():
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(POLL_SECONDS)


class System:
    """One set of services; extra processes of a service get a number behind its name: `projector2`."""

    def __init__(self, mongodb_url: str, amqp_url: str, folder: Path, *, home: Path = ROOT, **settings: str) -> None:
        """Its programs are those of `home`."""
        name = f"test_{uuid4().hex[:12]}"
        self.folder, self.home = folder, home
        self.events_database, self.views_database = f"{name}_events", f"{name}_views"
        self._ports = dict(zip(MODULES, free_ports(len(MODULES)), strict=True))
        self._programs: dict[str, Program] = {}
        self.module_of = dict(MODULES)  # which a test may replace by one of its own
        self.has_true_starts = False  # True: no start is cheaper than an operator's
        self.environment_of: dict[str, dict[str, str]] = {}  # what a process is told beside what all are told
        self._environment = {
            **os.environ,
            "EVENTS_MONGODB_URL": mongodb_url,
            "VIEWS_MONGODB_URL": "",
            "EVENTS_DATABASE": self.events_database,
            "VIEWS_DATABASE": self.views_database,
            "AMQP_URL": amqp_url,
            "MESSAGE_KEY": MESSAGE_KEY,
            "AUTH": "off",
            "LEASE_SECONDS": "1.5",
            "COMMAND_URL": self.url("command"),
            "QUERY_URL": self.url("query"),
            "PROJECTOR_URL": self.url("projector"),
            "PAYMENTS_URL": self.url("payments"),
            "SAGA_URL": self.url("saga"),
            "GATEWAY_URL": self.url("gateway"),
            "MONITOR_URL": self.url("monitor"),
            "MANAGEMENT_URL": "",
            "PAYMENTS_DATA": str(folder / "payments.sqlite"),
            **{f"{service.upper()}_PORT": str(port) for service, port in self._ports.items()},
            **settings,
        }
        self.mongodb_url, self.amqp_url = mongodb_url, amqp_url

    def port(self, service: str) -> int:
        return self._ports[service]

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._ports[service]}"

    def http(self) -> aiohttp.ClientSession:
        """A client that its services let in."""
        return aiohttp.ClientSession()

    @property
    def gateway(self) -> str:
        return self.url("gateway")

    @property
    def running(self) -> list[str]:
        return [name for name, program in self._programs.items() if program.exit_code is None]

    async def start(self, *names: str) -> None:
        """Start processes and wait until they are ready."""
        for name in names:
            await self._spawn(name)
        for name in names:
            await self.wait_ready(name)

    async def run_until_it_ends(self, name: str) -> int:
        """Start a process that is expected to refuse; return its exit code."""
        await self._spawn(name)
        async with asyncio.timeout(READY_SECONDS):
            return await self._programs[name].exited()

    async def launch(self, name: str) -> None:
        """Start a process that nobody can ask whether it is ready."""
        await self._spawn(name)

    async def _spawn(self, name: str) -> None:
        """Its imports are done once for all starts, unless this must be a true one."""
        service = name.rstrip("0123456789")
        module = self.module_of[service]
        port = self._ports.setdefault(name, free_ports(1)[0])
        env = self._environment | self.environment_of.get(service, {}) | {f"{service.upper()}_PORT": str(port)}
        output = (self.folder / f"{name}.log").open("a")

        def keep(line: str) -> None:
            print(line, file=output, flush=True)

        is_ours = module in MODULES.values() and self.home == ROOT
        if self.has_true_starts or not is_ours or not can_bear(env):
            program = await spawn([sys.executable, "-m", module], env=env, cwd=self.home, on_line=keep)
        else:
            program = await bear(module, env=env, cwd=ROOT, on_line=keep)
        self._programs[name] = program

    async def wait_ready(self, name: str) -> None:
        async with self.http() as http:

            async def is_ready() -> bool:
                try:
                    async with http.get(self.url(name) + "/readyz", timeout=aiohttp.ClientTimeout(total=2)) as answer:
                        return answer.status == 200
                except (aiohttp.ClientError, TimeoutError):
                    return False

            await until(is_ready, seconds=READY_SECONDS, what=f"{name} is ready; see {self.folder / name}.log")

    async def kill(self, name: str) -> None:
        await self._programs[name].kill()

    async def end(self, name: str) -> None:
        """Ask it to stop, as an operator would, and wait until it has."""
        await self._programs[name].stop(timeout_seconds=STOP_SECONDS)

    async def restart(self, *names: str) -> None:
        """One after another, as in a rolling upgrade."""
        for name in names:
            await self.end(name)
            await self.start(name)

    async def leave(self, *names: str) -> None:
        """Whoever goes for good is not missed."""
        for name in names:
            await self.end(name)
            del self._programs[name]

    @property
    def fallen(self) -> list[str]:
        """Who was started, is not running, and was not forgotten."""
        return [name for name, program in self._programs.items() if program.exit_code is not None]

    def signal(self, name: str, number: int) -> None:
        os.kill(self._programs[name].pid, number)

    def wake(self) -> None:
        """Whoever was frozen goes on."""
        for name in self.running:
            self.signal(name, signal.SIGCONT)

    async def revive(self) -> list[str]:
        """Start again whoever has fallen, as a supervisor would; return their names."""
        fallen = self.fallen
        for name in fallen:
            await self.start(name)
        return fallen

    async def stop(self) -> None:
        for program in reversed(self._programs.values()):
            await program.stop(timeout_seconds=STOP_SECONDS)

    async def positions(self) -> dict[str, object]:
        async with self.http() as http, http.get(self.gateway + "/cqrs/ops/positions") as answer:
            return orjson.loads(await answer.read())

    async def settled(self) -> None:
        """Wait until the views have everything that is in the log."""

        async def has_no_lag() -> bool:
            positions = await self.positions()
            views = positions["groups"].get("views", {})  # type: ignore[attr-defined]
            return positions["head"] is not None and views.get("lag") == 0

        await until(has_no_lag, seconds=SETTLED_SECONDS, what="the views are level with the log")


@asynccontextmanager
async def running_system(
    mongodb_url: str,
    amqp_url: str,
    folder: Path,
    *,
    services: Iterable[str] = WITHOUT_SAGAS,
    home: Path = ROOT,
    **settings: str,
) -> AsyncIterator[System]:
    """Services on these servers, in databases of their own; the broker's virtual host must be theirs alone."""
    system = System(mongodb_url, amqp_url, folder, home=home, **settings)
    _running.append(system)
    try:
        await system.start(*services)
        yield system
    finally:
        _running.remove(system)
        await system.stop()


def last_words() -> list[tuple[str, str]]:
    """For each log of the systems that run now: its file, the end of what it says."""
    return [
        (str(path), "\n".join(path.read_text(errors="replace").splitlines()[-LAST_LINES:]))
        for system in _running
        for path in sorted(system.folder.glob("*.log"))
    ]
