"""Everything is killed at random instants under load; nothing acknowledged is lost, and every view is right."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from pymongo import AsyncMongoClient

from stack.servers import Mongod, RabbitMQ
from tests.support import naive
from tests.support.client import Client, History, shop
from tests.support.servers import own_mongod, own_rabbitmq
from tests.support.system import WITHOUT_SAGAS, System, running_system

CLIENTS = 8
PRODUCTS = range(1, 6)
PACE_SECONDS = (0.3, 1.2)  # calm between two kills
EACH_ONCE = 8  # kills: every service and both servers, those who write twice


async def require_nothing_lost_or_doubled(folder: Path, *, kills: int) -> None:
    """`kills` are EACH_ONCE at least; what more there are is chosen by chance."""
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    async with (
        own_mongod(folder / "mongodb") as mongod,
        own_rabbitmq(folder / "rabbitmq") as rabbitmq,
        running_system(mongod.url, rabbitmq.url, folder) as system,
    ):
        history = await _shop_under_fire(system, _killers(system, mongod, rabbitmq), chance, kills)
        await system.settled()
        await _check_acknowledged(system, history)
        commits = await asyncio.to_thread(
            naive.check, system.mongodb_url, system.events_database, system.views_database
        )
        print(f"{commits} commits, {len(history.acks)} acks, {history.unknown} unknown, {history.replayed} replayed")
        assert commits >= 100, "there was hardly any load"
        assert history.unknown > 0, "no kill was noticed by any client"
        assert history.replayed > 0, "no command was ever found to be done by an earlier try"


Kill = Callable[[], Awaitable[None]]


def _killers(system: System, mongod: Mongod, rabbitmq: RabbitMQ) -> list[Kill]:
    async def service(name: str) -> None:
        await system.kill(name)
        await system.start(name)

    async def mongodb() -> None:
        await mongod.kill()
        await mongod.start()
        await mongod.wait_ready()

    wipes = itertools.cycle((True, False))

    async def broker() -> None:
        await rabbitmq.kill()
        if next(wipes):
            rabbitmq.wipe()
        await rabbitmq.start()
        await rabbitmq.wait_ready()

    services = [lambda name=name: service(name) for name in WITHOUT_SAGAS]
    return [*services, services[0], services[1], mongodb, broker]


async def _shop_under_fire(system: System, killers: list[Kill], chance: random.Random, kills: int) -> History:
    history, stop = History(), asyncio.Event()
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as shopping:
        client = Client(http, system.gateway, history)
        for product_id in PRODUCTS:
            await client.command("inventory", {"product_id": product_id, "product_name": "Thing", "quantity": 100})
        for number in range(CLIENTS):
            shopping.create_task(shop(client, random.Random(number), stop, user_id=number + 1, products=PRODUCTS))
        order = [*killers, *chance.choices(killers, k=kills - len(killers))]
        chance.shuffle(order)
        for kill in order:
            await asyncio.sleep(chance.uniform(*PACE_SECONDS))  # a part of the fault's schedule, not a wait for a fact
            await kill()
        stop.set()
    return history


async def _check_acknowledged(system: System, history: History) -> None:
    """O1: every acknowledged command is in the log exactly once, at the position that was told."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(system.mongodb_url)
    async with client:
        commits = client[system.events_database]["commits"]
        positions = {c["command_id"]: c["_id"] async for c in commits.find({}, {"command_id": 1})}
    for ack in history.acks:
        if ack.changed:
            assert positions.get(ack.command_id) == ack.position, f"{ack.key} was acknowledged and is not there"
