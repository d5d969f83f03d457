"""Queries about the past on a real MongoDB answer what they would have answered when the views stood there (Q4)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from msgspec.structs import replace
from pymongo.asynchronous.database import AsyncDatabase

from common import log_history
from common.access.actors import ANYBODY, Actor, Role
from common.access.routes import admit_as
from common.envelope import Commit
from common.errors import BadRequest, NotFound, Unavailable
from common.log import MongoLog
from common.log_history import CLOCKS_DIFFER, position_at, read_head
from common.primary import Primary
from common.read_models import SUMMARIES
from projector.views import make_indexes
from query_service.answers import Answer
from query_service.past import counting, documents
from query_service.past.asking import Past, position_of
from query_service.past.serving import AT_ONCE, LookingBack
from query_service.queries import inventory, orders, statistics, users
from tests.support import naive
from tests.support.commits import a_commit
from tests.support.imagined_shop import PRODUCTS, USERS, ImaginedShop
from tests.support.ledger import event
from tests.support.real_log import a_database, a_real_log
from tests.support.view_bench import ViewBench, a_view_bench

Query = Callable[[web.Request, Any], Awaitable[Answer]]
BEGUN_AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def bench(mongodb_url: str) -> AsyncIterator[ViewBench]:
    async with a_view_bench(mongodb_url) as bench:
        yield bench


def past_of(bench: ViewBench, position: int) -> Past:
    return Past(position, bench.ledger.log.database, bench.views)


async def answered(query: Query, source: Any, *, actor: Actor = ANYBODY, **match: object) -> Any:
    """What is answered, or the code of the refusal."""
    http = make_mocked_request("GET", "/", match_info={name: str(value) for name, value in match.items()})
    admit_as(http, actor)
    try:
        answer = await query(http, source)
    except NotFound as refusal:
        return refusal.code
    return answer.content() if callable(answer.content) else answer.content


async def traded(bench: ViewBench, seed: int, times: int) -> list[Commit]:
    shop = ImaginedShop(seed)
    shop.trade(times)
    commits = [replace(c, partition=bench.log.info.partition_of(c.partition_key)) for c in shop.commits]
    return await bench.ledger.put(*commits)


async def project(bench: ViewBench, commits: Sequence[Commit]) -> None:
    """Bring the views of these commits' partitions to the last of each."""
    writer = bench.writer()
    await writer.begin(bench.all_partitions)
    batch: dict[int, list[Commit]] = {}
    for commit in commits:
        batch.setdefault(commit.partition, []).append(commit)
    if batch:
        await writer.apply(batch)


async def stand(views: AsyncDatabase[dict[str, Any]], commits: Sequence[Commit]) -> None:
    """Views as the naive program makes them of these commits, in place of what is there."""
    expected = naive.expected_views([as_stored(commit) for commit in commits])
    for collection in ("orders", "inventory", "sums"):
        await views[collection].delete_many({})
        found = expected[collection]
        made = [as_sums(key, numbers) for key, numbers in found.items()] if collection == "sums" else [*found.values()]
        if made:
            await views[collection].insert_many(made)


def as_stored(commit: Commit) -> dict[str, Any]:
    stored = msgspec.to_builtins(commit, builtin_types=(datetime,))
    return {**stored, "_id": commit.position, "events": list(stored["events"])}


def as_sums(key: str, numbers: Mapping[str, int]) -> dict[str, Any]:
    of, *parts = key.split("/")
    (summary,) = [summary for summary in SUMMARIES if summary.of == of]
    named = zip(summary.fields, parts, strict=False)
    document: dict[str, Any] = {"_id": key, "of": of, **{n: int(p) if n.endswith("_id") else p for n, p in named}}
    for dotted, number in numbers.items():
        outer, _, inner = dotted.partition(".")
        if inner:
            document.setdefault(outer, {})[inner] = number
        else:
            document[outer] = number
    return document


def without_ties(shown: Any) -> Any:
    """Among customers who spent the same the live query takes whoever the index has first."""
    if isinstance(shown, dict) and "best_customers" in shown:
        best = sorted(shown["best_customers"], key=lambda user: (-user["total_spent"], user["user_id"]))
        return shown | {"best_customers": best}
    return shown


