"""Orders at a steady rate through the gateway, whether earlier ones were answered or not."""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from uuid import uuid4

import aiohttp

from common.tasks import end

PRODUCTS = range(900_001, 900_011)  # of the lab alone; one product would be one queue
USERS = range(900_001, 901_001)
PIECES = 1_000_000  # of each product
TICK_SECONDS = 0.02
MOST_OPEN = 500  # orders without an answer; while there are so many, no more are sent
TIMEOUT = aiohttp.ClientTimeout(total=5)


class Load:
    """Without an answer from the gateway it goes on trying; nothing is sent twice."""

    def __init__(self, gateway_url: str) -> None:
        self._commands = f"{gateway_url}/cqrs/commands"
        self._open: set[asyncio.Task[None]] = set()
        self._changing = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None
        self.per_second = 0

    async def set(self, per_second: int, authorization: str | None = None) -> None:
        """From now on; `authorization` is the header of who asked for it."""
        async with self._changing:
            await self.stop()
            if per_second:
                self.per_second = per_second
                self._running = asyncio.create_task(self._run(per_second, authorization))

    async def stop(self) -> None:
        """What is on its way is not waited for."""
        self.per_second = 0
        await end(*filter(None, [self._running]), *self._open)
        self._running = None

    async def _run(self, per_second: int, authorization: str | None) -> None:
        headers = {"Authorization": authorization} if authorization else {}
        connector = aiohttp.TCPConnector(limit=MOST_OPEN)
        async with aiohttp.ClientSession(headers=headers, timeout=TIMEOUT, connector=connector) as http:
            await asyncio.gather(*(self._stock(http, product_id) for product_id in PRODUCTS))
            clock = asyncio.get_running_loop().time
            began, sent = clock(), 0
            while True:
                due = int((clock() - began) * per_second)
                for _ in range(min(due - sent, MOST_OPEN - len(self._open))):
                    self._send(http)
                sent = due
                await asyncio.sleep(TICK_SECONDS)

    def _send(self, http: aiohttp.ClientSession) -> None:
        task = asyncio.create_task(self._order(http))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _order(self, http: aiohttp.ClientSession) -> None:
        order = {"user_id": random.choice(USERS), "product_id": random.choice(PRODUCTS), "quantity": 1}
        await self._post(http, "orders", order, str(uuid4()))

    async def _stock(self, http: aiohttp.ClientSession, product_id: int) -> None:
        """The same command each time: what was sold stays so."""
        stock = {
            "product_id": product_id,
            "product_name": f"Thing of the lab {product_id - PRODUCTS[0] + 1}",
            "quantity": PIECES,
            "unit_price": "1.00",
            "low_stock_threshold": 5,
        }
        await self._post(http, "inventory", stock, f"lab-stock-{product_id}")

    async def _post(self, http: aiohttp.ClientSession, what: str, body: Mapping[str, object], key: str) -> None:
        """How it went is seen in the samples."""
        with suppress(aiohttp.ClientError, TimeoutError):
            async with http.post(f"{self._commands}/{what}", json=body, headers={"Idempotency-Key": key}) as answer:
                await answer.read()
