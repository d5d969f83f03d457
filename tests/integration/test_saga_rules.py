"""Sagas move every order once, whoever is killed, asleep or made to forget (PROTOCOL S)."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from command_service.sagas.order_fulfilment.plan import NAME
from command_service.sagas.retrying import request_retry
from command_service.sagas.shapes import Accepted, Refused, want_id
from common.leases import LEASES
from common.sink import Fenced
from tests.support.broker import Broker, virtual_host
from tests.support.ledger import event
from tests.support.saga_bench import PAYMENT_SECONDS as BENCH_PAYMENT_SECONDS
from tests.support.saga_bench import SagaBench, a_saga_bench
from tests.support.shop_front import SOON_SECONDS, Shop
from tests.support.system import SERVICES, running_system, until

PAYMENT_SECONDS = 12.0
HOLD_SECONDS = 3.0
KILLS = 4  # tests/long/test_fulfilment_under_fire.py kills on
PACE_SECONDS = (0.05, 0.8)  # between two kills


class Watched(Shop):
    """A shop whose log and sagas can be looked into."""

    events: AsyncDatabase[dict[str, Any]]

    async def commits(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        return await self.events["commits"].find(wanted).sort("_id", 1).to_list()

    async def told(self, order_id: str) -> list[str]:
        """The types of all events about an order, in the order of the log."""
        about = {"$or": [{"stream": f"order-{order_id}"}, {"events.data.order_id": order_id}]}
        return [told["type"] for commit in await self.commits(about) for told in commit["events"]]

    async def head(self) -> int:
        newest = await self.events["commits"].find_one(sort=[("_id", -1)])
        return newest["_id"] if newest else 0

    async def saga(self, order_id: str) -> dict[str, Any]:
        return await self.events["sagas"].find_one({"_id": order_id}) or {}

    async def sagas_are(self, word: str, *order_ids: str) -> None:
        async def are_so() -> bool:
            wanted = {"_id": {"$in": order_ids}, "state_word": word, "is_open": False}
            return await self.events["sagas"].count_documents(wanted) == len(order_ids)

        await until(are_so, seconds=SOON_SECONDS, what=f"{len(order_ids)} sagas are {word}")

    async def runners(self) -> Counter[str]:
        """How many partitions each runner holds now."""
        held: Counter[str] = Counter()
        async for lease in self.events[LEASES].find({"_id": {"$regex": r"^sagas/\d"}}):
            if lease["until"] > datetime.now(UTC):
                held[lease["holder"]] += 1
        return held

    async def validated(self, product_id: int, user_id: int = 7) -> str:
        order_id = await self.ordered((product_id, 1), user_id=user_id)
        await self.becomes(order_id, "VALIDATED")
        return order_id

    async def paid_each_once(self, order_ids: list[str], product_id: int) -> None:
        """Every step of every order was done once."""
        await asyncio.gather(*(self.becomes(order_id, "PAID") for order_id in order_ids))
        for order_id in order_ids:
            assert Counter(await self.told(order_id)) == Counter(PAID_ORDER), order_id
        await self.stock_is(product_id, total=1000, reserved=len(order_ids))
        of = {(await self.saga(order_id))["state"]["payment"]["payment_id"] for order_id in order_ids}
        books = await self.books()
        assert {books[payment_id]["captured_count"] for payment_id in of} == {1}


PAID_ORDER = (
    *("OrderInitiated", "StockReserved", "OrderValidated", "PaymentRequested"),
    *("PaymentInitiated", "PaymentProcessed", "OrderPaid"),
)


@pytest.fixture(scope="module")
async def shop(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    async with (
        virtual_host(rabbitmq) as host,
        running_system(
            mongodb_url,
            host.url,
            tmp_path_factory.mktemp("sagas"),
            services=SERVICES,
            PAYMENT_SECONDS=str(PAYMENT_SECONDS),
            PAYMENTS_HOLD_SECONDS=str(HOLD_SECONDS),
        ) as system,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as http,
        AsyncMongoClient[dict[str, Any]](mongodb_url, tz_aware=True) as client,
    ):
        watched = Watched(system, http)
        watched.events = client[system.events_database]
        yield watched


@pytest.fixture
async def bench(mongodb_url: str) -> AsyncIterator[SagaBench]:
    async with a_saga_bench(mongodb_url) as made:
        yield made


# S1: one writer of a saga's document


async def test_S1_a_runner_with_an_old_checkpoint_is_fenced_and_changes_nothing(bench: SagaBench) -> None:
    order, validated = await bench.validated()
    (sleeping, _), (awake, _) = await bench.runner(), await bench.runner()
    await bench.apply(awake, order, validated)
    before = await bench.docs()
    with pytest.raises(Fenced):
        await bench.apply(sleeping, order)
    assert await bench.docs() == before


async def test_S1_a_runner_with_an_old_document_is_fenced_though_no_checkpoint_moves(bench: SagaBench) -> None:
    """An answer and a due moment come without a commit; only the document's own rev stands in the way."""
    order = await bench.ledger.order(1, (1, 1))
    sleeping, late = await bench.runner()
    await bench.apply(sleeping, order)
    await bench.is_level(sleeping)
    awake, early = await bench.runner()
    await bench.is_level(awake)
    awake.tell(early.sent[0], Refused(step="reserve/1", code="no_price", detail="There is none."))
    await awake.settle()
    before = await bench.docs()
    sleeping.tell(late.sent[0], Accepted(step="reserve/1", events=()))
    with pytest.raises(Fenced):
        await sleeping.settle()
    assert await bench.docs() == before


