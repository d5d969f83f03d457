"""An open loop of customers: so many calls a second are begun, however slowly they are answered."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count

import aiohttp

from tests.chaos.caller import Caller
from tests.chaos.customer import PLENTY, SCARCE, USERS, Customer, restock
from tests.chaos.diary import Diary

CALLS_PER_SECOND = 40.0
LAST_SECONDS = 60.0  # for those in doubt at the end
DOUBT_SECONDS = 0.2  # between two tries of a client that waits for certainty


class Load:
    """Customers who are free wait for their next turn; a busy shop makes new ones."""

    def __init__(self, http: aiohttp.ClientSession, gateway: str, diary: Diary, chance: random.Random) -> None:
        self._http = http
        self._gateway = gateway
        self._diary = diary
        self._chance = chance
        self._numbers = count(1)
        self._free: list[Customer] = []
        self._turns: set[asyncio.Task[None]] = set()
        self.surprises: list[BaseException] = []  # answers that no client could make sense of

    def caller(self) -> Caller:
        """Another client, with a number of its own in the history."""
        return Caller(next(self._numbers), self._http, self._gateway, self._diary.add)

    async def stock_up(self) -> None:
        for product_id in (*PLENTY, *SCARCE):
            quantity = 10**6 if product_id in PLENTY else 20
            wish = restock(product_id, product_name="Thing", unit_price=f"{product_id}.99", quantity=quantity)
            assert (await self.caller().command(wish)).type == "ok", "the shop cannot be stocked"

    @asynccontextmanager
    async def running(self, calls_per_second: float) -> AsyncIterator[None]:
        """Leaves when everybody knows what became of what they asked for, or after LAST_SECONDS."""
        opening = asyncio.create_task(self._open(1 / calls_per_second))
        try:
            yield
        finally:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            await asyncio.gather(*self._turns, return_exceptions=True)
        await self._end_doubts()

    async def _open(self, pause_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        next_at = loop.time()
        while True:
            turn = asyncio.create_task(self._turn())
            self._turns.add(turn)
            turn.add_done_callback(self._ended)
            next_at += pause_seconds
            await asyncio.sleep(next_at - loop.time())

    async def _turn(self) -> None:
        customer = self._next_customer()
        await customer.turn()
        self._free.append(customer)

    def _ended(self, turn: asyncio.Task[None]) -> None:
        self._turns.discard(turn)
        if error := turn.exception():
            self.surprises.append(error)

    def _next_customer(self) -> Customer:
        if not self._free:
            return Customer(self.caller(), random.Random(self._chance.random()), self._chance.randint(1, USERS))
        chosen = self._chance.randrange(len(self._free))
        self._free[chosen], self._free[-1] = self._free[-1], self._free[chosen]
        return self._free.pop()

    async def _end_doubts(self) -> None:
        async def end(customer: Customer) -> None:
            while customer.doubt:
                await customer.turn()
                await asyncio.sleep(DOUBT_SECONDS)

        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                await asyncio.gather(*(end(customer) for customer in self._free if customer.doubt))
