"""Commits written straight into a log, past the command service: what a test needs to have happened."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from common.envelope import Commit, RecordedEvent
from common.log import MongoLog

Line = tuple[int, int]
"""Product and quantity."""


def event(event_type: str, schema: int = 1, **data: Any) -> RecordedEvent:
    return RecordedEvent(type=event_type, schema=schema, data=data)


def a_price(minor_units: int) -> dict[str, Any]:
    return {"amount": minor_units, "currency": "EUR"}


class Ledger:
    """Appends at the head. It counts versions itself, and so must be the only one to write to its streams."""

    def __init__(self, log: MongoLog) -> None:
        self.log = log
        self._versions: Counter[str] = Counter()

    async def order(self, user_id: int, *lines: Line) -> Commit:
        return (await self.orders(user_id, lines or ((1, 1),)))[0]

    async def orders(self, user_id: int, *orders: Sequence[Line]) -> list[Commit]:
        """Several orders of one user, in one insert."""
        return await self.append(*(self.an_order(user_id, lines) for lines in orders))

    def an_order(self, user_id: int, lines: Sequence[Line], order_id: str | None = None) -> Commit:
        order_id = order_id or str(uuid4())
        items = [{"product_id": product_id, "quantity": quantity} for product_id, quantity in lines]
        placed = event("OrderInitiated", order_id=order_id, user_id=user_id, items=items, personal={})
        return self.draft(f"order-{order_id}", user_id, placed)

    async def imported(self, user_id: int, paid: int, line_number: int) -> Commit:
        return (await self.append(self.an_imported(user_id, paid, line_number)))[0]

    def an_imported(self, user_id: int, paid: int, line_number: int) -> Commit:
        order_id = str(uuid4())
        placed_at = datetime(1997, 2, 24, 12, tzinfo=UTC)
        data = {"source": "old shop", "line_number": line_number, "placed_at": placed_at, "item_count": 2}
        told = event("OrderImported", order_id=order_id, user_id=user_id, paid=a_price(paid), items=[], **data)
        return self.draft(f"order-{order_id}", user_id, told)

    async def cancel(self, order: Commit) -> Commit:
        told = event("OrderCancelled", order_id=order.subject, reason="changed my mind")
        return await self.on(order, told)

    async def pay(self, order: Commit, unit_price: int) -> Commit:
        """Validate the order at this price of every piece, and pay it; return the last commit."""
        lines = order.events[0].data["items"]
        items = [{**line, "unit_price": a_price(unit_price)} for line in lines]
        amount = a_price(sum(line["quantity"] for line in lines) * unit_price)
        ids = {"order_id": order.subject, "payment_id": str(uuid4())}
        requested = {"attempt": 1, "amount": amount, "personal": {"card_token": "tok_approve"}}
        await self.on(order, event("OrderValidated", order_id=order.subject, items=items))
        await self.on(order, event("PaymentRequested", **ids, **requested))
        return await self.on(order, event("OrderPaid", **ids, amount=amount))

    async def refund(self, paid: Commit) -> Commit:
        """Cancel an order that `pay` paid, and give the money back."""
        await self.cancel(paid)
        return await self.on(paid, event("OrderRefunded", **paid.events[0].data))

    async def stock(self, product_id: int, quantity: int) -> Commit:
        told = event("InventoryUpdated", product_id=product_id, product_name="Thing", quantity=quantity)
        return (await self.append(self.draft(f"inventory-{product_id}", product_id, told)))[0]

    async def on(self, earlier: Commit, *events: RecordedEvent) -> Commit:
        """The next commit of a stream."""
        self._versions[earlier.stream] = max(self._versions[earlier.stream], earlier.version)
        return (await self.append(self.draft(earlier.stream, earlier.partition_key, *events)))[0]

    def draft(self, stream: str, partition_key: int, *events: RecordedEvent) -> Commit:
        return Commit(
            stream=stream,
            version=0,
            partition_key=partition_key,
            partition=self.log.info.partition_of(partition_key),
            events=events,
            command_id=str(uuid4()),
            fingerprint="fingerprint",
            recorded_at=_now(),
        )

    async def append(self, *drafts: Commit) -> list[Commit]:
        """Number the drafts and insert them all."""
        return await self.put(*self.numbered(await self.log.head(), *drafts))

    def numbered(self, head: int, *drafts: Commit) -> list[Commit]:
        """As they follow this position."""
        return [self._numbered(draft, position) for position, draft in enumerate(drafts, head + 1)]

    async def put(self, *commits: Commit) -> list[Commit]:
        """Insert commits as they stand."""
        written = await self.log.insert(commits)
        assert written.count == len(commits), written
        return list(commits)

    def _numbered(self, draft: Commit, position: int) -> Commit:
        self._versions[draft.stream] += 1
        return replace(draft, position=position, version=self._versions[draft.stream])

    def key_in(self, partition: int, *, above: int = 0) -> int:
        """The smallest key above this one that lies in the partition."""
        return next(n for n in range(above + 1, above + 10_000) if self.log.info.partition_of(n) == partition)


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