@asynccontextmanager
async def a_second_runner(shop: Watched) -> AsyncIterator[None]:
    """Beside the first one; afterwards the first has everything again."""
    await shop.system.start("saga2")
    try:
        yield
    finally:
        await shop.system.kill("saga2")
        await until(lambda: _is_shared(shop, [8]), seconds=SOON_SECONDS, what="one runner holds everything")


async def _is_shared(shop: Watched, shares: list[int]) -> bool:
    return sorted((await shop.runners()).values()) == shares


async def test_S1_two_runners_share_the_orders_and_double_nothing(shop: Watched) -> None:
    async with a_second_runner(shop):
        await until(lambda: _is_shared(shop, [4, 4]), seconds=SOON_SECONDS, what="both runners hold their share")
        product = await shop.stocked(1000)
        orders = await asyncio.gather(*(shop.validated(product, user_id=n) for n in range(1, 17)))
        await asyncio.gather(*(shop.pay(order_id, "tok_approve") for order_id in orders))
        await shop.paid_each_once(orders, product)


async def test_S1_a_runner_that_slept_past_its_lease_doubles_nothing(shop: Watched) -> None:
    product = await shop.stocked(1000)
    await until(lambda: _is_shared(shop, [8]), seconds=SOON_SECONDS, what="one runner holds everything")
    orders = await asyncio.gather(*(shop.validated(product, user_id=n) for n in range(1, 17)))
    (asleep,) = await shop.runners()
    paying = asyncio.gather(*(shop.pay(order_id, "tok_approve") for order_id in orders))
    await until(lambda: _begun(shop, orders, 2), seconds=SOON_SECONDS, what="some payments are on their way")
    shop.system.signal("saga", signal.SIGSTOP)
    try:
        await paying
        async with a_second_runner(shop):

            async def has_taken_over() -> bool:
                held = await shop.runners()
                return held.total() == 8 and asleep not in held

            await until(has_taken_over, seconds=SOON_SECONDS, what="the other runner has taken over")
            await asyncio.gather(*(shop.becomes(order_id, "PAID") for order_id in orders))
            shop.system.signal("saga", signal.SIGCONT)
            await until(lambda: _is_shared(shop, [4, 4]), seconds=SOON_SECONDS, what="the sleeper is back")
            await shop.paid_each_once(orders, product)
            await shop.sagas_are("running", *orders)
    finally:
        shop.system.signal("saga", signal.SIGCONT)


async def _begun(shop: Watched, orders: list[str], count: int) -> bool:
    begun = {"events.type": "PaymentInitiated", "events.data.order_id": {"$in": orders}}
    return await shop.events["commits"].count_documents(begun) >= count


# S2: folded again


