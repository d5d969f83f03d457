"""Both exchanges as AsyncAPI 3.0: every event that is published, every command that can be sent."""

from typing import Any, get_args

from command_service.contract import accepted_name, answer_schemas, body_schemas, description_of, summary_of
from command_service.messages.headers import EVENT_HEADERS, REPLY_HEADERS, SENDER_PROPERTIES, command_headers
from command_service.messages.reading import ID_IN_PATH, ROUTES_BY_KEY
from command_service.routes import CommandRoute
from common.command_queue import BINDING, COMMAND_EXCHANGE, QUEUE
from common.contract.problems import MEDIA_TYPE, PROBLEM_SCHEMAS
from common.contract.schemas import reference, schemas_of_models
from common.envelope import EXCHANGE
from common.events import EVENT_TYPES, Event
from common.events.attributes import AttributesEvent
from common.events.earlier import EARLIER
from common.events.inventory import InventoryEvent
from common.events.media import MediaEvent
from common.events.orders import OrderEvent
from common.events.payments import PaymentEvent
from common.events.products import ProductEvent
from common.events.sagas import SagaEvent
from common.version import VERSION

EVENTS_OF: dict[str, Any] = {
    "order": OrderEvent,
    "payment": PaymentEvent,
    "inventory": InventoryEvent,
    "product": ProductEvent,
    "media": MediaEvent,
    "attributes": AttributesEvent,
    "saga": SagaEvent,
}
"""By the context, whose word stands in the routing key."""
_BINDING_VERSION = {"bindingVersion": "0.3.0"}
_REPLIES = "replies"
Part = dict[str, Any]


def make_message_contract() -> Part:
    events = {name: context for context, union in EVENTS_OF.items() for name in _names_in(union)}
    commands = {route.command.__name__: route for route in ROUTES_BY_KEY.values()}
    answers = sorted({accepted_name(route.decider) for route in commands.values()})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Leveret",
            "version": VERSION,
            "description": f"Events on the topic exchange `{EXCHANGE}`, commands on `{COMMAND_EXCHANGE}`.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {"broker": _server()},
        "channels": {
            **{name: _event_channel(name, context) for name, context in events.items()},
            **{name: _command_channel(name, route) for name, route in commands.items()},
            _REPLIES: _reply_channel(answers),
        },
        "operations": {
            **{f"publish{name}": _publishing(name, context) for name, context in events.items()},
            **{f"handle{name}": _handling(name, route) for name, route in commands.items()},
        },
        "components": {
            "schemas": _schemas(),
            "messages": {
                **{name: _event(name) for name in events},
                **{name: _command(name, route) for name, route in commands.items()},
                **{name: _accepted(name) for name in answers},
                "Refused": _refused(),
            },
            "channelBindings": {"events": _on_exchange(EXCHANGE), "commands": _on_exchange(COMMAND_EXCHANGE)},
        },
    }


def _names_in(union: Any) -> list[str]:
    kinds: tuple[type[Event], ...] = get_args(union) or (union,)
    return [name for name, kind in EVENT_TYPES.items() if kind in kinds]


def _schemas() -> Part:
    return {
        **PROBLEM_SCHEMAS,
        **answer_schemas(),
        **body_schemas(),
        **schemas_of_models((*EVENT_TYPES.values(), *(kind for kinds in EARLIER.values() for kind in kinds))),
        "EventHeaders": EVENT_HEADERS,
        "ReplyHeaders": REPLY_HEADERS,
    }


def _server() -> Part:
    return {
        "host": "{host}:{port}",
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "description": "RabbitMQ.",
        "variables": {"host": {"default": "localhost"}, "port": {"default": "5672"}},
    }


def _on_exchange(name: str) -> Part:
    exchange = {"name": name, "type": "topic", "durable": True, "autoDelete": False}
    return {"amqp": {"is": "routingKey", "exchange": exchange, **_BINDING_VERSION}}


def _event_channel(name: str, context: str) -> Part:
    return {
        "address": f"p{{partition}}.{context}.{name}",
        "messages": {name: _message(name)},
        "parameters": {"partition": {"description": "0 to one less than there are; bind `*` for all."}},
        "bindings": {"$ref": "#/components/channelBindings/events"},
    }


def _command_channel(name: str, route: CommandRoute) -> Part:
    return {
        "address": f"{route.decider.context}.{name}",
        "description": f"The command services take it from the queue `{QUEUE}`, bound with `{BINDING}`.",
        "messages": {name: _message(name)},
        "bindings": {"$ref": "#/components/channelBindings/commands"},
    }


def _reply_channel(answers: list[str]) -> Part:
    return {
        "address": None,
        "description": "The queue that a command's `reply_to` names, through the default exchange.",
        "messages": {name: _message(name) for name in (*answers, "Refused")},
    }


def _publishing(name: str, context: str) -> Part:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [_of_channel(name, name)],
        "tags": [{"name": context}],
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, **_BINDING_VERSION}},
    }


def _handling(name: str, route: CommandRoute) -> Part:
    location = {"location": "$message.header#/reply_to", "description": "The property reply_to; without it, no answer."}
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [_of_channel(name, name)],
        "summary": summary_of(route),
        "tags": [{"name": route.decider.context}],
        "bindings": {"amqp": {"ack": True, **_BINDING_VERSION}},
        "reply": {
            "address": location,
            "channel": {"$ref": f"#/channels/{_REPLIES}"},
            "messages": [_of_channel(_REPLIES, accepted_name(route.decider)), _of_channel(_REPLIES, "Refused")],
        },
        "x-roles": sorted(route.policy.roles or ()),
    }


def _event(name: str) -> Part:
    """Its earlier schemas are still in logs, and come again when a log is published again."""
    kind, earlier = EVENT_TYPES[name], EARLIER.get(name, ())
    payloads = [reference(each.__name__) for each in (kind, *reversed(earlier))]
    return {
        "name": name,
        "summary": " ".join((kind.__doc__ or "").split()) or f"Schema {kind.schema_version}.",
        "description": f"{_schemas_told(kind)} Without a body where the header `body` says `log`.",
        "contentType": "application/json",
        "headers": reference("EventHeaders"),
        "payload": payloads[0] if not earlier else {"anyOf": payloads},
        "correlationId": {"location": "$message.header#/correlation_id"},
    }


def _schemas_told(kind: type[Event]) -> str:
    newest = kind.schema_version
    return f"Schema {newest}." if newest == 1 else f"Schema {newest} or an earlier one, as the header `schema` says."


def _command(name: str, route: CommandRoute) -> Part:
    return {
        "name": name,
        "summary": summary_of(route),
        "description": description_of(route),
        "contentType": "application/json",
        "headers": command_headers(ID_IN_PATH.findall(route.path)),
        "payload": reference(name),
        "correlationId": {"location": "$message.header#/correlation_id", "description": "The AMQP property."},
        "x-amqp-properties": SENDER_PROPERTIES,
    }


def _accepted(name: str) -> Part:
    return {
        "name": name,
        "contentType": "application/json",
        "headers": reference("ReplyHeaders"),
        "payload": reference(name),
    }


def _refused() -> Part:
    return {
        "name": "Refused",
        "contentType": MEDIA_TYPE,
        "headers": reference("ReplyHeaders"),
        "payload": reference("Problem"),
    }


def _message(name: str) -> Part:
    return {"$ref": f"#/components/messages/{name}"}


def _of_channel(channel: str, name: str) -> Part:
    return {"$ref": f"#/channels/{channel}/messages/{name}"}
