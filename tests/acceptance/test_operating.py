"""What operators ask: sagas that stand still, what happens now, what happened; over HTTP and by `cqrs`."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from common.envelope import Commit
from common.log import open_log
from common.mongo import open_client
from tests.support.broker import Broker, virtual_host
from tests.support.cqrs import PROJECT, Cqrs
from tests.support.door import Answer, Door, require_problem, spell
from tests.support.ledger import Ledger, event
from tests.support.system import SERVICES, System, running_system, until

SOON_SECONDS = 60.0
PLENTY, NOTHING = 456, 457
FULFILMENT = "order_fulfilment"
WRONG = (
    ("state=lost", 400, "invalid_state"),
    ("saga=nothing", 400, "invalid_filter"),
    ("limit=0", 400, "invalid_limit"),
    ("limit=101", 400, "invalid_limit"),
    ("cursor=WyJ4Il0", 400, "invalid_cursor"),
    ("state=over&state=over", 400, "unknown_parameter"),
    ("x=1", 400, "unknown_parameter"),
)


@dataclass(frozen=True, slots=True)
class Operated:
    door: Door
    system: System
    ledger: Ledger
    cqrs: Cqrs

    async def get(self, path: str) -> Answer:
        return await self.door.send(spell("GET", f"/cqrs/ops/{path}"))

    async def saga(self, order_id: str) -> dict[str, Any]:
        answer = await self.get(f"sagas/{FULFILMENT}/{order_id}")
        return answer.content if answer.status == 200 else {}

    async def does(self, *words: str) -> str:
        return await asyncio.to_thread(self.cqrs.does, *words)

    async def until_is(self, order_id: str, **wanted: Any) -> dict[str, Any]:
        async def is_so() -> bool:
            found = await self.saga(order_id)
            return bool(found) and all(found[name] == value for name, value in wanted.items())

        await until(is_so, seconds=SOON_SECONDS, what=f"the saga is {wanted}")
        return await self.saga(order_id)

    async def validated(self) -> str:
        order_id = (await self.door.place(product_id=PLENTY, user_id=user_id()))["order_id"]
        await self.until_is(order_id, waits_for="payment")
        return order_id

    async def rejected(self) -> str:
        order_id = (await self.door.place(product_id=NOTHING, user_id=user_id()))["order_id"]
        await self.until_is(order_id, state="over")
        return order_id

    async def stuck(self) -> Commit:
        """An order whose cancellation is told in words that nobody knows yet."""
        order = await self.ledger.order(user_id(), (PLENTY, 1))
        await self.until_is(order.subject, waits_for="payment")
        newest = await self.ledger.log.read_stream(order.stream)
        strange = await self.ledger.on(newest[-1], event("OrderCancelled", 99, order_id=order.subject, reason="later"))
        await self.until_is(order.subject, state="stuck")
        return strange

    async def understand(self, strange: Commit) -> None:
        """As if a new version of the program could read it."""
        change = {"$set": {"events.0.schema": 1}}
        await self.ledger.log.database["commits"].update_one({"_id": strange.position}, change)


def user_id() -> int:
    return uuid4().int % 10**12 + 1


@pytest.fixture(scope="module")
async def operated(
    mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Operated]:
    folder: Path = tmp_path_factory.mktemp("operating")
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, folder, services=SERVICES) as system,
        aiohttp.ClientSession() as http,
        open_client(mongodb_url, name="test") as mongo,
    ):
        ledger = Ledger(await open_log(mongo[system.events_database], partitions=8))
        door = Door(system, http, PLENTY)
        for product_id, quantity in ((PLENTY, 10**6), (NOTHING, 0)):
            stock = {"product_id": product_id, "product_name": "Thing", "quantity": quantity, "unit_price": "49.99"}
            assert (await door.post("inventory", stock)).status in (200, 201)
        yield Operated(door, system, ledger, Cqrs(data=folder, env={"CQRS_GATEWAY": system.gateway}))


async def test_what_is_stuck_stands_first_says_why_and_goes_on_after_its_retry(operated: Operated) -> None:
    running, over, strange = await operated.validated(), await operated.rejected(), await operated.stuck()
    rows = (await operated.get("sagas?limit=100")).content["data"]
    states = [row["state"] for row in rows]
    assert states == sorted(states, key=("stuck", "running", "over").index)
    assert {running, over, strange.subject} <= {row["id"] for row in rows}
    stuck = rows[0]
    assert (stuck["id"], stuck["subject"], stuck["is_stuck"]) == (strange.subject, strange.subject, True)
    assert f"at position {strange.position}: OrderCancelled has no schema 99" in stuck["trouble"]
    assert stuck["age_seconds"] >= 0
    assert "OrderCancelled has no schema 99" in await operated.does("sagas", "list", "--state", "stuck")
    await operated.understand(strange)
    assert "asked" in await operated.does("sagas", "retry", FULFILMENT, strange.subject)
    after = await operated.until_is(strange.subject, state="over")
    assert (after["trouble"], after["is_stuck"]) == (None, False)
    assert [step["command"] for step in after["steps"]] == ["ReserveStock", "ValidateOrder", "ReleaseStock"]
    assert [step["is_compensation"] for step in after["steps"]] == [False, False, True]
    assert await operated.does("sagas", "list", "--state", "stuck") == "no saga is stuck\n"


async def test_a_refused_step_has_its_code_and_its_sentence_and_what_is_taken_back_is_marked(
    operated: Operated,
) -> None:
    saga = await operated.saga(await operated.rejected())
    reserve, reject = saga["steps"]
    assert (reserve["command"], reserve["outcome"], reserve["code"]) == (
        "ReserveStock",
        "refused",
        "insufficient_stock",
    )
    assert reserve["detail"]
    assert (reject["outcome"], reject["code"], reject["is_compensation"]) == ("accepted", None, True)
    shown = await operated.does("sagas", "show", FULFILMENT, saga["id"])
    assert "insufficient_stock" in shown
    assert shown.splitlines()[-1].startswith(f"{FULFILMENT} {saga['id']}: over after ")
    assert json.loads(await operated.does("sagas", "show", FULFILMENT, saga["id"], "--json")) == saga


async def test_pages_bring_every_saga_once_and_their_cursors_fit_no_other_list(operated: Operated) -> None:
    wanted = {await operated.rejected(), await operated.validated(), await operated.rejected()}
    found, query = [], "limit=1"
    while True:
        page = (await operated.get(f"sagas?{query}")).content
        found += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        query = f"limit=1&cursor={page['next_cursor']}"
    assert len(found) == len(set(found))
    assert wanted <= set(found)
    cursor = (await operated.get("sagas?limit=1")).content["next_cursor"]
    require_problem(await operated.get(f"sagas?state=over&cursor={cursor}"), 400, "invalid_cursor")
    only = (await operated.get(f"sagas?state=over&saga={FULFILMENT}&limit=100")).content["data"]
    assert {row["state"] for row in only} == {"over"}
    assert (await operated.get("sagas?saga=product_onboarding")).content["data"] == []


@pytest.mark.parametrize(("query", "status", "code"), WRONG)
async def test_what_the_list_does_not_understand_is_refused(
    operated: Operated, query: str, status: int, code: str
) -> None:
    require_problem(await operated.get(f"sagas?{query}"), status, code)


async def test_a_saga_that_is_not_there_is_told_as_unknown(operated: Operated) -> None:
    for method, path in (("GET", f"{FULFILMENT}/1"), ("GET", "x/1"), ("POST", f"{FULFILMENT}/1/retry")):
        answer = await operated.door.send(spell(method, f"/cqrs/ops/sagas/{path}"))
        require_problem(answer, 404, "unknown_saga")
    assert "There is no saga" in await asyncio.to_thread(operated.cqrs.refuses, "sagas", "retry", FULFILMENT, "1")


async def test_commits_are_searched_and_one_is_shown_as_it_is_stored(operated: Operated) -> None:
    order_id = await operated.validated()
    stream = f"order-{order_id}"
    found = json.loads(await operated.does("events", "search", "--stream", stream, "--json"))
    positions = [commit["position"] for commit in found["data"]]
    assert positions == sorted(positions, reverse=True)
    shown = await operated.does("events", "search", "--stream", stream, "--limit", "1")
    assert shown.splitlines()[0].startswith("position")
    cursor = shown.rstrip().rpartition("--cursor ")[2]
    rest = await operated.does("events", "search", "--stream", stream, "--cursor", cursor)
    assert rest.splitlines()[-1] == f"{len(positions) - 1} commit{'s' * (len(positions) > 2)}, and no more"
    placed = json.loads(await operated.does("events", "show", str(positions[-1]), "--json"))
    assert (placed["stream"], placed["events"][0]["event"]) == (stream, "OrderInitiated")
    said = await operated.does("events", "show", str(positions[-1]))
    assert "OrderInitiated" in said
    assert said.splitlines()[-1].startswith("1 event, all of it can be read")
    nobody = ("events", "search", "--correlation", "nobody's", "--from", str(positions[0]), "--to", str(positions[0]))
    assert await operated.does(*nobody) == "0 commits, and no more\n"


async def test_what_cannot_be_read_is_shown_with_the_reason_and_exit_code_1(operated: Operated) -> None:
    strange = await operated.stuck()
    done = await asyncio.to_thread(operated.cqrs, "events", "show", str(strange.position))
    assert done.returncode == 1
    assert "cannot be read: unknown_schema" in done.stdout
    assert "There is no" not in done.stderr
    assert "no position" in await asyncio.to_thread(operated.cqrs.refuses, "events", "show", "999999")
    await operated.understand(strange)
    await operated.does("sagas", "retry", FULFILMENT, strange.subject)


async def test_a_tail_goes_on_exactly_where_it_was_when_its_gateway_was_killed(operated: Operated) -> None:
    seen: list[dict[str, Any]] = []
    tail = await started(operated, "events", "tail", "--json", "--from", "1")
    reading = asyncio.create_task(read_lines(tail, seen))
    await operated.door.place(product_id=PLENTY, user_id=user_id())
    await until_level(operated, seen)
    await operated.system.kill("gateway")
    await operated.ledger.stock(999, 3)
    await operated.system.start("gateway")
    await until_level(operated, seen)
    tail.send_signal(signal.SIGINT)
    said = (await tail.stderr.read()).decode() if tail.stderr else ""
    await reading
    assert await tail.wait() == 0
    assert [commit["position"] for commit in seen] == list(range(1, len(seen) + 1))
    assert "the gateway is lost" in said
    verdict = said.splitlines()[-1]
    assert verdict.startswith(f"{len(seen)} commits with ")
    assert verdict.endswith(f"lost 1 time and nothing with it; `cqrs events tail --from {len(seen) + 1}` goes on")


async def test_a_tail_shows_what_was_asked_for_alone(operated: Operated) -> None:
    user = user_id()
    order_id = (await operated.door.place(product_id=PLENTY, user_id=user))["order_id"]
    await operated.validated()
    only = ("--user", str(user), "--order", order_id, "--type", "OrderInitiated", "--type", "OrderValidated")
    seen: list[dict[str, Any]] = []
    tail = await started(operated, "events", "tail", "--json", "--from", "1", *only)
    reading = asyncio.create_task(read_lines(tail, seen))

    async def both() -> bool:
        return len(seen) == 2

    await until(both, seconds=SOON_SECONDS, what="placed and validated")
    tail.terminate()
    await reading
    assert await tail.wait() == 0
    assert {commit["stream"] for commit in seen} == {f"order-{order_id}"}
    assert "answered 400" in await asyncio.to_thread(operated.cqrs.refuses, "events", "tail", "--type", "OrderEaten")


async def started(operated: Operated, *words: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *words),
        cwd=PROJECT,
        env=os.environ | operated.cqrs.env,
        stdout=pipe,
        stderr=pipe,
        limit=2**20,
    )


async def read_lines(tail: asyncio.subprocess.Process, seen: list[dict[str, Any]]) -> None:
    assert tail.stdout
    async for line in tail.stdout:
        seen.append(json.loads(line))


async def until_level(operated: Operated, seen: list[dict[str, Any]]) -> None:
    """The sagas add to the log meanwhile."""

    async def is_level() -> bool:
        return bool(seen) and seen[-1]["position"] == await operated.ledger.log.head()

    await until(is_level, seconds=SOON_SECONDS, what="the tail has shown the head of the log")
