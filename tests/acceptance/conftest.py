"""The door that all acceptance tests go through."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.door import Door
from tests.support.system import System

PRODUCT = 456


@pytest.fixture(scope="session")
async def door(system: System) -> AsyncIterator[Door]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        opened = Door(system, http, PRODUCT)
        stock = {"product_id": PRODUCT, "product_name": "Keyboard", "quantity": 10**9, "unit_price": "49.99"}
        assert (await opened.post("inventory", stock)).status in (200, 201)
        yield opened
