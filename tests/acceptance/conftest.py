"""The door that most acceptance tests go through, and a system that fulfils orders."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.broker import Broker, VirtualHost, virtual_host
from tests.support.demo import PAYMENT_SECONDS
from tests.support.door import Door
from tests.support.system import SERVICES, System, running_system

PRODUCT = 456


@pytest.fixture(scope="session")
async def door(system: System) -> AsyncIterator[Door]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        opened = Door(system, http, PRODUCT)
        stock = {"product_id": PRODUCT, "product_name": "Keyboard", "quantity": 10**9, "unit_price": "49.99"}
        assert (await opened.post("inventory", stock)).status in (200, 201)
        await system.settled()
        yield opened


@pytest.fixture(scope="session")
async def events_host(rabbitmq: Broker) -> AsyncIterator[VirtualHost]:
    """The virtual host of `fulfilling`."""
    async with virtual_host(rabbitmq) as host:
        yield host


@pytest.fixture(scope="session")
async def fulfilling(
    mongodb_url: str, events_host: VirtualHost, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """Every service, sagas and payment provider included; unpaid orders wait for PAYMENT_SECONDS."""
    folder = tmp_path_factory.mktemp("fulfilling")
    settings = {"PAYMENT_SECONDS": str(PAYMENT_SECONDS)}
    async with running_system(mongodb_url, events_host.url, folder, services=SERVICES, **settings) as running:
        yield running
