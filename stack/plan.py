"""What a stack consists of on this machine: the table of processes, their ports and their environment."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from common.config import Settings
from common.secret_files import SECRETS, file_variable
from stack.folder import DataFolder
from stack.mongod import Mongod
from stack.output import Output, mongodb_trouble, rabbitmq_trouble
from stack.ports import LOOPBACK, claim, free_port
from stack.rabbitmq import RabbitMQ
from stack.service import Service
from stack.sources import HOW_TO_GET_RABBITMQ, mongodb_source, rabbitmq_source
from stack.supervisor import Planned

MONGODB_PORT = 27018
AMQP_PORT = 5672
MANAGEMENT_PORT = 15672
PROJECT = Path(__file__).resolve().parent.parent  # the services are started from here


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    name: str
    module: str
    port_setting: str  # of `Settings`
    after: tuple[str, ...]


SERVICES = (
    ServiceRow(name="payments", module="payments", port_setting="payments_port", after=()),
    ServiceRow(name="command", module="command_service", port_setting="command_port", after=("mongodb", "rabbitmq")),
    ServiceRow(
        name="saga", module="command_service.sagas", port_setting="saga_port", after=("mongodb", "rabbitmq", "payments")
    ),
    ServiceRow(name="projector", module="projector", port_setting="projector_port", after=("mongodb", "rabbitmq")),
    ServiceRow(name="query", module="query_service", port_setting="query_port", after=("mongodb",)),
    ServiceRow(name="monitor", module="monitor", port_setting="monitor_port", after=("mongodb",)),
    ServiceRow(name="gateway", module="gateway", port_setting="gateway_port", after=("query",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`addresses` has the URLs `gateway command query payments monitor lab amqp management mongodb`, or None."""

    table: tuple[Planned, ...]
    addresses: dict[str, str | None]
    notes: tuple[str, ...]  # for the user: what differs from the defaults
    claims: tuple[IO[str], ...]  # to be closed at the end, see `claim`


@dataclass(slots=True)
class _Draft:
    """A plan in the making."""

    table: list[Planned] = field(default_factory=list)
    addresses: dict[str, str | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    claims: list[IO[str]] = field(default_factory=list)

    def port(self, name: str, wanted: int) -> int:
        claimed = claim(wanted)
        if claimed:
            self.claims.append(claimed)
            return wanted
        chosen = free_port()
        self.notes.append(f"port {wanted} is taken: {name} listens on {chosen}")
        return chosen


def make_plan(folder: DataFolder, settings: Settings, environ: Mapping[str, str], output: Output) -> Plan:
    """Servers whose URL the environment gives are not started. Raise ServerMissing when there is no MongoDB."""
    draft = _Draft()
    _plan_mongodb(draft, folder, environ.get("EVENTS_MONGODB_URL"), output)
    _plan_rabbitmq(draft, folder, environ.get("AMQP_URL"), output)
    _plan_services(draft, folder, settings, environ, output)
    return Plan(
        table=tuple(draft.table), addresses=draft.addresses, notes=tuple(draft.notes), claims=tuple(draft.claims)
    )


def _plan_mongodb(draft: _Draft, folder: DataFolder, given_url: str | None, output: Output) -> None:
    if given_url:
        draft.addresses["mongodb"] = given_url
        return
    sink = output.of("mongodb", mongodb_trouble)
    port = draft.port("mongodb", MONGODB_PORT)
    server = Mongod(folder.mongodb, source=mongodb_source(), port=port, on_line=sink)
    draft.table.append(Planned(process=server))
    draft.addresses["mongodb"] = server.url


def _plan_rabbitmq(draft: _Draft, folder: DataFolder, given_url: str | None, output: Output) -> None:
    """An empty URL is a wish for no broker at all."""
    draft.addresses |= {"amqp": given_url or None, "management": None}
    if given_url is not None:
        return
    source = rabbitmq_source()
    if source is None:
        draft.notes.append(f"RabbitMQ is missing, so the views are fed from the log alone; {HOW_TO_GET_RABBITMQ}")
        return
    server = RabbitMQ(
        folder.rabbitmq,
        source=source,
        port=draft.port("rabbitmq", AMQP_PORT),
        management_port=draft.port("rabbitmq's management", MANAGEMENT_PORT),
        on_line=output.of("rabbitmq", rabbitmq_trouble),
    )
    draft.table.append(Planned(process=server))
    draft.addresses |= {"amqp": server.url, "management": server.management_url}


def _plan_services(
    draft: _Draft, folder: DataFolder, settings: Settings, environ: Mapping[str, str], output: Output
) -> None:
    ports = {row.name: draft.port(row.name, getattr(settings, row.port_setting)) for row in SERVICES}
    urls = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
    draft.addresses |= {name: urls[name] for name in ("gateway", "command", "query", "payments", "monitor")}
    draft.addresses["lab"] = f"http://{LOOPBACK}:{free_port()}"
    in_files = {file_variable(name) for name in SECRETS}  # what the stack sets itself is not looked for in files
    env = {name: value for name, value in environ.items() if name not in in_files}
    env |= {row.port_setting.upper(): str(ports[row.name]) for row in SERVICES}
    env |= {
        "BIND_HOST": LOOPBACK,
        "EVENTS_MONGODB_URL": draft.addresses["mongodb"] or "",
        "AMQP_URL": draft.addresses["amqp"] or "",
        "MESSAGE_KEY": environ.get("MESSAGE_KEY") or folder.message_key(),
        "COMMAND_URL": urls["command"],
        "QUERY_URL": urls["query"],
        "PROJECTOR_URL": urls["projector"],
        "SAGA_URL": urls["saga"],
        "GATEWAY_URL": urls["gateway"],
        "MONITOR_URL": urls["monitor"],
        "LAB_URL": draft.addresses["lab"],
        "MANAGEMENT_URL": draft.addresses["management"] or environ.get("MANAGEMENT_URL", ""),
        "PAYMENTS_URL": urls["payments"],
        "PAYMENTS_DATA": str(folder.payments),
        "AUTH": environ.get("AUTH") or "off",
        "PYTHONUNBUFFERED": "1",
    }
    ours = {row.process.name for row in draft.table} | set(ports)
    for row in SERVICES:
        argv = [sys.executable, "-m", row.module]
        service = Service(row.name, argv, port=ports[row.name], env=env, cwd=PROJECT, on_line=output.of(row.name))
        draft.table.append(Planned(process=service, after=tuple(name for name in row.after if name in ours)))
