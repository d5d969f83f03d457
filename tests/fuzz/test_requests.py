"""Random requests to every operation: no answer of 5xx or beside the contract, nobody crashes, every view is right."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import aiohttp
import orjson
import pytest

from tests.fuzz.asking import Asking, Tally
from tests.fuzz.drawing import draw_evenly
from tests.fuzz.judging import AT_REST_SECONDS, judged, wrong
from tests.fuzz.operations import NEVER_DONE, OPERATIONS
from tests.fuzz.plans import known, plans
from tests.fuzz.shopper import Shopper
from tests.fuzz.wishes import ORDERS
from tests.support.broker import Broker, virtual_host
from tests.support.system import SERVICES, System, running_system, until

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "20000"))
LONGER_THAN_THIS = "86400"  # seconds: whose time for paying is over while the judge looks is not at rest
MOST_REFUSED = 0.8  # of an operation's requests


@pytest.fixture(scope="module")
async def system(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with (
        virtual_host(rabbitmq) as host,
        running_system(
            mongodb_url,
            host.url,
            tmp_path_factory.mktemp("requests"),
            services=SERVICES,
            PAYMENT_SECONDS=LONGER_THAN_THIS,
        ) as running,
    ):
        yield running


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture
def shopper(system: System, runner: asyncio.Runner) -> Iterator[Shopper]:
    async def opened() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))

    http = runner.run(opened())
    yield Shopper(system, http)
    runner.run(http.close())


def test_random_requests_to_every_operation(system: System, shopper: Shopper, runner: asyncio.Runner) -> None:
    pids = {name: program.pid for name, program in system._programs.items()}
    tally = asked_at_random(system, shopper, runner)
    runner.run(until(shopper.nothing_is_built, seconds=AT_REST_SECONDS, what="every generation is built"))
    facts = runner.run(judged(system))
    print(f"{tally.statuses.total()} requests, {dict(sorted(tally.statuses.items()))}")
    rarely, violations = rarely_done(tally), wrong(facts)
    print(*violations, *tally.faults, sep="\n")
    assert tally.statuses.total() >= REQUESTS
    assert not tally.faults, tally.faults[:5]
    assert {name: program.pid for name, program in system._programs.items()} == pids
    assert all(program.exit_code is None for program in system._programs.values())
    assert violations == []
    assert not rarely, "of these mostly the door was tested"


def asked_at_random(system: System, shopper: Shopper, runner: asyncio.Runner) -> Tally:
    asking = Asking(system, shopper)
    runner.run(asking.begin())

    draw_evenly([plans(operation) for operation in OPERATIONS], REQUESTS, lambda some: runner.run(asking.take(some)))
    runner.run(asking.end())
    return asking.tally


def rarely_done(tally: Tally) -> list[str]:
    """Operations with too few answers of 2xx, or any where none can be; all are printed, with what was answered."""
    rows = [(tally.share_done(operation), operation) for operation in OPERATIONS]
    for share, operation in sorted(rows):
        print(f"{share:4.0%} {operation} {dict(tally.answers[operation])}")
    return [op for share, op in rows if (share > 0 if op in NEVER_DONE else share < 1 - MOST_REFUSED)]


def test_a_plan_is_spelled_as_it_would_be_sent() -> None:
    body = orjson.dumps({"order_id": ORDERS[3], "reservation_id": ORDERS[3]})
    assert b"@" not in known(body, {"@order@": "o", "@reservation@": "r"})
