"""Clients who all want the same, ask a thousand times, or sit on their connections."""

import asyncio
from collections.abc import Sequence

import aiohttp

from stack.ports import LOOPBACK
from tests.chaos.caller import Caller, Wish
from tests.chaos.customer import restock
from tests.chaos.faults.fault import Misbehaved
from tests.chaos.history import Record
from tests.chaos.world import World

BUYERS, STOCK = 200, 50
RETRIES = 1000
IDLE_SOCKETS, LORISES = 5000, 200
SIT_SECONDS = 8.0
PAUSE_SECONDS = 0.2
DRIP_SECONDS = 0.5
HEALTH = aiohttp.ClientTimeout(total=3)


async def everybody_wants_the_last(world: World) -> None:
    """It must be decided before the first of them is too late to pay and gives a piece back."""
    product_id = world.chance.randrange(10_000, 1_000_000)
    price = {"product_name": "The last", "unit_price": "1.00", "quantity": STOCK}
    await world.load.caller().insist(restock(product_id, **price))
    async with asyncio.timeout(world.payment_seconds):
        statuses = await asyncio.gather(*(_buy(world.load.caller(), product_id) for _ in range(BUYERS)))
    if statuses.count("VALIDATED") != STOCK:
        raise Misbehaved(f"{STOCK} were there, and {statuses.count('VALIDATED')} got one")


async def one_command_a_thousand_times(world: World) -> None:
    wish = _one_piece(1)
    callers = [world.load.caller() for _ in range(RETRIES)]
    answers: Sequence[Record] = await asyncio.gather(*(caller.insist(wish) for caller in callers))
    positions = {answer.position for answer in answers}
    if len(positions) != 1:
        raise Misbehaved(f"one command was answered with the positions {positions}")


async def idle_sockets_and_slow_lorises(world: World) -> None:
    """Health must answer meanwhile."""
    port = world.system.port("gateway")
    sockets = [await asyncio.open_connection(LOOPBACK, port) for _ in range(IDLE_SOCKETS)]
    lorises = [writer for _, writer in sockets[:LORISES]]
    dripping = asyncio.create_task(_drip(lorises))
    try:
        await asyncio.sleep(SIT_SECONDS)
        async with world.http.get(f"{world.system.gateway}/readyz", timeout=HEALTH) as answer:
            if answer.status != 200:
                raise Misbehaved(f"the gateway's health is {answer.status}")
    except TimeoutError as error:
        raise Misbehaved("the gateway's health does not answer") from error
    finally:
        dripping.cancel()
        for _, writer in sockets:
            writer.transport.abort()


async def _buy(caller: Caller, product_id: int) -> str:
    """Order one piece and wait until it is decided who gets it."""
    order_id = (await caller.insist(_one_piece(product_id))).subject
    while True:
        answer = await caller.query(f"orders/{order_id}", subject=order_id)
        if answer.type == "ok" and answer.body["status"] != "PENDING":
            return answer.body["status"]
        await asyncio.sleep(PAUSE_SECONDS)


def _one_piece(product_id: int) -> Wish:
    body = {"user_id": 1, "product_id": product_id, "quantity": 1}
    return Wish(op="place", path="orders", body=body)


async def _drip(writers: list[asyncio.StreamWriter]) -> None:
    """A request that never ends."""
    for writer in writers:
        writer.write(b"GET /cqrs/queries/inventory HTTP/1.1\r\nHost: ")
    while True:
        for writer in writers:
            writer.write(b"x")
        await asyncio.sleep(DRIP_SECONDS)
