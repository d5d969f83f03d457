"""Faults that a test makes real in a running stack, and takes back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aio_pika
import aiohttp
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from stack.rabbitmq import PASSWORD, USER
from tests.support.cqrs import Cqrs

Fault = Callable[[Cqrs], AbstractAsyncContextManager[None]]
QUEUE = "sagas.p3"


async def _address(cqrs: Cqrs, name: str) -> str:
    return (await asyncio.to_thread(cqrs.status))[name]


@asynccontextmanager
async def _database(cqrs: Cqrs, name: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    async with AsyncMongoClient(await _address(cqrs, "mongodb")) as client:
        yield client[name]


def _events(cqrs: Cqrs) -> AbstractAsyncContextManager[AsyncDatabase[dict[str, Any]]]:
    return _database(cqrs, "cqrs_events")


def _views(cqrs: Cqrs) -> AbstractAsyncContextManager[AsyncDatabase[dict[str, Any]]]:
    return _database(cqrs, "cqrs_views")


async def _manage(cqrs: Cqrs, method: str, path: str, content: Any = None) -> None:
    login = {"Authorization": aiohttp.encode_basic_auth(USER, PASSWORD)}
    management = await _address(cqrs, "management")
    async with (
        aiohttp.ClientSession(headers=login, raise_for_status=True) as http,
        http.request(method, f"{management}/api/{path}", json=content),
    ):
        pass


def _dead(process: str) -> Fault:
    @asynccontextmanager
    async def fault(cqrs: Cqrs) -> AsyncIterator[None]:
        await asyncio.to_thread(cqrs.does, "process", "kill", process)
        try:
            yield
        finally:
            await asyncio.to_thread(cqrs.does, "process", "start", process)

    return fault


@asynccontextmanager
async def _no_index(cqrs: Cqrs) -> AsyncIterator[None]:
    async with _events(cqrs) as events:
        await events["commits"].drop_index("command_id")
        yield
    await asyncio.to_thread(cqrs.does, "migrate")


@asynccontextmanager
async def _unbound(cqrs: Cqrs) -> AsyncIterator[None]:
    place = f"bindings/%2F/e/domain.events/q/{QUEUE}"
    await _manage(cqrs, "DELETE", f"{place}/p3.%23")
    try:
        yield
    finally:
        await _manage(cqrs, "POST", place, {"routing_key": "p3.#"})


@asynccontextmanager
async def _dead_command(cqrs: Cqrs) -> AsyncIterator[None]:
    async with await aio_pika.connect(await _address(cqrs, "amqp")) as connection:
        channel = await connection.channel()
        await channel.default_exchange.publish(aio_pika.Message(b"{}"), "commands.dead")
        yield
        await (await channel.get_queue("commands.dead")).purge()


def _planted(database: str, collection: str, document: dict[str, Any]) -> Fault:
    @asynccontextmanager
    async def fault(cqrs: Cqrs) -> AsyncIterator[None]:
        async with _database(cqrs, database) as of:
            await of[collection].insert_one(dict(document))
            try:
                yield
            finally:
                await of[collection].delete_one({"_id": document["_id"]})

    return fault


@asynccontextmanager
async def _foreign(cqrs: Cqrs) -> AsyncIterator[None]:
    """The sagas' checkpoint is of a commit that was another's; nobody reads it while nothing is taken over."""
    async with _events(cqrs) as events:
        wanted = {"group": "sagas", "position": {"$gt": 0}}
        found = await events["checkpoints"].find_one_and_update(wanted, {"$set": {"command_id": "another's"}})
        assert found
        try:
            yield
        finally:
            restored = {"$set": {"command_id": found["command_id"]}}
            await events["checkpoints"].update_one({"_id": found["_id"]}, restored)


_NOW = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
_PARKED = {"code": "unknown_schema", "detail": "planted", "position": 1}
FAULTS: dict[str, tuple[Fault, str, str]] = {
    "a dead projector": (_dead("projector"), "services", "projector"),
    "a dead broker": (_dead("rabbitmq"), "broker", "RabbitMQ cannot be reached"),
    "a dropped index": (_no_index, "indexes", "command_id"),
    "a queue that is not bound": (_unbound, "bindings", QUEUE),
    "a dead command": (_dead_command, "dead letters", "1 commands lie"),
    "a parked document": (_planted("cqrs_views", "orders", {"_id": "x", "parked": _PARKED}), "parked", "1 of orders"),
    "a stuck saga": (
        _planted(
            "cqrs_events",
            "sagas",
            {"_id": "x", "saga": "x", "partition": 99, "state_word": "stuck", "started_at": _NOW},
        ),
        "stuck",
        "1 sagas wait",
    ),
    "a difference": (
        _planted("cqrs_views", "differences", {"_id": "x", "partition": 99, "found_at": _NOW, "repaired_at": None}),
        "differences",
        "1 documents or sums",
    ),
    "a checkpoint of another log": (_foreign, "one log", "of another log"),
}
"""What is done → how, the check that finds it, and what its sentence has."""
