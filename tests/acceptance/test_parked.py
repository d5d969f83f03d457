"""What stands still, over HTTP: poison in the log parks one document alone; it is found, retried, or skipped."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import orjson
import pytest

from common.envelope import Commit
from common.log import open_log
from common.mongo import open_client
from tests.support import naive
from tests.support.broker import Broker, virtual_host
from tests.support.cqrs import Cqrs
from tests.support.door import Answer, Door, require_problem, spell
from tests.support.ledger import Ledger, event
from tests.support.system import System, running_system, until

SOON_SECONDS = 20.0
PERSONAL = "Ada Nobody"
WRONG = (
    *("limit=0", "limit=x", "limit=1&limit=2", "cursor=x", "cursor=WzFd", "cursor=WyJvcmRlcnMiLCBudWxsLCAiYSJd"),
    *("x=1", "code[$ne]=x", "projection=orders&projection=orders"),
)
BAD_RETRIES: tuple[Any, ...] = (
    *({}, {"all": False}, {"key": "x"}, {"projection": "orders", "key": "x", "code": "y"}, {"all": True, "code": "x"}),
    *({"code": ""}, {"code": 7}, {"code": {"$ne": "x"}}, {"projection": "orders", "key": True}, {"all": 1}, {"x": 1}),
    {"projection": "orders", "key": ["x"]},
)
BAD_REASONS = ("", "no", "x" * 501, 7, None, "a\u202eb c", "nul \x00 nul")


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A system whose log somebody writes into past the command service."""

    door: Door
    system: System
    ledger: Ledger
    cqrs: Cqrs

    async def get(self, path: str = "") -> Answer:
        return await self.door.send(spell("GET", f"/cqrs/ops/parked{path}"))

    async def post(self, path: str, body: Any) -> Answer:
        body = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.door.send(spell("POST", f"/cqrs/ops/parked/{path}", body))

    async def poison(self, count: int = 1) -> list[Commit]:
        """Orders, each cancelled in words that nobody knows yet; return the cancellations, all of them parked."""
        orders = await self.ledger.orders(user_id(), *([(1, 1)] for _ in range(count)))
        told = {"reason": "later", "personal": {"customer_name": PERSONAL}}
        cancelled = [
            await self.ledger.on(order, event("OrderCancelled", 99, order_id=order.subject, **told)) for order in orders
        ]
        await self.system.settled()
        return cancelled

    async def repair(self, *commits: Commit) -> None:
        """As if a new version of the program could read them."""
        for commit in commits:
            change = {"$set": {"events.0.schema": 1}, "$unset": {"events.0.data.personal": ""}}
            await self.ledger.log.database["commits"].update_one({"_id": commit.position}, change)

    async def is_parked(self, commit: Commit) -> bool:
        return (await self.get(f"/orders/{commit.subject}")).status == 200

    async def until_it_moves(self, *commits: Commit) -> None:
        async def moves() -> bool:
            return not any([await self.is_parked(commit) for commit in commits])

        await until(moves, seconds=SOON_SECONDS, what="it moves again")

    async def check(self) -> None:
        """Every view is the naive fold of the log, without what was skipped."""
        await self.system.settled()
        skipped = [skip["position"] for skip in (await self.get("/skips?limit=100")).content["data"]]
        url, events, views = self.system.mongodb_url, self.system.events_database, self.system.views_database
        await asyncio.to_thread(naive.check, url, events, views, skipped=skipped)


def user_id() -> int:
    return uuid4().int % 10**12 + 1


@pytest.fixture(scope="module")
async def poisoned(
    mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Poisoned]:
    folder: Path = tmp_path_factory.mktemp("parked")
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, folder) as system,
        aiohttp.ClientSession() as http,
        open_client(mongodb_url, name="test") as mongo,
    ):
        ledger = Ledger(await open_log(mongo[system.events_database], partitions=8))
        of = {"EVENTS_DATABASE": system.events_database, "VIEWS_DATABASE": system.views_database}
        cqrs = Cqrs(data=folder, env={"EVENTS_MONGODB_URL": mongodb_url, **of})
        door = Door(system, http, 1)
        stock = {"product_id": 1, "product_name": "Thing", "quantity": 100}
        assert (await door.post("inventory", stock)).status in (200, 201)
        yield Poisoned(door, system, ledger, cqrs)


