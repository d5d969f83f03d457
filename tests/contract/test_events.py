"""Stored names are for ever: every schema of every event that was ever written decodes, and stays what it is."""

from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, ClassVar

import bson
import orjson
import pytest
from bson.codec_options import CodecOptions
from jsonschema import Draft202012Validator
from pydantic import Field

from common.codec import decode_event, encode_event
from common.envelope import RecordedEvent
from common.errors import Undecodable
from common.events import EVENT_TYPES
from common.upcasting import UPCASTERS, upcast
from common.values import Message
from tests.contract.events import __main__ as writing
from tests.contract.events import gate, shapes
from tests.contract.events.gate import complaint, unread
from tests.contract.events.shapes import FOLDER, SCHEMAS, committed, differences, models_of, shape_of

EXAMPLES = {file.stem: orjson.loads(file.read_bytes()) for file in sorted(FOLDER.glob("*.json"))}
MODELS = models_of()


def parts_of(name: str) -> tuple[str, int]:
    event, _, schema = name.rpartition(".")
    return event, int(schema)


def plain(data: dict[str, Any]) -> dict[str, Any]:
    return orjson.loads(orjson.dumps(data, option=orjson.OPT_UTC_Z))


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_was_once_stored_decodes(name: str) -> None:
    event_type, schema = parts_of(name)
    event = decode_event(RecordedEvent(type=event_type, schema=schema, data=EXAMPLES[name]))
    if schema == event.schema_version:
        assert plain(encode_event(event).data) == EXAMPLES[name]


@pytest.mark.parametrize(
    "name", [name for name in EXAMPLES if parts_of(name)[0] in ("OrderImported", "OrderInitiated")]
)
def test_it_decodes_to_the_same_whether_instants_were_read_with_their_zone_or_without(name: str) -> None:
    event_type, schema = parts_of(name)
    event = decode_event(RecordedEvent(type=event_type, schema=schema, data=EXAMPLES[name]))
    stored = bson.encode(encode_event(event).data)
    for options in (CodecOptions[dict[str, Any]](), CodecOptions[dict[str, Any]](tz_aware=True, tzinfo=UTC)):
        data = bson.decode(stored, options)
        assert decode_event(RecordedEvent(type=event_type, schema=event.schema_version, data=data)) == event


def test_every_schema_of_every_event_has_its_two_files() -> None:
    wanted = {f"{name}.{schema}" for name, t in EVENT_TYPES.items() for schema in range(1, t.schema_version + 1)}
    assert MODELS.keys() == wanted
    assert EXAMPLES.keys() == wanted
    assert {file.stem for file in SCHEMAS.glob("*.json")} == wanted


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_event_changes_without_a_new_schema(name: str) -> None:
    if told := complaint(name, MODELS):
        pytest.fail(told, pytrace=False)


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_was_stored_is_what_its_schema_says(name: str) -> None:
    schema = committed(name)
    assert schema
    assert [error.message for error in Draft202012Validator(schema).iter_errors(EXAMPLES[name])] == []


def test_every_earlier_schema_has_an_upcaster() -> None:
    assert list(unread(MODELS, frozenset(UPCASTERS))) == []


@pytest.mark.parametrize(("event_type", "schema"), UPCASTERS)
def test_an_upcaster_makes_the_next_schema_and_leaves_what_it_was_given(event_type: str, schema: int) -> None:
    before = EXAMPLES[f"{event_type}.{schema}"]
    given = orjson.loads(orjson.dumps(before))
    made = UPCASTERS[event_type, schema](given)
    assert given == before
    assert list(Draft202012Validator(committed(f"{event_type}.{schema + 1}")).iter_errors(made)) == []


