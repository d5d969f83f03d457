"""A private RabbitMQ node with its management pages, on loopback only."""

import asyncio
import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from stack.docker import Container, Image, Recipe, spawn_container
from stack.errors import StartFailed
from stack.finding import find_epmd, find_rabbitmq
from stack.ports import LOOPBACK, free_ports
from stack.process import OnLine, Program, spawn, until_ready

NODE_NAME = "leveret@localhost"
USER = "admin"
PASSWORD = "admin"
READY_SECONDS = 90.0
STOP_SECONDS = 3.0  # its queues are closed in the first; then its management plugin dawdles for five more
CONTAINER_PORT = 5672
CONTAINER_MANAGEMENT_PORT = 15672
PROBE_SECONDS = 2.0
CONFIGURATION = """\
listeners.tcp.local = {host}:{port}
management.tcp.ip = {host}
management.tcp.port = {management_port}
default_user = {user}
default_pass = {password}
log.file = false
log.console = true
log.console.level = info
log.console.use_colors = off
"""
CLUSTERED = """\
cluster_partition_handling = pause_minority
queue_leader_locator = balanced
"""
PEER = "cluster_formation.classic_config.nodes.{number} = {node}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Which node of a cluster on this machine it is, and what the nodes share: an epmd that runs, and a cookie."""

    node: str
    nodes: Sequence[str]
    epmd_port: int
    cookie: str


class RabbitMQ:
    """A node on `data`, which is kept from run to run. A port 0 takes a free one and keeps it for all runs.

    It comes with its own epmd, cookie and home, so that any other node on the machine is left alone. With a
    `membership` it joins the others when it starts for the first time.
    """

    name = "rabbitmq"

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        management_port: int = 0,
        source: Path | Image | None = None,
        membership: Membership | None = None,
        on_line: OnLine = lambda _line: None,
    ):
        free = free_ports(4)
        self.data = data
        self.port = port or free[0]
        self.management_port = management_port or free[1]
        self._distribution_port, self._epmd_port = free[2:]
        self._membership = membership
        self._source = source or find_rabbitmq()
        self._on_line = on_line
        self._node: Program | Container | None = None
        self._epmd: Program | None = None

    @property
    def url(self) -> str:
        return f"amqp://{USER}:{PASSWORD}@{LOOPBACK}:{self.port}/"

    @property
    def management_url(self) -> str:
        """Where USER logs in with PASSWORD; `/api` of it is the HTTP API."""
        return f"http://{LOOPBACK}:{self.management_port}"

    @property
    def pid(self) -> int | None:
        return self._node.pid if self._node and self._node.exit_code is None else None

    async def start(self) -> None:
        """Return when it is spawned; see `wait_ready`."""
        self._write_files()
        match self._source:
            case Path() as script:
                await self._start_program(script, self._environment(os.environ))
            case Image() as image:
                self._node = await spawn_container(self._recipe(image), self._on_line)

    async def wait_ready(self) -> None:
        """Return when it takes AMQP connections and its management pages answer. Raise StartFailed."""
        try:
            await until_ready(self.name, self._started(), self._answers, timeout_seconds=READY_SECONDS)
        except StartFailed as failure:  # 4.0 does not start on what 3.10 left, nor 3.10 on what 4.0 left
            hint = f"if its version has changed, delete {self.data}: the log has all that is in it"
            raise StartFailed(f"{failure}; {hint}") from None

    async def stop(self) -> None:
        if self._node:
            await self._node.stop(timeout_seconds=STOP_SECONDS)
        await self._stop_epmd()

    async def kill(self) -> None:
        """SIGKILL, as a crash would; queues and messages on disk stay."""
        if self._node:
            await self._node.kill()
        await self._stop_epmd()

    async def exited(self) -> int:
        return await self._started().exited()

    def wipe(self) -> None:
        """Delete every queue, exchange and message; only while it is down."""
        shutil.rmtree(self.data, ignore_errors=True)

    def _started(self) -> Program | Container:
        assert self._node is not None, "start() comes first"
        return self._node

    async def _start_program(self, script: Path, environment: dict[str, str]) -> None:
        """After a crash of the node alone its epmd is renewed too."""
        await self._stop_epmd()
        if not self._membership:
            self._epmd = await spawn([find_epmd()], env=environment, on_line=self._on_line)
        self._node = await spawn([script], env=environment, cwd=self.data, on_line=self._on_line)

    async def _stop_epmd(self) -> None:
        if self._epmd:
            await self._epmd.kill()

    def _write_files(self) -> None:
        home = self.data / "home"
        home.mkdir(parents=True, exist_ok=True)
        cookie = home / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)  # Erlang refuses a cookie that others may read
            cookie.write_text(self._membership.cookie if self._membership else secrets.token_hex(20))
        (self.data / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (self.data / "rabbitmq.conf").write_text(
            CONFIGURATION.format(
                host=LOOPBACK, port=self.port, management_port=self.management_port, user=USER, password=PASSWORD
            )
            + _clustering(self._membership)
        )

    def _environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The machine's own RabbitMQ and Erlang settings must not leak in."""
        clean = {key: value for key, value in inherited.items() if not key.startswith(("RABBITMQ_", "ERL_"))}
        return clean | {
            "HOME": str(self.data / "home"),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self._membership.epmd_port if self._membership else self._epmd_port),
            "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",  # also for RabbitMQ's own helper nodes
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_NODENAME": self._membership.node if self._membership else NODE_NAME,
            "RABBITMQ_CONF_ENV_FILE": str(self.data / "rabbitmq-env.conf"),  # does not exist: hides the machine's
            "RABBITMQ_CONFIG_FILE": str(self.data / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.data / "advanced.config"),  # the same
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.data / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.data / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.data / "log"),
            "RUNNING_UNDER_SYSTEMD": "true",  # the start script then becomes the node instead of watching over it
        }

    def _recipe(self, image: Image) -> Recipe:
        return Recipe(
            image=image,
            data=self.data / "home",
            volume="/var/lib/rabbitmq",
            ports={self.port: CONTAINER_PORT, self.management_port: CONTAINER_MANAGEMENT_PORT},
            env={"RABBITMQ_DEFAULT_USER": USER, "RABBITMQ_DEFAULT_PASS": PASSWORD},
        )

    async def _answers(self) -> bool:
        port = CONTAINER_PORT if isinstance(self._source, Image) else self.port
        with contextlib.suppress(OSError, TimeoutError, aiohttp.ClientError):
            async with (
                asyncio.timeout(PROBE_SECONDS),
                aiohttp.ClientSession(headers={"Authorization": aiohttp.encode_basic_auth(USER, PASSWORD)}) as session,
                session.get(f"{self.management_url}/api/health/checks/port-listener/{port}") as answer,
            ):
                return answer.status == 200
        return False


def _clustering(membership: Membership | None) -> str:
    if not membership:
        return ""
    peers = (PEER.format(number=number, node=node) for number, node in enumerate(membership.nodes, 1))
    return CLUSTERED + "".join(peers)
