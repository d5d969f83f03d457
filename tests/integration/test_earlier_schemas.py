"""A log from before the events changed tells everybody the same as one that is written now."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from command_service.domain.order_commands import CancelOrder, ConfirmPayment, RequestPayment
from command_service.domain.orders import ORDERS
from command_service.handling import Outcome
from common.chain import link
from common.codec import decode_event
from common.envelope import Commit, RecordedEvent, Seal, from_message, to_messages, whole
from common.errors import CommandRejected
from common.log_verification import verify
from common.values import Message, Money
from tests.support.appending import LONG_PATIENCE_SECONDS, Service, a_request
from tests.support.commits import a_commit
from tests.support.ledger import Ledger, a_price, event
from tests.support.saga_bench import SagaBench, a_saga_bench, payment_id
from tests.support.view_bench import ViewBench, a_view_bench

SEAL = Seal("a key for tests", "a log")
OVERDUE = "The payment did not come in time."
OF_ONE_ORDER = frozenset(
    {"_id", "order_id", "order_number", "position", "placed_at", "updated_at", "timeline", "payment"}
)


@pytest.fixture
async def bench(mongodb_url: str) -> AsyncIterator[ViewBench]:
    async with a_view_bench(mongodb_url) as made:
        yield made


@pytest.fixture
async def sagas(mongodb_url: str) -> AsyncIterator[SagaBench]:
    async with a_saga_bench(mongodb_url) as made:
        yield made


def requested(order: Commit, schema: int) -> RecordedEvent:
    method = {"method": "card"} if schema == 2 else {}
    data = {"order_id": order.subject, "payment_id": payment_id(order), "attempt": 1, "amount": a_price(100), **method}
    return event("PaymentRequested", schema, **data, personal={"card_token": "tok_approve"})


def cancelled(order: Commit, schema: int, code: str, reason: str) -> RecordedEvent:
    said = {"code": code} if schema == 2 else {}
    return event("OrderCancelled", schema, order_id=order.subject, **said, reason=reason)


async def an_order(
    ledger: Ledger, *of_schema: int, code: str = "payment_overdue", reason: str = OVERDUE
) -> list[Commit]:
    """One that was to be paid and then cancelled, as either was written in these schemas; its stream is linked."""
    order = (await linked(ledger, [], ledger.an_order(1, [(1, 1)])))[0]
    line = {"product_id": 1, "quantity": 1, "unit_price": a_price(100)}
    commits = [order]
    first, last = of_schema
    for told in (
        event("OrderValidated", order_id=order.subject, items=[line]),
        requested(order, first),
        event("OrderPaymentFailed", order_id=order.subject, payment_id=payment_id(order), code="declined"),
        cancelled(order, last, code, reason),
    ):
        commits += await linked(ledger, commits, ledger.draft(order.stream, 1, told))
    return commits


async def linked(ledger: Ledger, before: Sequence[Commit], draft: Commit) -> list[Commit]:
    numbered = replace(draft, position=await ledger.log.head() + 1, version=len(before) + 1)
    return await ledger.put(replace(numbered, chain=link(before[-1].chain if before else None, numbered)))


def as_received(commits: Sequence[Commit]) -> list[Commit]:
    """What comes of them over RabbitMQ."""
    return [
        whole([from_message(message.headers, message.body, SEAL) for message in to_messages(commit, 0, SEAL)])
        for commit in commits
    ]


@pytest.mark.parametrize("way", ["read from the log", "received"])
async def test_views_of_an_old_log_are_those_of_a_new_one(bench: ViewBench, way: str) -> None:
    old, new = await an_order(bench.ledger, 1, 1), await an_order(bench.ledger, 2, 2)
    writer = bench.writer()
    if way == "received":
        await writer.begin(bench.all_partitions)
        for commit in as_received([*old, *new]):
            await writer.apply({commit.partition: (commit,)})
    else:
        await bench.catch_up(writer)
    await bench.check()
    views = {view["_id"]: view async for view in bench.views["orders"].find()}
    was, now = views[old[0].subject], views[new[0].subject]
    assert was["cancel_code"] == "payment_overdue"
    assert {**was, **dict.fromkeys(OF_ONE_ORDER)} == {**now, **dict.fromkeys(OF_ONE_ORDER)}
    assert was["payment"].keys() == now["payment"].keys()


async def test_what_a_customer_wanted_is_not_told_as_overdue(bench: ViewBench) -> None:
    await an_order(bench.ledger, 1, 1, code="requested", reason="too slow")
    await bench.catch_up(bench.writer())
    await bench.check()
    (view,) = await bench.views["orders"].find().to_list()
    assert view["cancel_code"] == "requested"


@pytest.mark.parametrize("schema", [1, 2])
async def test_sagas_want_the_same_on_either(sagas: SagaBench, schema: int) -> None:
    order, validated = await sagas.validated()
    to_be_paid = await sagas.ledger.on(validated, requested(order, schema))
    runner, outbox = await sagas.runner()
    await sagas.apply(runner, order, validated, to_be_paid)
    await sagas.is_level(runner)
    assert outbox.steps == ["initiate"]
    assert outbox.sent[0].want.body["card_token"] == "tok_approve"
    over = await sagas.ledger.on(to_be_paid, cancelled(order, schema, "payment_overdue", OVERDUE))
    runner, outbox = await sagas.runner()
    await sagas.apply(runner, over)
    await sagas.is_level(runner)
    saga = (await sagas.docs())[order.subject]
    assert saga["state"]["status"] == "CANCELLED"
    assert saga["trouble"] is None


async def handled(bench: ViewBench, order: Commit, command: Message) -> Outcome:
    service = Service(bench.log, bench.log.info)
    request = a_request(decider=ORDERS, subject=order.subject, command=command, patience_seconds=LONG_PATIENCE_SECONDS)
    try:
        return await service.handle(request)
    finally:
        await service.end()


@pytest.mark.parametrize("schemas", [(1, 1), (1, 2), (2, 2)])
async def test_commands_find_the_same_on_either(bench: ViewBench, schemas: tuple[int, int]) -> None:
    order = (await an_order(bench.ledger, *schemas))[0]
    assert not (await handled(bench, order, CancelOrder(reason="again"))).changed
    pay = RequestPayment(order_id=order.subject, card_token="tok_approve")
    with pytest.raises(CommandRejected) as refusal:
        await handled(bench, order, pay)
    assert refusal.value.code == "order_cancelled"


async def test_an_old_stream_goes_on_in_the_new_schema_and_its_chain_holds(bench: ViewBench) -> None:
    old = await bench.ledger.order(1, (1, 1))
    line = {"product_id": 1, "quantity": 1, "unit_price": a_price(100)}
    validated = await bench.ledger.on(old, event("OrderValidated", order_id=old.subject, items=[line]))
    await bench.ledger.on(validated, requested(old, 1))
    total = Money(amount=100, currency="EUR")
    await handled(bench, old, ConfirmPayment(payment_id=payment_id(old), amount=total))
    outcome = await handled(bench, old, CancelOrder())
    assert [(each.type, each.schema) for each in outcome.events] == [("OrderCancelled", 2)]
    assert (await an_order(bench.ledger, 1, 1))[-1].chain
    verdict = await verify(bench.views.client[bench.events_database], bench.log.info)
    assert (verdict.is_sound, verdict.faults) == (True, [])
    await bench.catch_up(bench.writer())
    await bench.check()


@pytest.mark.parametrize("schema", [1, 2])
def test_a_message_says_its_schema_and_tells_the_same(schema: int) -> None:
    order = a_commit_of()
    commit = a_commit_of(requested(order, schema), cancelled(order, schema, "payment_overdue", OVERDUE))
    messages = to_messages(commit, 1, SEAL)
    assert [message.headers["schema"] for message in messages] == [schema, schema]
    assert messages[1].headers["ce-dataschema"] == f"/leveret/events/OrderCancelled/{schema}"
    newest = a_commit_of(requested(order, 2), cancelled(order, 2, "payment_overdue", OVERDUE))
    (received,) = as_received([commit])
    assert [decode_event(each) for each in received.events] == [decode_event(each) for each in newest.events]


def a_commit_of(*events: Any) -> Commit:
    return a_commit(2, "order-0198f3b4-1111-7000-8000-000000000000", 2, events=events)
