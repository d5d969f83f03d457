"""From a product that was created to one that is offered with all it needs, or to one of which nothing is left.

What was asked for together with the product is made side by side, files of the inventory after the inventory. If a part
is refused, or the time is up, what was made is undone in reverse, and then the product. Later its price is followed.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from command_service.sagas.shapes import Accepted, Happened, Input, Refused, Saga, TimeIsUp, Want
from common.events import Event
from common.events.products import PriceChanged, ProductActivated, ProductCreated, ProductRolledBack
from common.product_values import Attribute, MediaFile
from common.values import Money

NAME = "product_onboarding"
LATE = ("onboarding_timed_out", "Not all that belongs to the product was made in time.")


class Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that belongs to the product: the command that makes it, and the one that undoes that.

    `stage` goes from `wanted` to `made`, then to `undone`; or to `refused`; or to `there`, when it was there before.
    Parts of a later wave need those of an earlier one.
    """

    name: str
    wave: int = 1
    command: str
    body: Mapping[str, Any]
    undo: str
    undo_body: Mapping[str, Any]
    stage: str = "wanted"


class Onboarding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`price_round` counts the changes of the price, `priced_round` is the last that the inventory has heard of."""

    product_id: str
    seconds: float  # how long making everything may take
    status: str = "UNKNOWN"  # the product's
    parts: tuple[Part, ...] = ()
    created_at: datetime | None = None
    failure: tuple[str, str] | None = None  # code and sentence
    price: Money | None = None
    price_round: int = 0
    priced_round: int = 0
    trouble: str | None = None  # what no rule foresees; a person must look


def react(onboarding: Onboarding, told: Input) -> Onboarding:
    match told:
        case Happened(event=event, at=at):
            return _happened(onboarding, event, at)
        case Accepted():
            return _accepted(onboarding, told)
        case Refused():
            return _refused(onboarding, told)
        case TimeIsUp():
            return _late(onboarding)


def _late(onboarding: Onboarding) -> Onboarding:
    """What is wanted is not withdrawn (S4): when it has its outcome, it is undone."""
    is_late = any(part.stage == "wanted" for part in onboarding.parts)
    return replace(onboarding, failure=onboarding.failure or LATE) if is_late else onboarding


def _happened(onboarding: Onboarding, event: Event, at: datetime) -> Onboarding:
    match event:
        case ProductCreated():
            return replace(onboarding, status="PENDING", parts=_parts(event), created_at=at)
        case ProductActivated():
            return _at(onboarding, "ACTIVE")
        case ProductRolledBack():
            return _at(onboarding, "ROLLED_BACK")
        case PriceChanged(price=price):
            return replace(onboarding, price=price, price_round=onboarding.price_round + 1)
    return onboarding


def _parts(event: ProductCreated) -> tuple[Part, ...]:
    asked = event.onboarding
    parts: list[Part] = []
    if asked.inventory:
        stock = asked.inventory.model_dump(exclude_none=True)
        sku = {"sku": event.sku} if event.sku else {}
        body = {"product_name": event.name, "unit_price": _spoken(event.price), **sku, **stock}
        parts.append(
            Part(name="inventory", command="CreateInventory", body=body, undo="RollbackInventory", undo_body={})
        )
    for number, file in enumerate(asked.media):
        parts.append(_file_part(f"media/{number}", file, "CreateMedia", "RollbackMedia"))
    if asked.attributes:
        parts.append(_attributes_part(asked.attributes))
    for number, file in enumerate(asked.inventory_media):
        part = _file_part(f"inventory_media/{number}", file, "AttachInventoryMedia", "RemoveInventoryMedia")
        parts.append(replace(part, wave=2))
    return tuple(parts)


def _file_part(name: str, file: MediaFile, command: str, undo: str) -> Part:
    undo_body = {"bucket": file.bucket, "key": file.key}
    return Part(name=name, command=command, body=file.model_dump(mode="json"), undo=undo, undo_body=undo_body)


def _attributes_part(attributes: tuple[Attribute, ...]) -> Part:
    return Part(
        name="attributes",
        command="CreateAttributes",
        body={"attributes": [attribute.model_dump() for attribute in attributes]},
        undo="RollbackAttributes",
        undo_body={"keys": [attribute.key for attribute in attributes]},
    )


def _spoken(price: Money) -> dict[str, str]:
    return {"amount": price.decimal_text(), "currency": price.currency}


def _accepted(onboarding: Onboarding, answer: Accepted) -> Onboarding:
    step, _, part = answer.step.partition("/")
    match step:
        case "make":
            return _part(onboarding, part, "made" if answer.events else "there")
        case "undo":
            return _part(onboarding, part, "undone")
        case "activate":
            return _at(onboarding, "ACTIVE")
        case "roll_back":
            return _at(onboarding, "ROLLED_BACK")
        case "set_price":
            return replace(onboarding, priced_round=answer.round)
    return replace(onboarding, trouble=f"{answer.step} was accepted and never wanted")


def _refused(onboarding: Onboarding, refused: Refused) -> Onboarding:
    step, _, part = refused.step.partition("/")
    match step, refused.code:
        case "make", code:
            failure = onboarding.failure or (code, refused.detail)
            return replace(_part(onboarding, part, "refused"), failure=failure)
        case "activate", "product_rolled_back":
            return _at(onboarding, "ROLLED_BACK")
        case "set_price", _:  # there is no inventory that could have a price
            return replace(onboarding, priced_round=refused.round)
    return replace(onboarding, trouble=f"{refused.step}: {refused.code}: {refused.detail}")


def _part(onboarding: Onboarding, name: str, stage: str) -> Onboarding:
    parts = tuple(replace(part, stage=stage) if part.name == name else part for part in onboarding.parts)
    return replace(onboarding, parts=parts)


def _at(onboarding: Onboarding, status: str) -> Onboarding:
    """Only onwards: an answer and the product's own event say the same, and either may come late."""
    return onboarding if onboarding.status == "ROLLED_BACK" else replace(onboarding, status=status)


