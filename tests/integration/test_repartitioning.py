"""The number of partitions changes while nobody works, up and down, and everything is as it was before."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from common.errors import Unavailable
from common.leases import groups_at_work
from common.log import LogInfo, open_log
from common.repartitioning import Repartitioning, repartition
from tests.support import naive
from tests.support.broker import Broker, virtual_host
from tests.support.real_log import a_database
from tests.support.shop_front import Shop
from tests.support.system import SERVICES, System, running_system, until

LEASES_SECONDS = 30.0
WITH_PARTITIONS = ("command", "projector", "query", "saga")  # the others know of none, and go on


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[AsyncDatabase]:
    async with a_database(mongodb_url) as (client, name):
        yield client[name]


@pytest.fixture
async def shop(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    folder = tmp_path_factory.mktemp("repartitioning")
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, folder, services=SERVICES) as system,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as http,
    ):
        yield Shop(system, http)


async def test_orders_sagas_and_views_are_the_same_with_more_and_with_fewer_partitions(
    shop: Shop, database: AsyncDatabase
) -> None:
    log, views = (database.client[name] for name in (shop.system.events_database, shop.system.views_database))
    keyboard = await shop.stocked(1_000, "1.00")
    begun = [await shop.ordered((keyboard, 1)) for _ in range(12)]
    for order_id in begun:
        await shop.becomes(order_id, "VALIDATED")
    for number in (13, 3):
        with pytest.raises(Repartitioning, match="relay, sagas, views"):
            await repartition(log, views, number)
        await _stop(shop.system, log, views)
        assert await repartition(log, views, number)
        assert not await repartition(log, views, number), "it has that many already"
        await shop.system.start(*WITH_PARTITIONS)
        await shop.system.settled()
        info = LogInfo("", number)
        async for commit in log["commits"].find():
            assert commit["partition"] == info.partition_of(commit["partition_key"])
        paid = begun.pop()
        assert (await shop.pay(paid, "tok_approve", "1.00"))[0] == 200
        await shop.becomes(paid, "PAID")
        await shop.becomes(await shop.ordered((keyboard, 1)), "VALIDATED")
    await shop.stock_is(keyboard, total=1_000, reserved=14)
    await shop.system.settled()
    naive.check(shop.system.mongodb_url, shop.system.events_database, shop.system.views_database)


async def test_a_log_that_is_half_renumbered_is_opened_by_nobody(database: AsyncDatabase) -> None:
    await open_log(database, partitions=8)

    await database["settings"].update_one({"_id": "log"}, {"$set": {"partitions_wanted": 4}})
    with pytest.raises(Unavailable, match="cqrs partitions 4"):
        await open_log(database, partitions=8)
    assert await repartition(database, database, 4)
    assert (await open_log(database, partitions=8)).info.partitions == 4


async def test_what_cannot_be_is_refused(database: AsyncDatabase) -> None:
    with pytest.raises(Repartitioning, match="no log here yet"):
        await repartition(database, database, 4)
    for number in (0, 257):
        with pytest.raises(Repartitioning, match="1 to 256"):
            await repartition(database, database, number)


async def _stop(system: System, log: AsyncDatabase, views: AsyncDatabase) -> None:
    for name in WITH_PARTITIONS:
        await system.end(name)

    async def nobody_has_a_lease() -> bool:
        return not await groups_at_work(log) | await groups_at_work(views)

    await until(nobody_has_a_lease, seconds=LEASES_SECONDS, what="all leases have run out")
