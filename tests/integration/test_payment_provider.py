"""The payment provider as a process: what each card does to its client, and books that agree after kills."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import aiohttp
import pytest

from command_service.payment_provider import Charge, HttpPaymentProvider, Refund
from common.errors import CommandRejected, Unavailable
from common.values import Money
from tests.support.system import System, until

PRICE = Money(amount=9998, currency="EUR")
OTHER_PRICE = Money(amount=9999, currency="EUR")
HOLD_SECONDS = 3.0
TIMEOUT_SECONDS = 1.0  # the client's: it gives up before a slow card is answered
PATIENCE_SECONDS = 40.0
T = TypeVar("T")


@pytest.fixture(scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """The provider alone; it needs no server."""
    system = System("", "", tmp_path_factory.mktemp("payments"), PAYMENTS_HOLD_SECONDS=str(HOLD_SECONDS))
    try:
        await system.start("payments")
        yield system
    finally:
        await system.stop()


@pytest.fixture
async def provider(process: System) -> AsyncIterator[HttpPaymentProvider]:
    async with HttpPaymentProvider(process.url("payments"), TIMEOUT_SECONDS) as client:
        yield client


@pytest.fixture
async def http(process: System) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(process.url("payments")) as session:
        yield session


def new_id() -> str:
    return str(uuid4())


async def entry_of(http: aiohttp.ClientSession, payment_id: str) -> dict[str, Any]:
    async with http.get(f"/charges/{payment_id}") as answer:
        assert answer.status == 200
        return await answer.json()


async def all_entries(http: aiohttp.ClientSession, limit: int = 7) -> dict[str, dict[str, Any]]:
    entries, after = {}, 0
    while after is not None:
        async with http.get("/books", params={"after": after, "limit": limit}) as answer:
            page = await answer.json()
        assert len(page["charges"]) <= limit
        entries |= {entry["payment_id"]: entry for entry in page["charges"]}
        after = page["next"]
    return entries


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is an answer, as a client does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await call()
        except Unavailable:
            assert time.monotonic() < deadline, "the provider did not come back"
            await asyncio.sleep(0.02)  # between two asks


@pytest.mark.parametrize("token", ["tok_approve", "tok_twice", "4242 4242 4242 4242"])
async def test_a_good_card_is_charged_once(
    provider: HttpPaymentProvider, http: aiohttp.ClientSession, token: str
) -> None:
    payment_id = new_id()
    first = await provider.charge(payment_id, PRICE, token)
    assert first.status == "approved"
    assert await provider.charge(payment_id, PRICE, token) == first
    assert await entry_of(http, payment_id) == {
        "payment_id": payment_id,
        "status": "approved",
        "amount": 9998,
        "currency": "EUR",
        "asked": 2,
        "captured_count": 1,
        "refunded_count": 0,
        "refunded_amount": 0,
    }


async def test_a_card_without_money_is_declined(provider: HttpPaymentProvider, http: aiohttp.ClientSession) -> None:
    payment_id = new_id()
    said = await provider.charge(payment_id, PRICE, "tok_decline")
    assert (said.status, said.code, said.reference) == ("declined", "insufficient_funds", None)
    assert said.reason
    assert await provider.charge(payment_id, PRICE, "tok_decline") == said
    assert await provider.void(payment_id) == said
    assert (await entry_of(http, payment_id))["captured_count"] == 0


async def test_a_slow_card_is_charged_though_its_client_has_given_up(
    provider: HttpPaymentProvider, http: aiohttp.ClientSession
) -> None:
    payment_id = new_id()
    with pytest.raises(Unavailable):
        await provider.charge(payment_id, PRICE, "tok_slow")
    assert (await provider.charge(payment_id, PRICE, "tok_slow")).status == "approved"
    assert (await provider.void(payment_id)).status == "approved"
    assert (await entry_of(http, payment_id))["captured_count"] == 1


async def test_who_waits_for_a_slow_card_is_answered_in_the_end(process: System) -> None:
    async with HttpPaymentProvider(process.url("payments"), timeout_seconds=20) as patient:
        began = time.monotonic()
        assert (await patient.charge(new_id(), PRICE, "tok_slow")).status == "approved"
        assert time.monotonic() - began >= HOLD_SECONDS


async def test_a_flaky_card_is_approved_at_the_third_ask(
    provider: HttpPaymentProvider, http: aiohttp.ClientSession
) -> None:
    payment_id = new_id()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await provider.charge(payment_id, PRICE, "tok_flaky")
        assert (await entry_of(http, payment_id))["captured_count"] == 0
    assert (await provider.charge(payment_id, PRICE, "tok_flaky")).status == "approved"
    assert (await entry_of(http, payment_id))["captured_count"] == 1


async def test_a_silent_card_is_not_charged_and_can_be_voided(
    provider: HttpPaymentProvider, http: aiohttp.ClientSession
) -> None:
    payment_id = new_id()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await provider.charge(payment_id, PRICE, "tok_never")
    assert (await entry_of(http, payment_id))["status"] == "pending"
    assert await provider.void(payment_id) == Charge(status="voided")
    assert await provider.charge(payment_id, PRICE, "tok_never") == Charge(status="voided")
    entry = await entry_of(http, payment_id)
    assert (entry["status"], entry["captured_count"]) == ("voided", 0)


async def test_a_void_before_the_charge_forbids_it(provider: HttpPaymentProvider, http: aiohttp.ClientSession) -> None:
    payment_id = new_id()
    for _ in range(2):
        assert await provider.void(payment_id) == Charge(status="voided")
    assert await provider.charge(payment_id, PRICE, "tok_approve") == Charge(status="voided")
    assert (await entry_of(http, payment_id))["captured_count"] == 0


async def test_a_void_after_the_capture_tells_of_it(provider: HttpPaymentProvider) -> None:
    payment_id = new_id()
    charged = await provider.charge(payment_id, PRICE, "tok_approve")
    assert await provider.void(payment_id) == charged


async def test_a_refund_comes_once(provider: HttpPaymentProvider, http: aiohttp.ClientSession) -> None:
    payment_id = new_id()
    charged = await provider.charge(payment_id, PRICE, "tok_approve")
    first = await provider.refund(payment_id)
    assert first == Refund(status="refunded", reference=first.reference)
    assert first.reference != charged.reference
    assert await provider.refund(payment_id) == first
    assert await provider.charge(payment_id, PRICE, "tok_approve") == charged
    entry = await entry_of(http, payment_id)
    assert (entry["captured_count"], entry["refunded_count"]) == (1, 1)


async def test_what_was_not_captured_is_not_refunded(provider: HttpPaymentProvider) -> None:
    unheard, declined, voided = new_id(), new_id(), new_id()
    await provider.charge(declined, PRICE, "tok_decline")
    await provider.void(voided)
    for payment_id in (unheard, declined, voided):
        with pytest.raises(CommandRejected) as refused:
            await provider.refund(payment_id)
        assert refused.value.code == "not_captured"


async def test_the_same_id_with_another_amount_is_refused(
    provider: HttpPaymentProvider, http: aiohttp.ClientSession
) -> None:
    payment_id = new_id()
    await provider.charge(payment_id, PRICE, "tok_approve")
    for amount in (OTHER_PRICE, Money(amount=PRICE.amount, currency="USD")):
        with pytest.raises(CommandRejected) as refused:
            await provider.charge(payment_id, amount, "tok_approve")
        assert refused.value.code == "charge_differs"
    assert (await entry_of(http, payment_id))["amount"] == PRICE.amount


async def test_identical_asks_at_once_charge_once(provider: HttpPaymentProvider, http: aiohttp.ClientSession) -> None:
    payment_id = new_id()
    said = await asyncio.gather(*(provider.charge(payment_id, PRICE, "tok_approve") for _ in range(50)))
    assert len(set(said)) == 1
    refunds = await asyncio.gather(*(provider.refund(payment_id) for _ in range(20)))
    assert len(set(refunds)) == 1
    entry = await entry_of(http, payment_id)
    assert (entry["asked"], entry["captured_count"], entry["refunded_count"]) == (50, 1, 1)


async def test_a_void_and_a_charge_at_once_agree(provider: HttpPaymentProvider, http: aiohttp.ClientSession) -> None:
    ids = [new_id() for _ in range(30)]
    charged, voided = await asyncio.gather(
        asyncio.gather(*(provider.charge(payment_id, PRICE, "tok_approve") for payment_id in ids)),
        asyncio.gather(*(provider.void(payment_id) for payment_id in reversed(ids))),
    )
    assert charged == voided[::-1]
    for payment_id, said in zip(ids, charged, strict=True):
        assert (await entry_of(http, payment_id))["captured_count"] == (said.status == "approved")


GOOD = {"payment_id": "p", "amount": {"amount": 1, "currency": "EUR"}, "card_token": "tok_approve"}
BAD_CHARGES: tuple[tuple[bytes | dict[str, Any], int], ...] = (
    (b"", 400),
    (b"{", 400),
    (b"[]", 400),
    (b'{"payment_id": "p", "payment_id": "q"}', 400),
    ({}, 422),
    (GOOD | {"tip": 1}, 422),
    (GOOD | {"payment_id": 7}, 422),
    (GOOD | {"payment_id": ""}, 422),
    (GOOD | {"payment_id": "../books"}, 422),
    (GOOD | {"payment_id": "p" * 65}, 422),
    (GOOD | {"amount": 1}, 422),
    (GOOD | {"amount": {"amount": -1, "currency": "EUR"}}, 422),
    (GOOD | {"amount": {"amount": 1.5, "currency": "EUR"}}, 422),
    (GOOD | {"amount": {"amount": 10**30, "currency": "EUR"}}, 422),
    (GOOD | {"amount": {"amount": "1", "currency": "EUR"}}, 422),
    (GOOD | {"amount": {"amount": 1, "currency": "euro"}}, 422),
    (GOOD | {"card_token": None}, 422),
    (GOOD | {"card_token": " "}, 422),
    (GOOD | {"card_token": "t" * 201}, 422),
)


@pytest.mark.parametrize(("body", "status"), BAD_CHARGES)
async def test_a_charge_that_makes_no_sense_is_a_problem(
    http: aiohttp.ClientSession, body: bytes | dict[str, Any], status: int
) -> None:
    sent = (
        {"data": body, "headers": {"Content-Type": "application/json"}} if isinstance(body, bytes) else {"json": body}
    )
    async with http.post("/charges", **sent) as answer:
        assert (answer.status, answer.content_type) == (status, "application/problem+json")
    assert "p" not in await all_entries(http)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/refunds", 415),
        ("POST", "/charges", 415),
        ("GET", "/charges/unheard-of", 404),
        ("GET", "/charges/%2e%2e%2f", 404),
        ("POST", "/charges/a%20b/void", 404),
        ("GET", "/charges", 405),
        ("GET", "/books?limit=0", 400),
        ("GET", "/books?limit=1001", 400),
        ("GET", "/books?after=-1", 400),
        ("GET", "/books?after=x", 400),
        ("GET", "/books?after=" + "9" * 30, 400),
    ],
)
async def test_a_request_that_makes_no_sense_is_a_problem(
    http: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    async with http.request(method, path) as answer:
        assert (answer.status, answer.content_type) == (status, "application/problem+json")


async def test_after_a_kill_the_answers_are_the_same(process: System, provider: HttpPaymentProvider) -> None:
    approved, voided, flaky = new_id(), new_id(), new_id()
    charged = await provider.charge(approved, PRICE, "tok_approve")
    refunded = await provider.refund(approved)
    await provider.void(voided)
    with pytest.raises(Unavailable):
        await provider.charge(flaky, PRICE, "tok_flaky")
    await process.kill("payments")
    await process.start("payments")
    assert await patiently(lambda: provider.charge(approved, PRICE, "tok_approve")) == charged
    assert await provider.refund(approved) == refunded
    assert await provider.charge(voided, PRICE, "tok_approve") == Charge(status="voided")
    with pytest.raises(Unavailable):
        await provider.charge(flaky, PRICE, "tok_flaky")
    assert (await provider.charge(flaky, PRICE, "tok_flaky")).status == "approved"


KILLS = 5
KILLED_CLIENTS = 12
CARDS = ("tok_approve", "tok_twice", "tok_flaky", "tok_slow", "tok_decline")


async def test_kills_in_the_middle_of_charges_leave_books_that_agree(
    process: System, provider: HttpPaymentProvider, http: aiohttp.ClientSession
) -> None:
    said: dict[str, tuple[Charge, Charge]] = {}  # payment id → what the charge, and then a void, were answered
    stop = asyncio.Event()

    async def charge_and_void(payment_id: str, token: str, *, is_voided_first: bool) -> None:
        if is_voided_first:
            await patiently(lambda: provider.void(payment_id))
        charged = await patiently(lambda: provider.charge(payment_id, PRICE, token))
        said[payment_id] = charged, await patiently(lambda: provider.void(payment_id))

    async def go_on(chance: random.Random) -> None:
        while not stop.is_set():
            await charge_and_void(new_id(), chance.choice(CARDS), is_voided_first=chance.random() < 0.15)

    async with asyncio.TaskGroup() as clients:
        for seed in range(KILLED_CLIENTS):
            clients.create_task(go_on(random.Random(seed)))
        for _ in range(KILLS):
            before = len(said)
            await until(lambda before=before: _is_more(said, before + 20), seconds=30, what="charges go on")
            await process.kill("payments")
            await process.start("payments")
        stop.set()

    entries = await all_entries(http, limit=100)
    assert {entry["captured_count"] for entry in entries.values()} <= {0, 1}
    for payment_id, (charged, voided) in said.items():
        entry = entries[payment_id]
        assert charged == voided
        assert (entry["status"], entry["captured_count"]) == (charged.status, int(charged.status == "approved"))
    assert {charged.status for charged, _ in said.values()} == {"approved", "declined", "voided"}


async def _is_more(said: dict[str, Any], count: int) -> bool:
    return len(said) >= count


async def test_it_stops_at_once_though_answers_are_held(process: System, provider: HttpPaymentProvider) -> None:
    payment_id = new_id()
    asking = asyncio.create_task(provider.charge(payment_id, PRICE, "tok_never"))
    async with aiohttp.ClientSession(process.url("payments")) as http:

        async def is_asked() -> bool:
            async with http.get(f"/charges/{payment_id}") as answer:
                return answer.status == 200

        await until(is_asked, seconds=5, what="the ask is in the books")
    began = time.monotonic()
    process.signal("payments", signal.SIGTERM)
    with pytest.raises(Unavailable):
        await asking
    await until(lambda: _is_down(process), seconds=5, what="the process has ended")
    assert time.monotonic() - began < TIMEOUT_SECONDS * 3
    await process.start("payments")


async def _is_down(process: System) -> bool:
    return "payments" not in process.running


async def test_books_in_a_folder_that_is_not_there_end_the_process(tmp_path: Path) -> None:
    system = System("", "", tmp_path, PAYMENTS_DATA=str(tmp_path / "nowhere" / "books.sqlite"))
    assert await system.run_until_it_ends("payments") == 1
    assert "cannot be used" in (tmp_path / "payments.log").read_text()
