"""Gathers all that is to be known, of the stack that runs, or of the servers that the environment names."""

import asyncio
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import aiohttp
from cryptography import x509
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from cli.data import is_given, read_settings
from cli.doctor.asking_broker import ask_broker
from cli.doctor.asking_databases import ask_data, ask_server
from cli.doctor.asking_services import ask_services
from cli.doctor.facts import Certificate, Data, Facts, Machine, Server
from common.access.keys import fetching, read_keys
from common.addresses import each_address
from common.config import Settings
from common.errors import LeveretError, Unavailable
from common.mongo import open_client
from stack.asking import ask_processes
from stack.errors import StackError
from stack.folder import DataFolder, StackState

SERVICES = ("gateway", "command", "query", "projector", "saga", "payments", "monitor")


class Installation(NamedTuple):
    settings: Settings
    services: dict[str, str]  # name → URL


async def gather(folder: Path) -> Facts:
    found = await _find(folder)
    settings = found.settings
    (events, views, data, trouble), broker, services, keys_trouble = await asyncio.gather(
        _ask_databases(settings),
        ask_broker(settings.amqp_url, settings.management_url),
        ask_services(found.services),
        _keys_trouble(settings.auth_keys),
    )
    return Facts(
        at=datetime.now(UTC),
        settings=settings,
        machine=_machine(folder),
        events=events,
        views=views,
        broker=broker,
        services=services,
        data=data,
        data_trouble=trouble,
        certificate=_certificate(settings.tls_cert) if settings.tls_cert else None,
        keys_trouble=keys_trouble,
    )


async def _find(folder: Path) -> Installation:
    """The environment wins where it names the log's server; else the stack that runs on the folder, if one does."""
    settings = read_settings()
    state = None if is_given("events_mongodb_url") else DataFolder(folder).last_state()
    if state is None or not state.is_alive():
        return Installation(settings, _services(settings))
    known = {
        "events_mongodb_url": state.addresses.get("mongodb") or "",
        "management_url": state.addresses.get("management") or "",
        "amqp_url": state.addresses.get("amqp") or "",
        "bind_host": "127.0.0.1",
        "auth": settings.auth if is_given("auth") else "off",
        "message_key": settings.message_key if is_given("message_key") else DataFolder(folder).message_key(),
    }
    return Installation(settings.model_copy(update=known), await _services_of(state))


def _services(settings: Settings) -> dict[str, str]:
    """One of several has its number behind its name; who has no address is not missed."""
    named: dict[str, str] = {}
    for name in SERVICES:
        for number, url in enumerate(filter(None, each_address(getattr(settings, f"{name}_url"))), 1):
            named[name if number == 1 else f"{name}{number}"] = url
    return named


async def _services_of(state: StackState) -> dict[str, str]:
    """What the stack itself supervises and is no server of others."""
    try:
        rows = await ask_processes(state)
    except StackError:
        return {}
    return {
        row["name"]: f"http://127.0.0.1:{row['port']}" for row in rows if row["name"] not in ("mongodb", "rabbitmq")
    }


async def _ask_databases(settings: Settings) -> tuple[Server, Server, Data | None, str]:
    """Both servers, what stands in both, and why that could not be told."""
    try:
        async with (
            open_client(settings.events_mongodb_url, name="doctor") as of_events,
            open_client(settings.views_url, name="doctor") as of_views,
        ):
            events, views = of_events[settings.events_database], of_views[settings.views_database]
            of_log, of_view = await asyncio.gather(ask_server(events), ask_server(views))
            if of_log.trouble or of_view.trouble:
                return of_log, of_view, None, "What stands in the databases is not known while MongoDB cannot be asked."
            return of_log, of_view, *await _ask_data(events, views)
    except LeveretError as error:  # of an address that is none
        nobody = Server(trouble=error.detail.rstrip("."))
        return nobody, nobody, None, error.detail


async def _ask_data(events: AsyncDatabase, views: AsyncDatabase) -> tuple[Data | None, str]:
    try:
        return await ask_data(events, views), ""
    except (PyMongoError, Unavailable) as error:
        return None, f"The databases cannot be read: {str(error).partition(',')[0].rstrip('.')}."


def _machine(folder: Path) -> Machine:
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free_megabytes = shutil.disk_usage(there).free // 1_000_000
    return Machine(python=sys.version_info[:2], folder=str(folder), free_megabytes=free_megabytes)


def _certificate(path: str) -> Certificate:
    try:
        found = x509.load_pem_x509_certificate(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        return Certificate(path=path, trouble=str(error))
    return Certificate(path=path, until=found.not_valid_after_utc)


async def _keys_trouble(auth_keys: str) -> str | None:
    if not auth_keys:
        return None
    try:
        read_keys(await fetching(auth_keys)())
    except (OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
        return str(error) or type(error).__name__
    return ""
