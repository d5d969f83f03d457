"""What may be stored of an event: its JSON Schema without the words that people read, and how two of them differ."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from common.events import EVENT_TYPES
from common.events.earlier import EARLIER

FOLDER = Path(__file__).parent
SCHEMAS = FOLDER / "schemas"
_FOR_PEOPLE = frozenset({"title", "description", "examples"})
_UNORDERED = frozenset({"required", "enum"})
_NAMING = frozenset({"properties", "$defs"})  # below them the names are ours, whatever they are
Shape = dict[str, Any]
Models = Mapping[str, type[BaseModel]]


def models_of(current: Models = EVENT_TYPES, earlier: Mapping[str, tuple[type[BaseModel], ...]] = EARLIER) -> Models:
    """`OrderCancelled.1` and what else is or was stored → its model."""
    return {
        f"{name}.{schema}": each
        for name, model in current.items()
        for schema, each in enumerate((*earlier.get(name, ()), model), 1)
    }


def shape_of(model: type[BaseModel]) -> Shape:
    """What the model takes; a class may be called otherwise, a text for people may be another."""
    schema = model.model_json_schema()
    return _plain(schema, schema.get("$defs", {}))


def _plain(part: Any, definitions: Shape, *, naming: bool = False) -> Any:
    match part:
        case {"$ref": str(reference), **beside}:
            return _plain(definitions[reference.rpartition("/")[2]] | beside, definitions)
        case dict():
            return {
                name: sorted(inner)
                if name in _UNORDERED and not naming
                else _plain(inner, definitions, naming=name in _NAMING and not naming)
                for name, inner in sorted(part.items())
                if naming or name not in _FOR_PEOPLE | {"$defs"}
            }
        case list():
            return [_plain(inner, definitions) for inner in part]
    return part


def committed(name: str) -> Shape | None:
    path = SCHEMAS / f"{name}.json"
    return orjson.loads(path.read_bytes()) if path.exists() else None


def differences(before: Any, now: Any, place: str = "") -> Iterator[str]:
    """`properties.code: is new`, one for each place."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys()):
            inner = f"{place}.{name}" if place else name
            if name not in now:
                yield f"{inner}: is gone"
            elif name not in before:
                yield f"{inner}: is new"
            else:
                yield from differences(before[name], now[name], inner)
    elif before != now:
        yield f"{place}: was {before}, is {now}"