def plan(onboarding: Onboarding) -> tuple[Want, ...]:
    if onboarding.trouble:
        return ()
    if onboarding.failure or onboarding.status == "ROLLED_BACK":
        return _undo(onboarding)
    wanted = [part for part in onboarding.parts if part.stage == "wanted"]
    if wanted:
        wave = min(part.wave for part in wanted)
        return tuple(_want(onboarding, f"make/{p.name}", p.command, p.body) for p in wanted if p.wave == wave)
    if onboarding.status == "PENDING":
        return (_want(onboarding, "activate", "ActivateProduct", {}),)
    return _set_price(onboarding)


def _undo(onboarding: Onboarding) -> tuple[Want, ...]:
    """The last part that was made goes first; at the end the product, unless it was rolled back before."""
    made = [part for part in onboarding.parts if part.stage == "made"]
    if made:
        return (_want(onboarding, f"undo/{made[-1].name}", made[-1].undo, made[-1].undo_body),)
    if onboarding.failure and onboarding.status != "ROLLED_BACK":
        code, reason = onboarding.failure
        return (_want(onboarding, "roll_back", "RollbackProduct", {"code": code, "reason": reason[:500]}),)
    return ()


def _set_price(onboarding: Onboarding) -> tuple[Want, ...]:
    if onboarding.price is None or onboarding.priced_round == onboarding.price_round:
        return ()
    body = {"product_id": int(onboarding.product_id), "unit_price": _spoken(onboarding.price)}
    return (replace(_want(onboarding, "set_price", "UpdateInventory", body), round=onboarding.price_round),)


def _want(onboarding: Onboarding, step: str, command: str, body: Mapping[str, Any]) -> Want:
    return Want(step=step, command=command, subject=onboarding.product_id, body=body)


def product_onboarding(*, onboarding_seconds: float) -> Saga[Onboarding]:
    """The rules; everything must be made within `onboarding_seconds` of the product's creation."""
    return Saga(
        name=NAME,
        context="product",
        begins_with="ProductCreated",
        state=Onboarding,
        initial=lambda saga_id: Onboarding(product_id=saga_id, seconds=onboarding_seconds),
        react=react,
        plan=plan,
        waits_until=_waits_until,
        is_over=_is_over,
        trouble=lambda onboarding: onboarding.trouble,
    )


def _waits_until(onboarding: Onboarding) -> datetime | None:
    is_waiting = onboarding.status == "PENDING" and not onboarding.failure
    return (
        onboarding.created_at + timedelta(seconds=onboarding.seconds) if is_waiting and onboarding.created_at else None
    )


def _is_over(onboarding: Onboarding) -> bool:
    """As far as anybody knows: the price may change, or the product be withdrawn."""
    return onboarding.status in ("ACTIVE", "ROLLED_BACK") and not onboarding.trouble and not plan(onboarding)