async def test_S2_sagas_that_were_forgotten_are_folded_again_and_want_nothing_new(shop: Watched) -> None:
    orders = await _orders_of_all_kinds(shop)
    before, head, books = await _known(shop, orders), await shop.head(), await shop.books()
    assert {saga["state"]["status"] for saga in before.values()} == {"PAID", "REJECTED", "REFUNDED", "CANCELLED"}
    await _forget_sagas(shop)

    async def are_back() -> bool:
        return await _known(shop, orders) == before

    await until(are_back, seconds=SOON_SECONDS, what="every saga knows again what it knew")
    await shop.validated(await shop.stocked(5))  # the partitions are level: what was to be sent is on its way
    await shop.sagas_are("over", *(order_id for order_id in orders if before[order_id]["state_word"] == "over"))
    streams = [f"{context}-{order_id}" for context in ("order", "saga") for order_id in orders]
    about = {"$or": [{"stream": {"$in": streams}}, {"events.data.order_id": {"$in": orders}}]}
    assert await shop.commits({"_id": {"$gt": head}, **about}) == []
    assert await shop.books() == books


async def _forget_sagas(shop: Watched) -> None:
    await shop.events["sagas"].delete_many({})
    await shop.events["checkpoints"].delete_many({"group": "sagas"})


async def _orders_of_all_kinds(shop: Watched) -> list[str]:
    product = await shop.stocked(1000)
    rejected = await shop.ordered((product, 1), (await shop.stocked(1), 2))
    paid, refunded, retried = [await shop.validated(product) for _ in range(3)]
    forgotten = await shop.validated(product)
    await asyncio.gather(*(shop.pay(order_id, "tok_approve") for order_id in (paid, refunded)))
    await shop.pay(retried, "tok_decline")
    await shop.becomes(refunded, "PAID")
    await shop.post(f"orders/{refunded}/cancel")
    await shop.becomes(refunded, "REFUNDED")
    await shop.becomes(rejected, "REJECTED")
    await until(lambda: _was_told(shop, retried, "OrderPaymentFailed"), seconds=SOON_SECONDS, what="it is declined")
    await shop.pay(retried, "tok_twice")
    await shop.becomes(retried, "PAID")
    await shop.becomes(forgotten, "CANCELLED")
    await shop.sagas_are("over", rejected, refunded, forgotten)
    await shop.sagas_are("running", paid, retried)
    return [rejected, paid, refunded, retried, forgotten]


async def test_S1_the_runner_folds_one_saga_again_when_it_is_asked_to_and_it_goes_on(shop: Watched) -> None:
    order_id = await shop.validated(await shop.stocked(5))
    before, told = await _known(shop, [order_id]), await shop.told(order_id)
    rev = (await shop.saga(order_id))["rev"]
    assert await request_retry(shop.events, order_id)

    async def is_done() -> bool:
        return await shop.events["saga_requests"].count_documents({}) == 0

    await until(is_done, seconds=SOON_SECONDS, what="the request is served")
    assert (await shop.saga(order_id))["rev"] == rev + 1
    assert (await _known(shop, [order_id]), await shop.told(order_id)) == (before, told)
    await shop.pay(order_id, "tok_approve")
    await shop.becomes(order_id, "PAID")
    assert Counter(await shop.told(order_id)) == Counter(PAID_ORDER)


async def _was_told(shop: Watched, order_id: str, event_type: str) -> bool:
    return event_type in await shop.told(order_id)


async def _known(shop: Watched, orders: list[str]) -> dict[str, dict[str, Any]]:
    """What the sagas know; whether time was up is no longer asked of what is over.

    Their positions may differ: an event that an outcome forestalled changes nothing, and which came first is chance.
    """
    return {
        saga["_id"]: {
            "state": {name: value for name, value in saga["state"].items() if name != "is_overdue"},
            **{name: saga[name] for name in ("state_word", "waits_for", "trouble")},
        }
        async for saga in shop.events["sagas"].find({"_id": {"$in": orders}})
    }


async def test_S2_what_a_cancellation_forestalled_is_not_wanted_when_the_saga_is_folded_again(bench: SagaBench) -> None:
    """The release stands in the log, and S4 lets it begin only when nothing is open: nobody wanted the second line."""
    order = await bench.ledger.order(1, (1, 1), (2, 1))
    await bench.reserved(order, 1)
    cancelled = await bench.ledger.cancel(order)
    await bench.released(order, 1)
    runner, outbox = await bench.runner()
    await bench.apply(runner, order, cancelled)
    await bench.is_level(runner)
    assert outbox.steps == []
    assert (await bench.docs())[order.subject]["state_word"] == "over"


