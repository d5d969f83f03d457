"""What a message asks for: a command as over HTTP, told by routing key, properties and headers (docs/messages.md)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from command_service.handling import Request
from command_service.requests import Sending, make_request, require_correlation_id
from command_service.routes import MAX_KEY_CHARACTERS, ROUTES, CommandRoute, Identity, keyed_identity, named
from common.access.actors import Actor
from common.bodies import parse_body
from common.errors import BadRequest
from common.lenient_frames import UNREADABLE
from common.tracing import known_traceparent
from common.web import MAX_BODY_BYTES

ID_IN_PATH = re.compile(r"\{(\w+)(?::[^}]*)?\}")
_VERSION = re.compile(r"\d{1,15}", re.ASCII)
_PLAIN_ENCODINGS = (None, "", "identity", "utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandMessage:
    """A message as it came; nothing in it is known to be true, or to be text."""

    routing_key: str
    body: bytes
    headers: Mapping[str, Any]
    message_id: str | None = None
    app_id: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    correlation_id: str | None = None
    reply_to: str | None = None


def routing_key_of(route: CommandRoute) -> str:
    return f"{route.decider.context}.{route.command.__name__}"


ROUTES_BY_KEY: Mapping[str, CommandRoute] = {routing_key_of(route): route for route in reversed(ROUTES)}
"""Of a command with two paths the first counts."""


def route_of(message: CommandMessage) -> CommandRoute:
    route = ROUTES_BY_KEY.get(message.routing_key)
    if route is None:
        raise BadRequest("unknown_command", "No command that can be sent has this routing key.")
    return route


def authorization_of(message: CommandMessage) -> tuple[str, ...]:
    """As over HTTP, in a header of this name."""
    given = message.headers.get("authorization")
    return (given,) if isinstance(given, str) else ()


def read_request(message: CommandMessage, actor: Actor, deadline: float) -> Request:
    """Return the request of a message; BadRequest or InvalidBody tell what is wrong with it."""
    route = route_of(message)
    if UNREADABLE.items() <= message.headers.items():
        raise BadRequest("malformed_headers", "The headers cannot be read.")
    identity = identify_message(actor, message.app_id, message.message_id)
    _require_json(message)
    ids = {name: _id(message.headers, name) for name in ID_IN_PATH.findall(route.path)}
    sending = Sending(
        actor=actor,
        path=ID_IN_PATH.sub(lambda found: ids[found[1]], route.path),
        ids=ids,
        deadline=deadline,
        expected_version=_expected_version(message.headers.get("expected_version")),
        correlation_id=require_correlation_id(message.correlation_id or None, "A correlation_id"),
        traceparent=known_traceparent(message.headers.get("traceparent")),
    )
    return make_request(route, sending, parse_body(route.command, message.body), identity, message.body)


def identify_message(actor: Actor, app_id: str | None, message_id: str | None) -> Identity:
    """Make the ids of the command that this actor's application sent under this message_id.

    They are the sender's own: neither another application's nor an Idempotency-Key's command gets the same id. Who
    leaves app_id out shares the message_ids of all who do.
    """
    sender, key = app_id or "", message_id or ""
    if not key.strip():
        raise BadRequest("missing_message_id", "A command needs a message_id: sent again, it is known by it.")
    if not all(len(text) <= MAX_KEY_CHARACTERS and text.isascii() and text.isprintable() for text in (sender, key)):
        raise BadRequest("invalid_message_id", "message_id and app_id have visible ASCII characters only.")
    return keyed_identity(f"message\n{named(actor)}{sender}\n{key}")


def _require_json(message: CommandMessage) -> None:
    if (message.content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise BadRequest("unsupported_media_type", "A command's content_type is application/json.")
    if message.content_encoding and message.content_encoding.lower() not in _PLAIN_ENCODINGS:
        raise BadRequest("unsupported_media_type", "A command has no content_encoding.")
    if len(message.body) > MAX_BODY_BYTES:
        raise BadRequest("body_too_large", f"A body has at most {MAX_BODY_BYTES} bytes.")


def _id(headers: Mapping[str, Any], name: str) -> str:
    """Text, or a number as text; whether it is an id is seen where it is used."""
    given = headers.get(name)
    if not isinstance(given, str | int) or isinstance(given, bool) or not str(given):
        raise BadRequest("missing_id", f"This command needs the header {name}.")
    return str(given)


def _expected_version(given: object) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, str | int) or not _VERSION.fullmatch(str(given)):
        raise BadRequest("invalid_expected_version", "expected_version is a version, like 3.")
    return int(given)