@pytest.mark.parametrize(
    ("event_type", "data", "told"),
    [
        ("PaymentRequested", {"attempt": 1}, {"attempt": 1, "method": "card"}),
        ("PaymentRequested", {"method": "wallet"}, {"method": "wallet"}),
        ("OrderCancelled", {}, {"code": "requested"}),
        ("OrderCancelled", {"reason": "too slow"}, {"reason": "too slow", "code": "requested"}),
        (
            "OrderCancelled",
            {"reason": "The payment did not come in time."},
            {"reason": "The payment did not come in time.", "code": "payment_overdue"},
        ),
    ],
)
def test_an_upcaster_says_what_was_meant(event_type: str, data: dict[str, Any], told: dict[str, Any]) -> None:
    assert upcast(event_type, 1, data, UPCASTERS) == (2, told)


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (RecordedEvent(type="OrderTeleported", schema=1, data={}), "unknown_event_type"),
        (RecordedEvent(type="OrderCancelled", schema=99, data={"order_id": "1"}), "unknown_schema"),
        (RecordedEvent(type="OrderCancelled", schema=1, data={"order_id": 1}), "invalid_event"),
        (RecordedEvent(type="OrderCancelled", schema=2, data={"order_id": "1"}), "invalid_event"),
    ],
)
def test_what_nobody_can_read_is_undecodable(record: RecordedEvent, code: str) -> None:
    with pytest.raises(Undecodable) as error:
        decode_event(record)
    assert error.value.code == code


class Part(Message):
    size: Annotated[int, Field(ge=1)]


class Thing(Message):
    """A thing."""

    schema_version: ClassVar[int] = 1

    title: str
    part: Part
    reason: str | None = None


class RenamedPart(Message):
    """So many."""

    size: Annotated[int, Field(ge=1, title="Size", description="in millimetres", examples=[3])]


class TheSame(Message):
    """In other words, and in another order."""

    part: RenamedPart
    title: str
    reason: Annotated[str | None, Field(description="why")] = None


class OneFieldMore(Thing):
    colour: str | None = None


class OneFieldLess(Message):
    part: Part
    reason: str | None = None


class Wider(Message):
    title: str
    part: Annotated[dict[str, int], Field(description="anything")]
    reason: str | None = None


class OtherwiseWhenAbsent(Message):
    title: str
    part: Part
    reason: str | None = "none was given"


def test_words_for_people_and_names_of_classes_are_no_change() -> None:
    assert list(differences(shape_of(Thing), shape_of(TheSame))) == []


@pytest.mark.parametrize("other", [OneFieldMore, OneFieldLess, Wider, OtherwiseWhenAbsent])
def test_what_changes_what_may_be_stored_is_a_change(other: type[Message]) -> None:
    assert list(differences(shape_of(Thing), shape_of(other)))


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder in which one schema of one event was written."""
    for module in (shapes, writing):
        monkeypatch.setattr(module, "FOLDER", tmp_path / "a" / "b" / "c")
        monkeypatch.setattr(module, "SCHEMAS", tmp_path / "a" / "b" / "c")
    written = tmp_path / "a" / "b" / "c"
    written.mkdir(parents=True)
    (written / "Thing.1.json").write_bytes(orjson.dumps(shape_of(Thing)))
    return written


def test_a_changed_event_is_told_with_what_to_do(files: Path) -> None:
    told = complaint("Thing.1", models_of({"Thing": OneFieldMore}, {}))
    assert told
    assert "properties.colour: is new" in told
    assert 'add ("Thing", 1) to UPCASTERS' in told
    assert "schema_version = 2" in told
    assert gate.COMMAND in told
    assert complaint("Thing.1", models_of({"Thing": Thing}, {})) is None


def test_an_earlier_schema_must_stay_what_it_was(files: Path) -> None:
    told = complaint("Thing.1", models_of({"Thing": OneFieldMore}, {"Thing": (OneFieldLess,)}))
    assert told
    assert "must stay as it was" in told


def test_a_new_schema_without_its_files_is_told(files: Path) -> None:
    told = complaint("Thing.2", models_of({"Thing": OneFieldMore}, {"Thing": (Thing,)}))
    assert told
    assert gate.COMMAND in told


def test_an_earlier_schema_without_an_upcaster_is_told() -> None:
    models = models_of({"Thing": OneFieldMore}, {"Thing": (Thing,)})
    assert list(unread(models, frozenset())) == ["common/upcasting.py has no upcaster for Thing.1"]
    assert list(unread(models, frozenset({("Thing", 1)}))) == []
    assert len(list(unread(models, frozenset({("Thing", 1), ("Thing", 2)})))) == 1


def test_files_that_are_there_are_never_written_again(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "models_of", lambda: {"Thing.1": OneFieldMore})
    before = (files / "Thing.1.json").read_bytes()
    assert writing.main() == 1
    assert (files / "Thing.1.json").read_bytes() == before
