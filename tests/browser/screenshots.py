"""Pictures of every page, from a stack with a shop in it: `python -m tests.browser.screenshots [FOLDER]`.

Wide and light, wide and dark, and on a phone. They are for looking at; the best of them are in docs/images.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import aiohttp
from playwright.async_api import Browser

from common.log import open_log
from common.mongo import open_client
from common.tasks import end
from tests.browser.chromium import PHONE, WIDE, opened_console, running_chromium
from tests.browser.pages import addresses
from tests.browser.shop import Shop, open_shop
from tests.support.broker import virtual_host
from tests.support.ledger import Ledger, event
from tests.support.servers import shared_mongodb, shared_rabbitmq
from tests.support.system import SERVICES, System, running_system

FOLDER = Path("build/screenshots")
LOOKS = {"light": (WIDE, "light"), "dark": (WIDE, "dark"), "phone": (PHONE, "light")}
TRADING_SECONDS = 150.0  # so that there are lines to draw
SETTLING_SECONDS = 5.0  # until the sagas have nothing to write: who poisons writes past the command service
WHOLE = ("overview", "order", "order_causes", "projections", "statistics")  # others are cut where the window ends


@asynccontextmanager
async def a_shop(folder: Path) -> AsyncIterator[tuple[Shop, System]]:
    async with (
        shared_mongodb(folder / "mongodb", os.environ) as mongodb_url,
        shared_rabbitmq(folder / "rabbitmq", os.environ) as broker,
        virtual_host(broker) as host,
        running_system(
            mongodb_url,
            host.url,
            folder,
            services=(*SERVICES, "monitor"),
            MANAGEMENT_URL=broker.management_url,
        ) as system,
        aiohttp.ClientSession() as http,
    ):
        shop = await open_shop(system, http)
        await shop.trade()
        yield shop, system


async def poison(system: System) -> None:
    """One document that stands still."""
    async with open_client(system.mongodb_url, name="screenshots") as mongo:
        ledger = Ledger(await open_log(mongo[system.events_database], partitions=8))
        order = await ledger.order(106, (456, 1))
        await ledger.on(order, event("OrderCancelled", 99, order_id=order.subject, reason="later"))


async def keep_trading(shop: Shop) -> None:
    """Some are paid, and some of those shipped."""
    async with asyncio.TaskGroup() as others:
        for number in count():
            order_id = await shop.order(number)
            if number % 3 == 0:
                others.create_task((shop.complete, shop.ship, shop.pay)[number % 9 // 3](order_id))
            await asyncio.sleep(0.2 if number % 40 < 25 else 0.5)


async def look(browser: Browser, shop: Shop, folder: Path, pages: Mapping[str, str]) -> None:
    for look, (size, scheme) in LOOKS.items():
        for name, path in pages.items():
            async with opened_console(browser, shop.address, size=size, color_scheme=scheme) as console:
                await console.open(path)
                await asyncio.sleep(2.5)  # a rate is known after two looks
                is_whole = name in WHOLE or look == "phone"
                await console.page.screenshot(path=folder / f"{name}_{look}.png", full_page=is_whole)
                for complaint in (*console.complaints, *console.strangers):
                    print(f"{name} {look}: {complaint}")


async def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        async with a_shop(Path(scratch)) as (shop, system), running_chromium() as browser:
            trading = asyncio.create_task(keep_trading(shop))
            await asyncio.sleep(TRADING_SECONDS)
            pages = await addresses(shop)
            await look(browser, shop, folder, {"overview": pages.pop("overview")})  # while all is well
            await end(trading)
            await asyncio.sleep(SETTLING_SECONDS)
            await poison(system)
            await look(browser, shop, folder, pages)


if __name__ == "__main__":
    wanted = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    wanted.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(wanted))
