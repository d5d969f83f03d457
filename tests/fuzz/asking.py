"""Sends plans through the gateway, many at once, and holds every answer to the contract."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import uuid4

from common.tasks import end
from tests.fuzz.drawing import AT_ONCE
from tests.fuzz.plans import Plan
from tests.fuzz.shopper import STOCKED, Ids, Shopper
from tests.fuzz.supply import NEEDED, Supply
from tests.support.conformance import check_exchange
from tests.support.door import GIVES_AWAY, Answer, send
from tests.support.system import System

REFUSED_BODY = (400, 413, 415, 422)  # what the request was about is as it was


@dataclass(slots=True)
class Tally:
    """`answers` are the statuses that each operation was answered with."""

    answers: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    faults: list[str] = field(default_factory=list)

    @property
    def statuses(self) -> Counter[int]:
        return sum(self.answers.values(), Counter())

    def share_done(self, operation: str) -> float:
        answers = self.answers[operation]
        return sum(times for status, times in answers.items() if status < 300) / max(1, answers.total())


class Asking:
    """`begin` before plans are taken, `end` when there are no more."""

    def __init__(self, system: System, shopper: Shopper) -> None:
        self._system, self._shopper = system, shopper
        self._plans: asyncio.Queue[Plan] = asyncio.Queue(AT_ONCE)
        self._common: Ids = {}
        self.tally = Tally()

    async def begin(self) -> None:
        await self._shopper.stocked()
        order_id = (await self._shopper.order("VALIDATED"))["@order@"]
        number = (await self._shopper.shown(order_id))["order_number"]
        self._common = {"@order@": order_id, "@number@": number, "@stream@": f"order-{order_id}", "@user@": "1"}
        self._common |= {"@product@": str(STOCKED), "@payment@": str(uuid4()), "@position@": "7"}
        self._common |= {"@model@": "products", "@generation@": "1", "@slug@": "no-price"}
        self._common |= {"@saga@": "order_fulfilment"}
        self._supply = Supply(self._shopper)
        self._workers = [asyncio.create_task(self._work()) for _ in range(AT_ONCE)]

    async def take(self, plans: Iterable[Plan]) -> None:
        """Return as soon as the last of them has its turn."""
        for plan in plans:
            await self._plans.put(plan)

    async def end(self) -> None:
        await self._plans.join()
        await end(*self._workers)
        await self._supply.end()

    async def _work(self) -> None:
        while True:
            plan = await self._plans.get()
            try:
                await self._ask(plan)
            except Exception as error:  # noqa: BLE001 - no answer, one outside the contract: all of it is told at the end
                self.tally.faults.append(f"{plan}: {type(error).__name__}: {error}")
            finally:
                self._plans.task_done()

    async def _ask(self, plan: Plan) -> None:
        kind = NEEDED.get(plan.operation) if plan.is_good else None
        ids = await self._supply.take(kind) if kind else {}
        request = plan.spelled(self._common | ids, uuid4().hex)
        answer = await send(self._system.gateway, request)
        self.tally.answers[plan.operation][answer.status] += 1
        if kind and answer.status in REFUSED_BODY:
            self._supply.give_back(kind, ids)
        _check(request, answer)


def _check(request: bytes, answer: Answer) -> None:
    assert answer.status < 500, f"{request[:300]!r} was answered {answer.status} {answer.body[:300]!r}"
    assert not [clue for clue in GIVES_AWAY if clue in answer.body], answer.body[:500]
    check_exchange(request, answer.status, answer.headers, answer.body)
