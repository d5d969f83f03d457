"""The rules of a product's attributes."""

from typing import Annotated, assert_never

import msgspec
from immutables import Map
from msgspec.structs import replace
from pydantic import Field

from command_service.domain.decider import Context, Decider
from common.errors import CommandRejected, NotFound
from common.events.attributes import AttributesCreated, AttributesEvent, AttributesRolledBack
from common.product_values import MAX_ATTRIBUTES, Attribute, AttributeKey, Attributes, AttributeValue
from common.values import Message


class CreateAttribute(Message):
    key: AttributeKey
    value: AttributeValue


class CreateAttributes(Message):
    """Add several, all or none."""

    attributes: Annotated[Attributes, Field(min_length=1)]


class RollbackAttributes(Message):
    """Take away the attributes of these keys; without keys, all."""

    keys: Annotated[tuple[AttributeKey, ...], Field(min_length=1, max_length=MAX_ATTRIBUTES)] | None = None


AttributesCommand = CreateAttribute | CreateAttributes | RollbackAttributes


class AttributesState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    values: Map[str, str] = msgspec.field(default_factory=Map)


def decide(command: AttributesCommand, state: AttributesState, context: Context) -> tuple[AttributesEvent, ...]:
    match command:
        case CreateAttribute():
            return _create((Attribute(key=command.key, value=command.value),), state, context)
        case CreateAttributes():
            return _create(command.attributes, state, context)
        case RollbackAttributes():
            return _roll_back(command, state, context)
    assert_never(command)


def _create(wanted: tuple[Attribute, ...], state: AttributesState, context: Context) -> tuple[AttributesEvent, ...]:
    if f"product-{context.subject}" not in context.known_streams:
        raise NotFound("unknown_product", f"There is no product {context.subject}.")
    new = tuple(one for one in wanted if state.values.get(one.key) != one.value)
    if taken := [one.key for one in new if one.key in state.values]:
        raise CommandRejected("attribute_exists", f"{taken[0]} is there with another value; roll it back first.")
    if len(state.values) + len(new) > MAX_ATTRIBUTES:
        raise CommandRejected("too_many_attributes", f"A product has at most {MAX_ATTRIBUTES} attributes.")
    return (AttributesCreated(product_id=int(context.subject), attributes=new),) if new else ()


def _roll_back(command: RollbackAttributes, state: AttributesState, context: Context) -> tuple[AttributesEvent, ...]:
    """What is not there is rolled back quietly: who undoes may not know what was done."""
    wanted = sorted(state.values) if command.keys is None else dict.fromkeys(command.keys)
    keys = tuple(key for key in wanted if key in state.values)
    return (AttributesRolledBack(product_id=int(context.subject), keys=keys),) if keys else ()


def evolve(state: AttributesState, event: AttributesEvent) -> AttributesState:
    match event:
        case AttributesCreated():
            return replace(state, values=state.values.update({one.key: one.value for one in event.attributes}))
        case AttributesRolledBack():
            gone = frozenset(event.keys)
            return replace(state, values=Map({key: state.values[key] for key in state.values if key not in gone}))
    assert_never(event)


ATTRIBUTES: Decider[AttributesCommand, AttributesState, AttributesEvent] = Decider(
    context="attributes",
    id_field="product_id",
    initial=AttributesState(),
    state=AttributesState,
    decide=decide,
    evolve=evolve,
    status=lambda _: None,
    owner="product",
    outgrows=True,
)
