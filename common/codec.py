"""Between the events that rules speak of and the records that the log keeps."""

from typing import Any

import orjson
from pydantic import ValidationError

from common.envelope import RecordedEvent
from common.errors import Undecodable
from common.events import EVENT_TYPES, Event
from common.upcasting import UPCASTERS, upcast

_NAMES = {event_type: name for name, event_type in EVENT_TYPES.items()}
_VALIDATORS = {name: event_type.__pydantic_validator__ for name, event_type in EVENT_TYPES.items()}
"""What `model_validate_json` asks, too; the way there was a sixth of the time, and every event of a fold takes it."""
_INSTANTS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC  # the log has no others, read with their zone or without


def encode_event(event: Event) -> RecordedEvent:
    """Return the record of an event: plain values, absent fields left out, instants as aware datetimes."""
    data: dict[str, Any] = event.model_dump(exclude_none=True)
    return RecordedEvent(type=_NAMES[type(event)], schema=event.schema_version, data=data)


def decode_event(record: RecordedEvent) -> Event:
    """Return the event of a record of any known schema; Undecodable names what is wrong with it."""
    event_type = EVENT_TYPES.get(record.type)
    if event_type is None:
        raise Undecodable("unknown_event_type", f"no event is called {record.type}")
    schema, data = upcast(record.type, record.schema, record.data, UPCASTERS)
    if schema != event_type.schema_version:
        raise Undecodable("unknown_schema", f"{record.type} has no schema {record.schema}")
    try:
        return _VALIDATORS[record.type].validate_json(orjson.dumps(data, option=_INSTANTS))
    except (ValidationError, TypeError) as error:
        raise Undecodable("invalid_event", f"{record.type} schema {record.schema} does not fit its model") from error