# S3: a refusal is an outcome


async def test_S3_a_refusal_is_a_commit_under_the_id_of_what_was_refused(shop: Watched) -> None:
    plenty, scarce = await shop.stocked(10), await shop.stocked(1)
    order_id = await shop.ordered((plenty, 1), (scarce, 2))
    await shop.becomes(order_id, "REJECTED")
    (refusal,) = await shop.commits({"stream": f"saga-{order_id}"})
    assert refusal["command_id"] == want_id(NAME, order_id, f"reserve/{scarce}")
    assert refusal["events"][0]["type"] == "CommandRefused"
    assert refusal["events"][0]["data"]["code"] == "insufficient_stock"


async def test_S3_what_was_refused_stays_so_when_the_saga_is_folded_again(shop: Watched) -> None:
    """By now there would be enough."""
    scarce = await shop.stocked(1)
    order_id = await shop.ordered((scarce, 2))
    await shop.becomes(order_id, "REJECTED")
    await shop.sagas_are("over", order_id)
    await shop.post("inventory", {"product_id": scarce, "quantity": 10})
    told = await shop.told(order_id)
    await shop.events["sagas"].drop()  # and not the checkpoints
    await shop.sagas_are("over", order_id)
    assert await shop.told(order_id) == told
    await shop.stock_is(scarce, total=10, reserved=0)


async def test_S3_a_runner_that_is_killed_at_any_moment_does_every_step_once(shop: Watched) -> None:
    chance = random.Random(20260301)
    product = await shop.stocked(1000)

    async def buy(user_id: int) -> str:
        order_id = await shop.ordered((product, 1), user_id=user_id)
        await shop.becomes(order_id, "VALIDATED", seconds=60)
        await shop.pay(order_id, "tok_approve")
        await shop.becomes(order_id, "PAID", seconds=60)
        return order_id

    async def kill() -> None:
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(*PACE_SECONDS))  # a part of the fault's schedule
            await shop.system.kill("saga")
            await shop.system.start("saga")

    killing = asyncio.create_task(kill())
    orders: list[str] = []
    while not killing.done():
        orders += await asyncio.gather(*(buy(user_id) for user_id in range(1, 9)))
    await killing
    await shop.paid_each_once(orders, product)


# S4: compensation


async def test_S4_lines_are_reserved_in_order_and_each_release_names_its_reservation(shop: Watched) -> None:
    first, second, scarce = await shop.stocked(10), await shop.stocked(10), await shop.stocked(1)
    order_id = await shop.ordered((scarce, 2), (second, 3), (first, 1))
    await shop.becomes(order_id, "REJECTED")
    commits = await shop.commits({"events.data.order_id": order_id, "stream": {"$regex": "^inventory-"}})
    told = [(c["events"][0]["type"], c["events"][0]["data"]) for c in commits]
    assert [(kind, data["product_id"], data["quantity"]) for kind, data in told] == [
        *(("StockReserved", first, 1), ("StockReserved", second, 3)),
        *(("StockReleased", first, 1), ("StockReleased", second, 3)),
    ]
    made = [commit["command_id"] for commit in commits[:2]]
    assert [data["reservation_id"] for _, data in told] == made * 2
    (refusal,) = await shop.commits({"stream": f"saga-{order_id}"})
    assert commits[1]["_id"] < refusal["_id"] < commits[2]["_id"]


# S5: the provider


async def test_S5_the_provider_is_asked_only_for_what_stands_in_the_log(shop: Watched) -> None:
    order_id = await shop.validated(await shop.stocked(5))
    await shop.system.kill("payments")
    await shop.pay(order_id, "tok_approve")
    await until(lambda: _was_told(shop, order_id, "PaymentInitiated"), seconds=SOON_SECONDS, what="it is initiated")
    assert "PaymentProcessed" not in await shop.told(order_id)
    await shop.system.start("payments")
    order = await shop.becomes(order_id, "PAID")
    charge = (await shop.books())[order["payment_info"]["payment_id"]]
    assert (charge["captured_count"], charge["refunded_count"]) == (1, 0)
    told = await shop.told(order_id)
    assert told.index("PaymentRequested") < told.index("PaymentInitiated") < told.index("PaymentProcessed")


