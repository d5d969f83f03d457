"""The servers of docker-compose.secure.yml on this machine, by that file's own words, and the system on them.

They are this machine's servers always: what is given or runs in Docker has a configuration of its own.
"""

import asyncio
import contextlib
import re
import shutil
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from common.access.actors import Role
from common.config import Settings
from stack.accounts import ACCOUNTS
from stack.finding import find_mongod, find_rabbitmq
from stack.mongod import Mongod
from stack.ports import LOOPBACK
from stack.process import spawn, until_ready
from stack.rabbitmq import RabbitMQ
from stack.secret_folder import Places, SecretFolder, amqp_file, management_file, mongodb_file
from stack.tokens import issue
from tests.support.issuing import bearer
from tests.support.system import ROOT, SERVICES, System

COMPOSE = (ROOT / "docker-compose.secure.yml").read_text()
MOUNTED = "/run/secrets"
READY_SECONDS = 60.0
Answer = tuple[int, Any]


def mongod_words() -> list[str]:
    found = re.search(r"command: >-\n((?: {6}\S.*\n)+)", COMPOSE)
    assert found
    return found[1].split()[1:]


def rabbitmq_lines() -> str:
    found = re.search(r"CONFIGURATION: \|\n((?: {8}\S.*\n)+)", COMPOSE)
    assert found
    return re.sub(r"^ +", "", found[1], flags=re.MULTILINE)


async def accepts(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.close()
        return True
    return False


class SecureMongod(Mongod):
    """Not initiated, and with nobody's account, until `cqrs accounts apply` has run."""

    def __init__(self, data: Path, secrets: Path) -> None:
        super().__init__(data, source=find_mongod())
        self._secrets = secrets

    async def start(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        keyfile = self.data / "keyfile"
        if not keyfile.exists():
            shutil.copyfile(self._secrets / "mongodb.keyfile", keyfile)
            keyfile.chmod(0o400)
        await super().start()

    async def wait_ready(self) -> None:
        await until_ready(self.name, self._started(), lambda: accepts(self.port), timeout_seconds=READY_SECONDS)

    def _options(self, data: Path, *, bind_to: str) -> list[str]:
        words = [word.replace(MOUNTED, str(self._secrets)) for word in mongod_words() if word != "--bind_ip_all"]
        words = [str(data / "keyfile") if word == "/tmp/keyfile" else word for word in words]
        return [*words, "--dbpath", str(data), "--bind_ip", bind_to, "--port", str(self.port)]


class SecureRabbitMQ(RabbitMQ):
    def __init__(self, data: Path, secrets: Path) -> None:
        super().__init__(data, source=find_rabbitmq())
        self._secrets = secrets

    def _write_files(self) -> None:
        super()._write_files()
        lines = rabbitmq_lines().replace(MOUNTED, str(self._secrets))
        lines = lines.replace("listeners.ssl.default = 5671", f"listeners.ssl.default = {LOOPBACK}:{self.port}")
        lines = lines.replace("management.ssl.port = 15671", f"management.ssl.port = {self.management_port}")
        (self.data / "rabbitmq.conf").write_text(f"{lines}management.ssl.ip = {LOOPBACK}\nlog.console = true\n")

    async def _answers(self) -> bool:
        return await accepts(self.port) and await accepts(self.management_port)


class SecureSystem(System):
    """Each service signs in with its own account; the gateway speaks HTTPS."""

    def __init__(self, secrets: SecretFolder, folder: Path) -> None:
        def file(name: str) -> str:
            return str(secrets.path / name)

        super().__init__(
            "",
            "",
            folder,
            AUTH="on",
            AUTH_KEYS=str(secrets.auth / "jwks.json"),
        )
        del self._environment["MESSAGE_KEY"]  # the gateway and the query service start without
        self.secrets = secrets
        self._trust = ssl.create_default_context(cafile=file("ca.crt"))
        for account in ACCOUNTS:
            told = {"EVENTS_MONGODB_URL_FILE": file(mongodb_file(account))}
            sealed = {"AMQP_URL_FILE": file(amqp_file(account)), "MESSAGE_KEY_FILE": file("message.key")}
            self.environment_of[account.name] = told | (sealed if account.permissions else {})
        self.environment_of["query"]["CURSOR_KEY_FILE"] = file("cursor.key")
        self.environment_of["gateway"] = {"TLS_CERT": file("gateway.pem")}
        self.environment_of["payments"] = {"AUTH": "off"}
        (watching,) = (account for account in ACCOUNTS if account.is_watching)
        self.environment_of["monitor"] |= {
            "MANAGEMENT_URL_FILE": file(management_file(watching)),
            "GATEWAY_URL": "",
            "PAYMENTS_URL": "",
            "SAMPLE_SECONDS": "1",
        }

    def url(self, service: str) -> str:
        return super().url(service).replace("http:", "https:") if service == "gateway" else super().url(service)

    def http(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._trust))

    async def cqrs(self, account: str, *words: str) -> tuple[int, str]:
        """Run the command with an account; return its exit code and what it said."""
        lines: list[str] = []
        environment = self._environment | self.environment_of.get(account, {})
        program = await spawn([sys.executable, "-m", "cli", *words], env=environment, cwd=ROOT, on_line=lines.append)
        async with asyncio.timeout(READY_SECONDS):
            return await program.exited(), "\n".join(lines)

    async def ask(self, method: str, path: str, role: Role, body: object = None, *, user: int | None = None) -> Answer:
        token = issue(self.secrets, Settings(), role=role, name=str(role), user_id=user, seconds=600)
        async with (
            self.http() as http,
            http.request(method, f"{self.gateway}/cqrs{path}", json=body, headers=bearer(token)) as answer,
        ):
            return answer.status, await answer.json()

    def logged(self, words: str) -> list[str]:
        """The lines of the services' logs that have these words."""
        texts = (path.read_text() for path in sorted(self.folder.glob("*.log")))
        return [line for text in texts for line in text.splitlines() if words in line]


@asynccontextmanager
async def secure_system(folder: Path) -> AsyncIterator[SecureSystem]:
    """Servers with TLS only, accounts as the table says, all services."""
    secrets_path = folder / "secrets"
    mongod = SecureMongod(folder / "mongodb", secrets_path)
    rabbitmq = SecureRabbitMQ(folder / "rabbitmq", secrets_path)
    places = Places(
        mongodb=f"{LOOPBACK}:{mongod.port}",
        amqp=f"{LOOPBACK}:{rabbitmq.port}",
        management=f"{LOOPBACK}:{rabbitmq.management_port}",
        ca=str(secrets_path / "ca.crt"),
    )
    secrets = SecretFolder(secrets_path, places)
    secrets.make()
    system = SecureSystem(secrets, folder)
    try:
        await asyncio.gather(mongod.start(), rabbitmq.start())
        await asyncio.gather(mongod.wait_ready(), rabbitmq.wait_ready())
        code, said = await system.cqrs("", "accounts", "apply", "--secrets", str(secrets_path))
        assert code == 0, said
        await system.start(*SERVICES, "monitor")
        yield system
    finally:
        await system.stop()
        await asyncio.gather(mongod.kill(), rabbitmq.kill())