@pytest.fixture(autouse=True)
async def nothing_is_parked_before(poisoned: Poisoned) -> None:
    """Whatever another test has left, it is repaired."""
    await poisoned.system.settled()
    parked = (await poisoned.get("?limit=100")).content["data"]
    positions = [row["position"] for row in parked]
    change = {"$set": {"events.0.schema": 1}, "$unset": {"events.0.data.personal": ""}}
    await poisoned.ledger.log.database["commits"].update_many({"_id": {"$in": positions}}, change)
    await poisoned.post("retry", {"all": True})

    async def all_move() -> bool:
        return not (await poisoned.get()).content["data"]

    await until(all_move, seconds=SOON_SECONDS, what="all move")


async def test_poison_parks_one_document_which_is_listed_grouped_retried_and_equals_the_fold(
    poisoned: Poisoned,
) -> None:
    strange, other = await poisoned.poison(2)
    assert (await poisoned.door.place(user_id=strange.partition_key))["status"] == "PENDING"  # others flow
    (row, second) = (await poisoned.get("?projection=orders&code=unknown_schema")).content["data"]
    assert (row["key"], row["code"], row["position"]) == (strange.subject, "unknown_schema", strange.position)
    assert (row["version"], row["good_position"], second["key"]) == (1, strange.position - 2, other.subject)
    (group,) = (await poisoned.get("/errors")).content["data"]
    assert (group["projection"], group["code"], group["count"]) == ("orders", "unknown_schema", 2)
    assert (group["first_position"], group["example_key"]) == (strange.position, strange.subject)

    async def both_are_counted() -> bool:
        return await poisoned.door.metric("projector", 'leveret_projector_parked_documents{projection="orders"}') == 2

    await until(both_are_counted, seconds=SOON_SECONDS, what="both are counted")
    refused = await poisoned.post("retry", {"projection": "orders", "key": strange.subject})
    assert refused.content == {"documents": 1}
    await poisoned.repair(strange, other)
    asked = await poisoned.post("retry", {"code": "unknown_schema"})
    assert asked.content["documents"] >= 1
    await poisoned.until_it_moves(strange, other)
    assert (await poisoned.get()).content == {"data": [], "has_more": False, "next_cursor": None}
    assert (await poisoned.get("/errors")).content == {"data": []}
    await poisoned.check()


async def test_a_parked_document_is_inspected_without_what_is_personal(poisoned: Poisoned) -> None:
    (strange,) = await poisoned.poison()
    behind = await poisoned.ledger.on(strange, event("OrderDeleted", order_id=strange.subject))
    answer = await poisoned.get(f"/orders/{strange.subject}")
    told = answer.content
    assert PERSONAL.encode() not in answer.body
    assert (told["commit"]["position"], told["commit"]["stream"]) == (strange.position, strange.stream)
    (raw,) = told["commit"]["events"]
    assert (raw["event"], raw["schema"], raw["data"]["reason"]) == ("OrderCancelled", 99, "later")
    assert [waiting["position"] for waiting in told["waiting"]] == [behind.position]
    assert (told["waiting_commits"], told["document"]["version"], told["skips"]) == (1, 1, [])
    await poisoned.repair(strange)
    assert (await poisoned.post("retry", {"all": True})).status == 200
    await poisoned.until_it_moves(strange)
    require_problem(await poisoned.get(f"/orders/{strange.subject}"), 409, code="not_parked")


async def test_pages_of_parked_documents_make_the_whole_list(poisoned: Poisoned) -> None:
    strange = await poisoned.poison(5)
    keys, cursor = list[str](), ""
    while cursor is not None:
        answer = (await poisoned.get(f"?limit=2{cursor and '&cursor='}{cursor}")).content
        keys += [row["key"] for row in answer["data"]]
        cursor = answer["next_cursor"]
    assert keys == [commit.subject for commit in strange]
    await poisoned.repair(*strange)
    assert (await poisoned.post("retry", {"projection": "orders"})).content == {"documents": 5}
    await poisoned.until_it_moves(*strange)
    await poisoned.check()


