"""A log on a real MongoDB with the runner of sagas on it in this process; what it would send is kept instead."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid5

from msgspec.structs import replace
from pymongo.asynchronous.database import AsyncDatabase

from command_service.sagas.dispatcher import Answer, Dispatcher
from command_service.sagas.errands import Errand
from command_service.sagas.order_fulfilment import order_fulfilment
from command_service.sagas.order_fulfilment.plan import NAME
from command_service.sagas.runner import SagaRunner
from command_service.sagas.shapes import want_id
from common.envelope import Commit
from common.log import open_log
from common.partition_state import Progress
from tests.support.ledger import Ledger, a_price, event
from tests.support.real_log import a_database

PAYMENT_SECONDS = 60.0
PARTITIONS = 2


class Outbox:
    """A dispatcher that remembers from the log and sends nothing."""

    def __init__(self, bench: "SagaBench") -> None:
        self.sent: list[Errand] = []
        nobody = cast(Any, None)
        self._recall = Dispatcher(errands=nobody, log=bench.log, provider=nobody, tell=_nobody, note=nobody).recall

    @property
    def steps(self) -> list[str]:
        return [errand.want.step for errand in self.sent]

    def send(self, errand: Errand) -> None:
        if errand not in self.sent:
            self.sent.append(errand)

    async def recall(self, errand: Errand) -> Answer | None:
        return await self._recall(errand)


class SagaBench:
    def __init__(self, ledger: Ledger, database: AsyncDatabase[dict[str, Any]]) -> None:
        self.ledger = ledger
        self.log = ledger.log
        self.database = database
        self.now = datetime.now(UTC)
        self.partitions = frozenset(range(self.log.info.partitions))

    async def runner(self) -> tuple[SagaRunner, Outbox]:
        """One that has begun with every partition."""
        saga = order_fulfilment(payment_seconds=PAYMENT_SECONDS)
        runner = SagaRunner(
            self.database,
            self.log,
            (saga,),
            partitions=self.log.info.partitions,
            now=lambda: self.now,
        )
        outbox = Outbox(self)
        feed = SimpleNamespace(held=self.partitions, wake=lambda: None)
        runner.serve(cast(Dispatcher, outbox), cast(Any, feed))
        await runner.begin(self.partitions)
        return runner, outbox

    async def apply(self, runner: SagaRunner, *commits: Commit) -> None:
        for commit in commits:
            await runner.apply({commit.partition: [commit]})

    async def is_level(self, runner: SagaRunner) -> None:
        """The feed has read all that there is."""
        head = await self.log.head()
        await runner.note({partition: Progress(head, 0.0) for partition in self.partitions})
        await runner.settle()

    async def validated(self, user_id: int = 1) -> tuple[Commit, ...]:
        """An order that is reserved and validated, with all that its saga was answered."""
        order = await self.ledger.order(user_id, (1, 1))
        await self.reserved(order, 1)
        line = {"product_id": 1, "quantity": 1, "unit_price": a_price(100)}
        told = event("OrderValidated", order_id=order.subject, items=[line])
        return order, await self.answers(order, "validate", told, stream=order.stream)

    async def reserved(self, order: Commit, product_id: int) -> Commit:
        told = event("StockReserved", **_about(order, product_id), unit_price=a_price(100))
        return await self.answers(order, f"reserve/{product_id}", told, stream=f"inventory-{product_id}")

    async def released(self, order: Commit, product_id: int) -> Commit:
        told = event("StockReleased", **_about(order, product_id))
        return await self.answers(order, f"release/{product_id}", told, stream=f"inventory-{product_id}")

    async def requested(self, order: Commit, *, attempt: int = 1, card: str | None = "tok_approve") -> Commit:
        """`order` is the last commit of the order; `card` is None where it was erased."""
        told = event("PaymentRequested", **_payment(order, attempt), attempt=attempt, personal=_personal(card))
        return await self.ledger.on(order, told)

    async def initiated(self, order: Commit, *, card: str | None = "tok_approve") -> Commit:
        told = event("PaymentInitiated", **_payment(order, 1), personal=_personal(card))
        return await self.answers(order, "initiate", told, stream=f"payment-{payment_id(order)}", round_=1)

    async def answers(self, order: Commit, step: str, *events: Any, stream: str, round_: int = 0) -> Commit:
        """The commit that did a want."""
        draft = self.ledger.draft(stream, order.partition_key, *events)
        return (await self.ledger.append(replace(draft, command_id=want_id(NAME, order.subject, step, round_))))[0]

    async def docs(self) -> dict[str, dict[str, Any]]:
        return {doc["_id"]: doc async for doc in self.database["sagas"].find()}


@asynccontextmanager
async def a_saga_bench(url: str) -> AsyncIterator[SagaBench]:
    async with a_database(url) as (client, name):
        log = await open_log(client[name], partitions=PARTITIONS)
        yield SagaBench(Ledger(log), client[name])


def _about(order: Commit, product_id: int) -> dict[str, Any]:
    reservation_id = want_id(NAME, order.subject, f"reserve/{product_id}")
    return {"product_id": product_id, "order_id": order.subject, "reservation_id": reservation_id, "quantity": 1}


def payment_id(order: Commit, attempt: int = 1) -> str:
    return str(uuid5(UUID(order.subject), f"payment/{attempt}"))


def _payment(order: Commit, attempt: int) -> dict[str, Any]:
    return {"order_id": order.subject, "payment_id": payment_id(order, attempt), "amount": a_price(100)}


def _personal(card: str | None) -> dict[str, str]:
    return {} if card is None else {"card_token": card}


def _nobody(errand: Errand, answer: Answer) -> None:
    raise AssertionError("nothing was sent")
