"""What the payment provider's client makes of answers that are none: it says Unavailable, and no more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from command_service.payment_provider import Charge, HttpPaymentProvider
from common.errors import CommandRejected, Unavailable
from common.values import Money
from stack.ports import LOOPBACK, free_port

PRICE = Money(amount=5, currency="EUR")


@dataclass(slots=True)
class Imagined:
    """A provider that answers whatever it is told to."""

    status: int = 200
    body: bytes = b""
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, await request.json()))
        return web.Response(status=self.status, body=self.body, headers={"Location": "/elsewhere"})


@asynccontextmanager
async def imagined(status: int, body: bytes) -> AsyncIterator[tuple[Imagined, HttpPaymentProvider]]:
    told = Imagined(status, body)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", told.answer)
    async with TestServer(app) as server, HttpPaymentProvider(str(server.make_url("/")), 1.0) as client:
        yield told, client


async def test_it_sends_minor_units_under_the_payment_id() -> None:
    approved = b'{"payment_id": "p", "status": "approved", "reference": "r", "fee": 3}'
    async with imagined(200, approved) as (told, client):
        assert await client.charge("p", PRICE, "tok_x") == Charge(status="approved", reference="r")
        assert (await client.void("p")).status == "approved"
    charge = {"payment_id": "p", "amount": {"amount": 5, "currency": "EUR"}, "card_token": "tok_x"}
    assert told.asked == [("/charges", charge), ("/charges/p/void", {})]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (502, b"<html>"),
        (503, orjson.dumps({"status": "approved", "reference": "r"})),
        (302, b""),
        (400, b'{"code": "bad"}'),
        (404, b""),
        (204, b""),
        (409, b"no"),
        (409, b"[]"),
        (409, b"{}"),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"status": "maybe"}'),
        (200, b'{"status": "approved"}'),
        (200, b'{"status": "approved", "reference": 7}'),
        (200, b'{"status": "declined"}'),
        (200, b"\xff\xfe"),
    ],
)
async def test_an_answer_that_says_nothing_is_unavailable(status: int, body: bytes) -> None:
    async with imagined(status, body) as (told, client):
        with pytest.raises(Unavailable) as unknown:
            await client.charge("p", PRICE, "tok_x")
        with pytest.raises(Unavailable):
            await client.refund("p")
    assert unknown.value.code == "payment_provider_unavailable"
    assert len(told.asked) == 2


async def test_a_refusal_keeps_its_code() -> None:
    async with imagined(409, b'{"code": "not_captured", "detail": "Nothing was."}') as (_, client):
        with pytest.raises(CommandRejected, match=r"Nothing was\.") as refused:
            await client.refund("p")
    assert refused.value.code == "not_captured"


async def test_nobody_there_is_unavailable() -> None:
    async with HttpPaymentProvider(f"http://{LOOPBACK}:{free_port()}") as client:
        with pytest.raises(Unavailable):
            await client.void("p")