async def test_what_is_skipped_says_who_and_why_and_the_fold_goes_on(poisoned: Poisoned) -> None:
    strange, other = await poisoned.poison(2)
    wish = {"projection": "orders", "key": strange.subject, "reason": "nobody will ever read this"}
    decided = (await poisoned.post("skip", wish)).content
    assert (decided["position"], decided["code"], decided["actor"]) == (strange.position, "unknown_schema", "anonymous")
    await poisoned.until_it_moves(strange)
    assert await poisoned.is_parked(other)
    answer = await poisoned.door.post(f"orders/{other.subject}/cancel", {"reason": "waits behind"})
    assert answer.status == 500  # the rules cannot read it either
    really = await poisoned.ledger.on(strange, event("OrderCancelled", order_id=strange.subject, reason="really"))
    await poisoned.system.settled()
    order = (await poisoned.door.get(f"orders/{strange.subject}")).content
    assert (order["status"], order["version"], order["cancel_reason"]) == ("CANCELLED", really.version, "really")
    assert decided in (await poisoned.get("/skips")).content["data"]
    require_problem(await poisoned.post("skip", wish), 409, code="not_parked")
    await poisoned.repair(other)
    assert (await poisoned.post("retry", {"all": True, "projection": "orders"})).content == {"documents": 1}
    await poisoned.until_it_moves(other)
    await poisoned.check()


@pytest.mark.parametrize("query", WRONG)
async def test_a_wrong_question_is_400(poisoned: Poisoned, query: str) -> None:
    require_problem(await poisoned.get(f"?{query}"), 400)


@pytest.mark.parametrize("body", BAD_RETRIES, ids=repr)
async def test_a_retry_that_does_not_say_which_is_422(poisoned: Poisoned, body: Any) -> None:
    require_problem(await poisoned.post("retry", body), 422, code="invalid_body")


@pytest.mark.parametrize("reason", BAD_REASONS, ids=repr)
async def test_a_skip_without_a_good_reason_is_422_and_decides_nothing(poisoned: Poisoned, reason: Any) -> None:
    before = (await poisoned.get("/skips")).content
    body = {"projection": "orders", "key": str(uuid4()), "reason": reason}
    require_problem(await poisoned.post("skip", body), 422, code="invalid_body")
    assert (await poisoned.get("/skips")).content == before


async def test_what_is_not_there_is_404_and_what_is_not_json_400(poisoned: Poisoned) -> None:
    for path in ("/orders/nobody", "/inventory/x", "/inventory/" + "9" * 40, "/orders/%C3%A9", "/orders/" + "x" * 200):
        require_problem(await poisoned.get(path), 404, code="unknown_document")
    for path in ("/nonsense/1", "?projection=nonsense"):
        require_problem(await poisoned.get(path), 404, code="unknown_projection")
    for wish in ({"projection": "orders", "key": "nobody"}, {"projection": "inventory", "key": 2**62}):
        require_problem(await poisoned.post("retry", wish), 404, code="unknown_document")
        require_problem(await poisoned.post("skip", wish | {"reason": "why not"}), 404, code="unknown_document")
    require_problem(await poisoned.post("retry", {"projection": "inventory", "key": 1}), 409, code="not_parked")
    for path in ("retry", "skip"):
        require_problem(await poisoned.post(path, b"{"), 400, code="invalid_json")
    assert (await poisoned.post("retry", {"code": "nobody_has_it"})).content == {"documents": 0}


async def test_the_command_line_does_the_same_and_says_what_came_of_it(poisoned: Poisoned) -> None:
    first, second = await poisoned.poison(2)

    async def run(*words: str, code: int = 0) -> str:
        done = await asyncio.to_thread(poisoned.cqrs, "projections", *words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    assert f"orders {first.subject}  unknown_schema at position {first.position}" in await run("parked")
    assert [row["key"] for row in json.loads(await run("parked", "orders", "--json"))] == [
        first.subject,
        second.subject,
    ]
    assert "orders      2      " in await run("parked", "--by-error")
    assert PERSONAL not in (shown := await run("inspect", "orders", first.subject))
    assert "OrderCancelled (schema 99)" in shown
    assert await run("retry", "--all", code=1) == "0 move again, 2 still parked: 2 unknown_schema\n"
    await poisoned.repair(first)
    assert await run("retry", "orders", first.subject) == "1 moves again, 0 still parked\n"
    refusal = await asyncio.to_thread(poisoned.cqrs.refuses, "projections", "retry", "orders", first.subject)
    assert "is not parked" in refusal
    for words in (("retry",), ("skip", "orders", second.subject, "--reason", "no"), ("inspect", "nonsense", "1")):
        await asyncio.to_thread(poisoned.cqrs.refuses, "projections", *words)
    assert "passes over position" in await run("skip", "orders", second.subject, "--reason", "never to be read")
    assert "never to be read (" in await run("parked", "--skipped")
    assert await run("parked") == "nothing is parked\n"
    await poisoned.ledger.on(second, event("OrderCancelled", order_id=second.subject, reason="really"))
    await poisoned.check()
    assert await run("retry", "--code", "unknown_schema") == "0 move again, 0 still parked\n"