def without_who_waits(shown: Any) -> Any:
    hidden = ("pending_orders", "pending_orders_count")
    return {name: value for name, value in shown.items() if name not in hidden} if isinstance(shown, dict) else shown


async def require_sums(bench: ViewBench, then: AsyncDatabase[dict[str, Any]], position: int) -> None:
    past = past_of(bench, position)
    shown = await answered(counting.order_statistics, past)
    assert without_ties(shown) == without_ties(await answered(statistics.order_statistics, then)), position
    for user_id in USERS:
        shown = await answered(counting.user_summary, past, user_id=user_id)
        assert shown == await answered(users.user_summary, then, user_id=user_id), (position, user_id)


@pytest.mark.parametrize("seed", range(2))
async def test_sums_as_of_every_position_are_those_of_the_naive_fold(bench: ViewBench, seed: int) -> None:
    commits = await traded(bench, seed, 50)
    await project(bench, commits)
    async with a_database(bench.url) as (client, name):
        for position in range(len(commits) + 1):
            await stand(client[name], commits[:position])
            await require_sums(bench, client[name], position)


@pytest.mark.parametrize("seed", range(3))
async def test_sums_of_the_past_do_not_depend_on_how_far_the_views_are(bench: ViewBench, seed: int) -> None:
    """They stand at another position in each partition, behind the position asked for or ahead of it."""
    commits, chance = await traded(bench, seed + 10, 90), Random(seed)
    ends = {partition: chance.randint(0, len(commits)) for partition in bench.all_partitions}
    await project(bench, [commit for commit in commits if commit.position <= ends[commit.partition]])
    async with a_database(bench.url) as (client, name):
        for position in chance.sample(range(1, len(commits) + 1), 8):
            await stand(client[name], commits[:position])
            await require_sums(bench, client[name], position)


async def test_sums_of_the_past_are_right_while_the_views_are_made_anew(bench: ViewBench) -> None:
    commits = await traded(bench, 5, 60)
    await project(bench, commits)
    await bench.views["checkpoints"].update_one({"partition": 1}, {"$set": {"position": 0, "clearing": True}})
    await bench.views["orders"].delete_many({"partition": 1})
    position = len(commits) - 2
    async with a_database(bench.url) as (client, name):
        await stand(client[name], commits[:position])
        await require_sums(bench, client[name], position)


@pytest.mark.parametrize("seed", range(2))
async def test_orders_and_stocks_as_of_every_position_are_those_of_the_naive_fold(bench: ViewBench, seed: int) -> None:
    commits = await traded(bench, seed, 40)
    subjects = sorted({commit.subject for commit in commits if commit.context == "order"})
    async with a_database(bench.url) as (client, name):
        await make_indexes(client[name])
        for position in range(len(commits) + 1):
            await stand(client[name], commits[:position])
            past = past_of(bench, position)
            for order_id in subjects:
                shown = await answered(documents.one_order, past, order_id=order_id)
                assert shown == await answered(orders.one_order, client[name], order_id=order_id), position
            for product_id in PRODUCTS:
                shown = await answered(documents.one_product, past, product_id=product_id)
                live = await answered(inventory.one_product, client[name], product_id=product_id)
                assert shown == without_who_waits(live), position


async def test_of_the_past_too_nobody_sees_what_is_anothers(bench: ViewBench) -> None:
    order = await bench.ledger.order(7, (1, 1))
    past = past_of(bench, order.position)
    owner, other = (Actor(name=f"user {n}", role=Role.CUSTOMER, user_id=n) for n in (7, 8))
    assert (await answered(documents.one_order, past, actor=owner, order_id=order.subject))["user_id"] == 7
    for query, match in ((documents.one_order, {"order_id": order.subject}), (counting.user_summary, {"user_id": 7})):
        code = await answered(query, past, actor=other, **match)
        assert code in ("unknown_order", "unknown_user")


async def test_an_order_that_was_parked_is_shown_as_it_stood_and_said_to_be_parked(bench: ViewBench) -> None:
    order = await bench.ledger.order(7, (1, 1))
    bad = await bench.ledger.on(order, event("NobodyKnowsThis", order_id=order.subject))
    http = make_mocked_request("GET", "/", match_info={"order_id": order.subject})
    admit_as(http, ANYBODY)
    for position, is_parked in ((order.position, False), (bad.position, True)):
        answer = await documents.one_order(http, past_of(bench, position))
        assert (answer.content["version"], answer.is_parked) == (1, is_parked)


