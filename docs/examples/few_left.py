"""From a stock that runs low to one that is filled up: meanwhile its product says that few pieces are left."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from command_service.sagas.shapes import Accepted, Happened, Input, Refused, Saga, TimeIsUp, Want
from common.events import Event
from common.events.inventory import InventoryRolledBack, InventoryUpdated, LowStockDetected

NOTICE = {"key": "stock", "value": "few left"}


class FewLeft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`until` is set while the stock is low; then the notice goes, whether anybody has filled it up or not.

    `round` counts how often it ran low, `asked_round` is the last of them that has an answer to the notice.
    """

    product_id: str
    seconds: float
    until: datetime | None = None
    threshold: int = 0
    round: int = 0
    asked_round: int = 0
    is_shown: bool = False
    trouble: str | None = None


def react(stock: FewLeft, told: Input) -> FewLeft:
    match told:
        case Happened(event=event, at=at):
            return _happened(stock, event, at)
        case Accepted() | Refused():
            return _answered(stock, told)
        case TimeIsUp():
            return replace(stock, until=None)


def _happened(stock: FewLeft, event: Event, at: datetime) -> FewLeft:
    match event:
        case LowStockDetected(threshold=threshold):
            until = at + timedelta(seconds=stock.seconds)
            return replace(stock, until=until, threshold=threshold, round=stock.round + 1)
        case InventoryUpdated(quantity=int(on_hand)) if on_hand > stock.threshold:
            return replace(stock, until=None)
        case InventoryRolledBack():
            return replace(stock, until=None)
    return stock


def _answered(stock: FewLeft, answer: Accepted | Refused) -> FewLeft:
    match answer:
        case Accepted(step="show"):  # without events somebody else had said so: that is not ours to take back
            return replace(stock, asked_round=answer.round, is_shown=bool(answer.events))
        case Accepted():
            return replace(stock, is_shown=False)
        case Refused(step="show"):  # there is no product, or it says something else: this time we give up
            return replace(stock, asked_round=answer.round)
        case Refused():  # no rule foresees it; a person must look
            return replace(stock, trouble=f"{answer.step}: {answer.code}: {answer.detail}")


def plan(stock: FewLeft) -> tuple[Want, ...]:
    if stock.until and not stock.is_shown and stock.asked_round < stock.round:
        return (_want(stock, "show", "CreateAttribute", NOTICE),)
    if stock.is_shown and not stock.until:
        return (_want(stock, "hide", "RollbackAttributes", {"keys": [NOTICE["key"]]}),)
    return ()


def _want(stock: FewLeft, step: str, command: str, body: Mapping[str, Any]) -> Want:
    return Want(step=step, round=stock.round, command=command, subject=stock.product_id, body=body)


def few_left(*, notice_seconds: float) -> Saga[FewLeft]:
    """The rules; nobody reads the notice for longer than `notice_seconds` after the stock ran low."""
    return Saga(
        name="few_left",
        context="inventory",
        begins_with="LowStockDetected",
        state=FewLeft,
        initial=lambda product_id: FewLeft(product_id=product_id, seconds=notice_seconds),
        react=react,
        plan=plan,
        waits_until=lambda stock: stock.until,
        waits_for=lambda stock: "pieces" if stock.until else None,
        is_over=lambda stock: not (stock.until or plan(stock) or stock.trouble),
        trouble=lambda stock: stock.trouble,
    )
