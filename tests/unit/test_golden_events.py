"""Stored names are for ever: every schema of every event that was ever written must decode."""

from pathlib import Path

import orjson
import pytest

from common.codec import decode_event, encode_event
from common.envelope import RecordedEvent
from common.errors import Undecodable
from common.events import EVENT_TYPES

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_what_was_once_stored_decodes(file: Path) -> None:
    name, _, schema = file.stem.rpartition(".")
    data = orjson.loads(file.read_bytes())
    event = decode_event(RecordedEvent(type=name, schema=int(schema), data=data))
    if int(schema) == event.schema_version:
        assert orjson.loads(orjson.dumps(encode_event(event).data, option=orjson.OPT_UTC_Z)) == data


def test_every_schema_of_every_event_has_its_golden_file() -> None:
    wanted = {f"{name}.{schema}" for name, t in EVENT_TYPES.items() for schema in range(1, t.schema_version + 1)}
    assert {file.stem for file in GOLDEN.glob("*.json")} == wanted


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (RecordedEvent(type="OrderTeleported", schema=1, data={}), "unknown_event_type"),
        (RecordedEvent(type="OrderCancelled", schema=99, data={"order_id": "1"}), "unknown_schema"),
        (RecordedEvent(type="OrderCancelled", schema=1, data={"order_id": 1}), "invalid_event"),
    ],
)
def test_what_nobody_can_read_is_undecodable(record: RecordedEvent, code: str) -> None:
    with pytest.raises(Undecodable) as error:
        decode_event(record)
    assert error.value.code == code
