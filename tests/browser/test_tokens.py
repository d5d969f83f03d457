"""Where tokens are asked for: the console says so, sends the one it is given, and follows the log with it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import Console, opened_console
from tests.browser.shop import Shop
from tests.support.broker import Broker, virtual_host
from tests.support.issuing import Issuer
from tests.support.system import WITHOUT_SAGAS, running_system

SOON_MS = 15_000
ISSUER = Issuer()


@pytest.fixture(scope="module")
async def guarded(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    folder = tmp_path_factory.mktemp("guarded")
    settings = {"AUTH": "on", "AUTH_KEYS": str(ISSUER.write_to(folder))}
    headers = {"Authorization": f"Bearer {ISSUER.token('admin')}"}
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, folder, services=WITHOUT_SAGAS, **settings) as system,
        aiohttp.ClientSession(headers=headers) as http,
    ):
        shop = Shop(system.gateway, http)
        await shop.stock()
        yield shop


async def sign_in(console: Console, role: str) -> None:
    await console.page.locator(".identity summary").click()
    await console.page.get_by_label("Token", exact=True).fill(ISSUER.token(role))
    await console.page.get_by_role("button", name="Use it").click()


async def test_without_a_token_the_page_says_how_to_get_one_and_with_one_it_is_live(
    chromium: Browser, guarded: Shop
) -> None:
    async with opened_console(chromium, guarded.address) as console:
        await console.open("orders")
        asks = console.page.get_by_text("This stack asks for a token")
        await expect(asks).to_be_visible(timeout=SOON_MS)
        await sign_in(console, "admin")
        await expect(console.page.get_by_text("Live", exact=True)).to_be_visible(timeout=SOON_MS)
        await expect(asks).to_have_count(0)
        order_id = await guarded.order()
        await expect(console.page.locator(f'a[href="/console/orders/{order_id}"]')).to_be_visible(timeout=SOON_MS)
        await console.page.reload()
        await expect(console.page.locator(f'a[href="/console/orders/{order_id}"]')).to_be_visible(timeout=SOON_MS)
        assert console.strangers == []


async def test_what_a_role_may_not_see_is_said_in_the_api_s_words(chromium: Browser, guarded: Shop) -> None:
    async with opened_console(chromium, guarded.address) as console:
        await console.open("projections")
        await sign_in(console, "support")
        trouble = console.page.locator(".trouble").first
        await expect(trouble).to_contain_text("This is not for the role support; it is for admin.", timeout=SOON_MS)