async def test_who_asks_too_far_back_is_told_so_in_time(bench: ViewBench) -> None:
    primary = Primary(bench.views["checkpoints"])
    looking = LookingBack(bench.views, primary, bench.ledger.log.database, primary, seconds=1.0)
    await bench.ledger.order(7, (1, 1))
    http = make_mocked_request("GET", "/?as_of=1")
    admit_as(http, ANYBODY)
    with pytest.raises(Unavailable) as refused:
        await looking.handler(endless, ("as_of",))(http)
    assert refused.value.code == "past_too_far"
    places = [asyncio.create_task(looking._room.acquire()) for _ in range(AT_ONCE)]
    await asyncio.gather(*places)
    with pytest.raises(Unavailable) as refused:
        await looking.handler(endless, ("as_of",))(http)
    assert refused.value.code == "overloaded"


async def endless(http: web.Request, past: Past) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


# A time becomes a position


async def recorded(log: MongoLog, *seconds: float) -> None:
    """One commit after another, recorded so many seconds after BEGUN_AT."""
    commits = [
        replace(a_commit(n, f"order-{n}", 1), recorded_at=BEGUN_AT + timedelta(seconds=at))
        for n, at in enumerate(seconds, 1)
    ]
    assert (await log.insert(commits)).count == len(commits)


async def some_log(log: MongoLog, chance: Random, skew: timedelta) -> list[int]:
    """Clocks of several services: a commit says that it is up to `skew` older than one before it. In milliseconds."""
    most = int(skew.total_seconds() * 1000)
    milliseconds = [number * 1500 - chance.randint(0, most) for number in range(120)]
    await recorded(log, *(at / 1000 for at in milliseconds))
    return milliseconds


async def wrong_instants(log: MongoLog, milliseconds: Sequence[int]) -> int:
    wrong = 0
    for instant in [at + offset for at in milliseconds[::4] for offset in (-1, 0)]:
        found = await position_at(log.database, BEGUN_AT + timedelta(milliseconds=instant), len(milliseconds))
        wrong += found != max((n for n, at in enumerate(milliseconds, 1) if at <= instant), default=0)
    return wrong


async def test_Q4_a_time_is_the_last_commit_recorded_by_then_whatever_the_clocks_say(mongodb_url: str) -> None:
    async with a_real_log(mongodb_url) as log:
        assert await wrong_instants(log, await some_log(log, Random(3), CLOCKS_DIFFER)) == 0


async def test_Q4_without_a_look_at_the_neighbourhood_a_late_commit_would_be_missed(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_history, "CLOCKS_DIFFER", timedelta(0))
    async with a_real_log(mongodb_url) as log:
        assert await wrong_instants(log, await some_log(log, Random(3), CLOCKS_DIFFER)) > 0


async def test_the_ends_of_the_log_are_found_by_time(mongodb_url: str) -> None:
    async with a_real_log(mongodb_url) as log:
        database = log.database
        assert await position_of(0, database) == await position_of(BEGUN_AT, database) == 0
        await recorded(log, 0, 1, 1, 2)
        head = (await read_head(database)).position
        for seconds, position in ((-1, 0), (0, 1), (0.5, 1), (1, 3), (2, 4), (100, 4)):
            assert await position_at(database, BEGUN_AT + timedelta(seconds=seconds), head) == position


async def test_what_has_not_been_yet_is_refused(mongodb_url: str) -> None:
    async with a_real_log(mongodb_url) as log:
        ahead = int((datetime.now(UTC) - BEGUN_AT).total_seconds()) + 60
        await recorded(log, 0, 1)
        for as_of in (3, datetime.now(UTC) + timedelta(seconds=5)):
            with pytest.raises(BadRequest) as refused:
                await position_of(as_of, log.database)
            assert refused.value.code == "as_of_not_yet"
        assert await position_of(datetime.now(UTC), log.database) == 2
        clock_ahead = replace(a_commit(3, "order-3", 1), recorded_at=BEGUN_AT + timedelta(seconds=ahead))
        await log.insert([clock_ahead])
        assert await position_of(clock_ahead.recorded_at, log.database) == 3