@pytest.mark.parametrize("killed", ["saga", "payments"])
async def test_S5_who_dies_between_the_capture_and_its_answer_does_not_make_it_two(shop: Watched, killed: str) -> None:
    order_id = await shop.validated(await shop.stocked(5))
    await shop.pay(order_id, "tok_slow")  # captured at once, answered after HOLD_SECONDS
    payment_id = (await shop.commits({"events.type": "PaymentRequested", "stream": f"order-{order_id}"}))[-1]["events"]
    payment_id = payment_id[0]["data"]["payment_id"]

    async def is_captured() -> bool:
        return (await shop.books()).get(payment_id, {}).get("captured_count") == 1

    await until(is_captured, seconds=SOON_SECONDS, what="the money is taken")
    told = await shop.told(order_id)
    assert ("PaymentInitiated" in told, "PaymentProcessed" in told) == (True, False)
    await shop.system.kill(killed)
    await shop.system.start(killed)
    await shop.becomes(order_id, "PAID")
    charge = (await shop.books())[payment_id]
    assert (charge["captured_count"], charge["refunded_count"]) == (1, 0)
    assert (await shop.told(order_id)).count("PaymentProcessed") == 1


# S6: time


async def test_S6_time_is_not_up_before_all_was_read_that_came_in_time(bench: SagaBench) -> None:
    order, validated = await bench.validated()
    first, _ = await bench.runner()
    await bench.apply(first, order, validated)
    request = await bench.requested(validated)
    bench.now += timedelta(seconds=BENCH_PAYMENT_SECONDS + 1)
    runner, outbox = await bench.runner()
    await runner.settle()
    await bench.apply(runner, request)
    await bench.is_level(runner)
    assert outbox.steps == ["initiate"]


async def test_S6_time_is_up_when_all_was_read(bench: SagaBench) -> None:
    order, validated = await bench.validated()
    runner, outbox = await bench.runner()
    await bench.apply(runner, order, validated)
    bench.now += timedelta(seconds=BENCH_PAYMENT_SECONDS + 1)
    await bench.is_level(runner)
    await bench.is_level(runner)
    assert outbox.steps == ["time_out"]


async def test_S6_nothing_is_sent_before_the_partition_is_level(bench: SagaBench) -> None:
    order = await bench.ledger.order(1, (1, 1))
    cancelled = await bench.ledger.cancel(order)
    runner, outbox = await bench.runner()
    await bench.apply(runner, order)
    assert outbox.steps == []
    await bench.apply(runner, cancelled)
    await bench.is_level(runner)
    assert outbox.steps == ["reserve/1"]


async def test_S6_a_payment_that_came_in_time_while_the_runner_was_down_counts(shop: Watched) -> None:
    order_id = await shop.validated(await shop.stocked(5))
    due_at = (await shop.saga(order_id))["due_at"]
    await shop.system.kill("saga")
    assert (await shop.pay(order_id, "tok_approve"))[0] == 200
    assert datetime.now(UTC) < due_at
    await until(_has_passed(due_at), seconds=PAYMENT_SECONDS + 5, what="the time for paying is over")
    await shop.system.start("saga")
    await shop.becomes(order_id, "PAID")
    assert "OrderCancelled" not in await shop.told(order_id)


def _has_passed(moment: datetime) -> Callable[[], Awaitable[bool]]:
    async def has_passed() -> bool:
        return datetime.now(UTC) > moment

    return has_passed


# What cannot be understood


async def test_an_outcome_that_cannot_be_read_stops_its_own_saga_alone(bench: SagaBench) -> None:
    strange, fine = await bench.ledger.order(1, (1, 1)), await bench.ledger.order(1, (1, 1))
    await bench.answers(strange, "reserve/1", event("StockTeleported", to="Mars"), stream="inventory-1")
    runner, outbox = await bench.runner()
    await bench.apply(runner, strange, fine)
    await bench.is_level(runner)
    assert {errand.saga_id for errand in outbox.sent} == {strange.subject, fine.subject}
