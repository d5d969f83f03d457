"""What a sender says around a command's body, whichever way it came, and the request that comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from command_service.domain.decider import Decider
from command_service.handling import Outcome, Request
from command_service.routes import CommandRoute, Identity, fingerprint
from command_service.shown import Accepted
from common.access.actors import Actor
from common.consistency import merge, write_token
from common.errors import BadRequest
from common.values import is_number_id, is_uuid

MOST_CORRELATION_CHARACTERS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """`path` is the route's with `ids` in it; `deadline` is on the loop's clock."""

    actor: Actor
    path: str
    ids: Mapping[str, str]
    deadline: float
    expected_version: int | None = None
    correlation_id: str | None = None
    traceparent: str | None = None


def make_request(route: CommandRoute, sending: Sending, command: Any, identity: Identity, body: bytes) -> Request:
    subject = _subject(route, sending.ids, command, identity)
    return Request(
        command=command,
        decider=route.decider,
        subject=subject,
        command_id=identity.command_id,
        is_keyed=identity.is_keyed,
        fingerprint=fingerprint(route, sending.path, body),
        deadline=sending.deadline,
        body_bytes=len(body),
        partition_key=route.key_of(command, subject),
        creates=route.creates,
        expected_version=sending.expected_version,
        actor=sending.actor,
        correlation_id=sending.correlation_id or identity.command_id,
        traceparent=sending.traceparent,
    )


def require_correlation_id(given: str | None, name: str) -> str | None:
    """Return what may stand in a commit; BadRequest tells the sender by which `name` it was given."""
    is_fine = given is None or (1 <= len(given) <= MOST_CORRELATION_CHARACTERS and given.isascii())
    if not is_fine or not (given or "").isprintable():
        raise BadRequest("invalid_correlation_id", f"{name} has 1 to {MOST_CORRELATION_CHARACTERS} visible characters.")
    return given


def content_of(route: CommandRoute, outcome: Outcome, seen: Mapping[int, int] | None = None) -> dict[str, Any]:
    """What the sender is told of an accepted command; `seen` is the consistency token that came with it."""
    subject = int(outcome.subject) if route.decider.is_about_a_product else outcome.subject
    accepted: Accepted = {
        "command_id": outcome.command_id,
        "version": outcome.version,
        "position": outcome.position,
        "partition": outcome.partition,
        "token": write_token(merge(seen or {}, position_of(outcome))),
        "status": outcome.status,
        "changed": outcome.changed,
    }
    return {route.decider.id_field: subject, **accepted}


def position_of(outcome: Outcome) -> dict[int, int]:
    """By its partition, as in a token."""
    return {} if outcome.partition is None else {outcome.partition: outcome.position}


def begins_a_stream(outcome: Outcome) -> bool:
    """Then the answer's status is 201, else 200."""
    return outcome.version == 1 and outcome.changed


def _subject(route: CommandRoute, ids: Mapping[str, str], command: Any, identity: Identity) -> str:
    if route.creates:
        return identity.new_subject
    if route.subject:
        return route.subject(command)
    return require_id(route.decider, ids[route.decider.id_field])


def require_id(decider: Decider[Any, Any, Any], given: str) -> str:
    """Return what may be the id of something that this decider decides on."""
    if decider.is_about_a_product and not is_number_id(given):
        raise BadRequest("invalid_id", f"{decider.id_field} must be a whole number above 0.")
    if not decider.is_about_a_product and not is_uuid(given):
        raise BadRequest("invalid_id", f"{decider.id_field} must be a UUID in lower case.")
    return given
