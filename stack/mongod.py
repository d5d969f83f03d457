"""A private MongoDB: a replica set of one node, on loopback only."""

import shutil
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from stack.docker import Container, Image, Recipe, spawn_container
from stack.finding import find_mongod
from stack.ports import LOOPBACK, free_port
from stack.process import OnLine, Program, spawn, until_ready

REPLICA_SET = "rs0"
READY_SECONDS = 60.0
STOP_SECONDS = 20.0
SAFE_COMPRESSION = ("--networkMessageCompressors", "snappy,zstd")  # zlib is open to CVE-2025-14847 before 6.0.27
CONTAINER_DATA = Path("/data/db")
NOT_YET_INITIALIZED = 94  # MongoDB's error code
CACHE_GIGABYTES = "1"
OPLOG_MEGABYTES = "990"
PARAMETERS = (
    "shutdownTimeoutMillisForSignaledShutdown=100",  # by default a primary lingers for 15 s
    "diagnosticDataCollectionEnabled=false",
)


class Mongod:
    """A `mongod` on `data`, which is kept from run to run. `port` 0 takes a free one and keeps it for all runs.

    `test_commands` allows fail points, by which tests make the server lie. The port may differ from the last run's.
    """

    name = "mongodb"

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        source: Path | Image | None = None,
        test_commands: bool = False,
        on_line: OnLine = lambda _line: None,
    ):
        self.data = data
        self.port = port or free_port()
        self._source = source or find_mongod()
        self._test_commands = test_commands
        self._on_line = on_line
        self._program: Program | Container | None = None

    @property
    def url(self) -> str:
        return f"mongodb://{LOOPBACK}:{self.port}/?replicaSet={REPLICA_SET}"

    @property
    def pid(self) -> int | None:
        return self._program.pid if self._program and self._program.exit_code is None else None

    async def start(self) -> None:
        """Return when it is spawned; see `wait_ready`."""
        self.data.mkdir(parents=True, exist_ok=True)
        match self._source:
            case Path() as binary:
                argv = [binary, *self._options(self.data, bind_to=LOOPBACK), *SAFE_COMPRESSION]
                self._program = await spawn(argv, on_line=self._on_line)
            case Image() as image:
                self._program = await spawn_container(self._recipe(image), self._on_line)

    async def wait_ready(self) -> None:
        """Return when it is a primary that takes writes. Raise StartFailed."""
        program = self._started()
        await until_ready(self.name, program, self._answers, timeout_seconds=READY_SECONDS)
        async with self._client() as client:
            await _be_member(client, self._host)
        await until_ready(self.name, program, self._is_primary, timeout_seconds=READY_SECONDS)

    async def stop(self) -> None:
        if self._program:
            await self._program.stop(timeout_seconds=STOP_SECONDS)

    async def kill(self) -> None:
        """SIGKILL, as a crash would; the data stay."""
        if self._program:
            await self._program.kill()

    async def exited(self) -> int:
        return await self._started().exited()

    def wipe(self) -> None:
        """Delete its data; only while it is down."""
        shutil.rmtree(self.data, ignore_errors=True)

    @property
    def _host(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def _started(self) -> Program | Container:
        assert self._program is not None, "start() comes first"
        return self._program

    def _options(self, data: Path, *, bind_to: str) -> list[str]:
        parameters = (*PARAMETERS, "enableTestCommands=1") if self._test_commands else PARAMETERS
        return [
            *("--dbpath", str(data)),
            *("--replSet", REPLICA_SET),
            *("--bind_ip", bind_to, "--port", str(self.port), "--nounixsocket"),
            *("--wiredTigerCacheSizeGB", CACHE_GIGABYTES, "--oplogSize", OPLOG_MEGABYTES),
            *(word for parameter in parameters for word in ("--setParameter", parameter)),
        ]

    def _recipe(self, image: Image) -> Recipe:
        """The same port inside and outside: the node and its clients must agree on the member's address."""
        command = ["mongod", *self._options(CONTAINER_DATA, bind_to="0.0.0.0")]
        ports = {self.port: self.port}
        return Recipe(image=image, data=self.data, volume=str(CONTAINER_DATA), ports=ports, env={}, command=command)

    def _client(self) -> AsyncMongoClient[dict[str, Any]]:
        """A new one per question: a client that saw the set before it was initiated does not believe in it later."""
        return AsyncMongoClient(
            LOOPBACK, self.port, directConnection=True, serverSelectionTimeoutMS=500, timeoutMS=5000
        )

    async def _answers(self) -> bool:
        return await self._hello() is not None

    async def _is_primary(self) -> bool:
        hello = await self._hello()
        return hello is not None and hello.get("isWritablePrimary", False)

    async def _hello(self) -> dict[str, Any] | None:
        try:
            async with self._client() as client:
                return await client.admin.command("hello")
        except PyMongoError:
            return None


async def _be_member(client: AsyncMongoClient[dict[str, Any]], host: str) -> None:
    """Make the node the only member of its set: initiate it once, and move it when its port has changed."""
    try:
        config = (await client.admin.command("replSetGetConfig"))["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        await client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": host}]})
        return
    if config["members"][0]["host"] != host:
        config["members"] = [{"_id": 0, "host": host}]
        config["version"] += 1
        await client.admin.command("replSetReconfig", config, force=True)
