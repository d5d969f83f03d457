"""Reads back through the query service what was acknowledged, user by user."""

import asyncio
from collections.abc import Iterable, Iterator

import aiohttp

PAGE = 100  # orders
READERS = 8  # pages read at the same time


async def missing_orders(port: int, user_ids: Iterable[int], expected: Iterable[str]) -> int:
    """How many of the expected orders are in no list of these users."""
    missing = set(expected)
    remaining = iter(user_ids)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:

        async def read_in_a_row(mine: Iterator[int]) -> None:
            for user_id in mine:
                async for order_id in _orders_of(http, user_id):
                    missing.discard(order_id)

        await asyncio.gather(*(read_in_a_row(remaining) for _ in range(READERS)))
    return len(missing)


async def _orders_of(http: aiohttp.ClientSession, user_id: int):
    cursor: dict[str, str] = {}
    while True:
        parameters = {"limit": str(PAGE)} | cursor
        async with http.get(f"/queries/users/{user_id}/orders", params=parameters) as answer:
            if answer.status == 404:  # a user without orders
                return
            answer.raise_for_status()
            page = await answer.json()
        for order in page["data"]:
            yield order["order_id"]
        if not page["has_more"]:
            return
        cursor = {"cursor": page["next_cursor"]}
