"""A real stack with a shop in it, a real browser, and a page that must not complain."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from playwright.async_api import Browser

from tests.browser.chromium import Console, opened_console, running_chromium
from tests.browser.shop import Shop, open_shop
from tests.support.broker import Broker, virtual_host
from tests.support.system import SERVICES, System, running_system

EVERYTHING = (*SERVICES, "monitor")


@pytest.fixture(scope="session")
async def stack(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    folder = tmp_path_factory.mktemp("stack")
    settings = {"MANAGEMENT_URL": rabbitmq.management_url}
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, folder, services=EVERYTHING, **settings) as system,
    ):
        yield system


@pytest.fixture(scope="session")
async def shop(stack: System) -> AsyncIterator[Shop]:
    async with aiohttp.ClientSession() as http:
        opened = await open_shop(stack, http)
        await opened.trade()
        await stack.settled()
        yield opened


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with running_chromium() as browser:
        yield browser


@pytest.fixture
async def console(chromium: Browser, shop: Shop) -> AsyncIterator[Console]:
    """It asks nobody but the gateway, and has nothing to complain of."""
    async with opened_console(chromium, shop.address) as opened:
        yield opened
        assert opened.strangers == []
        assert opened.complaints == []
