"""Errands to a running command service: done once under their ids, and by nobody who has not the key (S2, S3)."""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import pytest
from bson.int64 import Int64

from command_service.sagas.errands import Errand
from command_service.sagas.post import PATH, SEAL_HEADER, ErrandPost
from command_service.sagas.shapes import Want
from common.envelope import Seal
from common.errors import Unavailable
from stack.ports import free_ports
from tests.support.system import System

KEY = "a key for tests"
_products = itertools.count(2**40)  # MongoDB gives them back as Int64


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(scope="module")
async def log_id(system: System, http: aiohttp.ClientSession) -> str:
    async with http.get(system.url("command") + "/ops/positions") as answer:
        return (await answer.json())["log_id"]


@pytest.fixture(scope="module")
async def post(system: System, log_id: str) -> AsyncIterator[ErrandPost]:
    async with ErrandPost(system.url("command"), Seal(KEY, log_id)) as opened:
        yield opened


@pytest.fixture
async def product_id(system: System, http: aiohttp.ClientSession) -> int:
    """Of ten pieces in stock."""
    number = next(_products)
    await stock(system, http, number, 10)
    return number


async def stock(system: System, http: aiohttp.ClientSession, product_id: int, quantity: int) -> None:
    body = {"product_id": product_id, "product_name": "Thing", "quantity": quantity, "unit_price": "1.00"}
    async with http.post(system.gateway + "/cqrs/commands/inventory", json=body) as answer:
        assert answer.ok


async def head(system: System) -> object:
    return (await system.positions())["head"]


def a_reservation(product_id: int, quantity: int = 1) -> Errand:
    order_id, command_id = str(uuid4()), str(uuid4())
    body = {"product_id": product_id, "order_id": order_id, "reservation_id": command_id, "quantity": quantity}
    want = Want(step=f"reserve/{product_id}", command="ReserveStock", subject=str(product_id), body=body)
    return Errand(saga_id=order_id, command_id=command_id, partition_key=1, want=want)


async def test_many_at_once_each_get_their_own_outcome(post: ErrandPost, product_id: int) -> None:
    errands = [a_reservation(product_id) for _ in range(250)]
    outcomes = await asyncio.gather(*map(post.do, errands))
    reserved = [
        errand for errand, done in zip(errands, outcomes, strict=True) if done.events[0].type == "StockReserved"
    ]
    assert len(reserved) == 10
    for errand, done in zip(errands, outcomes, strict=True):
        event = done.events[0]
        if event.type == "StockReserved":
            assert event.data["order_id"] == errand.saga_id
        else:
            assert (event.type, event.data["code"]) == ("CommandRefused", "insufficient_stock")


async def test_an_errand_that_is_sent_again_has_the_same_outcome(post: ErrandPost, product_id: int) -> None:
    errand = a_reservation(product_id)
    first = await post.do(errand)
    assert await post.do(errand) == first


async def test_a_want_that_was_stored_and_read_again_goes_out_as_it_was(post: ErrandPost, product_id: int) -> None:
    errand = a_reservation(Int64(product_id))
    assert (await post.do(errand)).events[0].data["product_id"] == product_id


async def test_S3_what_was_refused_stays_refused(
    post: ErrandPost, system: System, http: aiohttp.ClientSession, product_id: int
) -> None:
    errand = a_reservation(product_id, 11)
    refused = await post.do(errand)
    await stock(system, http, product_id, 1000)
    assert await post.do(errand) == refused
    assert refused.events[0].type == "CommandRefused"


@pytest.mark.parametrize("seal", [None, "", "0" * 32, hashlib.blake2b(b"[]", digest_size=16).hexdigest()])
async def test_without_the_seal_there_is_nothing(seal: str | None, system: System, http: aiohttp.ClientSession) -> None:
    before = await head(system)
    headers = {"Content-Type": "application/json"} | ({SEAL_HEADER: seal} if seal is not None else {})
    async with http.post(system.url("command") + PATH, data=b"[]", headers=headers) as answer:
        assert answer.status == 404
    assert await head(system) == before


@pytest.mark.parametrize(("key", "of"), [("another key", None), (KEY, "another log")])
async def test_another_key_or_another_log_is_none(
    system: System, log_id: str, product_id: int, key: str, of: str | None
) -> None:
    async with ErrandPost(system.url("command"), Seal(key, of or log_id)) as stranger:
        with pytest.raises(Unavailable, match="404"):
            await stranger.do(a_reservation(product_id))


async def test_the_gateway_does_not_lead_there(system: System, http: aiohttp.ClientSession) -> None:
    for path in (PATH, "/cqrs" + PATH, "/cqrs/commands" + PATH, "/cqrs/commands/../internal/errands"):
        async with http.post(system.gateway + path, json=[]) as answer:
            assert answer.status in (404, 405), path


async def test_a_command_of_another_version_has_no_outcome(post: ErrandPost) -> None:
    want = Want(step="fly", command="FlyToTheMoon", subject="1", body={})
    with pytest.raises(Unavailable):
        await post.do(Errand(saga_id=str(uuid4()), command_id=str(uuid4()), partition_key=1, want=want))


async def test_a_service_that_is_away_says_nothing_about_the_outcome() -> None:
    async with ErrandPost(f"http://127.0.0.1:{free_ports(1)[0]}", Seal(KEY, "a log")) as post:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await post.do(a_reservation(1))
