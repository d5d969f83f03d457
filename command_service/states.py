"""The state of a stream as text, the way back, and a hash of all that makes it what it is."""

import functools
import hashlib
import inspect
import sys
from typing import Any, get_args, get_origin

import msgspec
import orjson
from immutables import Map
from pydantic import BaseModel

from command_service.domain.decider import Decider


def to_text(state: object) -> str:
    """As JSON. What states are made of: structs, messages, maps, words, numbers."""
    return msgspec.json.encode(state, enc_hook=_encode).decode()


def from_text(decider: Decider[Any, Any, Any], text: str) -> Any:
    """The same state again; ValueError where the text is none of this decider's."""
    try:
        return msgspec.json.decode(text, type=decider.state, dec_hook=_decode)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"no state of {decider.context}: {error}") from error


@functools.cache
def hash_of(decider: Decider[Any, Any, Any]) -> str:
    """Of the context, of what its state is made of, and of the file in which events are made into it.

    No type says what `evolve` makes of an event: where that file is another one, so may the state be.
    """
    made_of = msgspec.json.schema(decider.state, schema_hook=_schema)
    rules = inspect.getsource(sys.modules[decider.evolve.__module__])
    said = orjson.dumps([decider.context, made_of, rules], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(said).hexdigest()[:32]


def _encode(value: object) -> object:
    match value:
        case Map():
            return dict(value)
        case BaseModel():
            return value.model_dump(mode="json", exclude_none=True)
    raise NotImplementedError(type(value).__name__)


def _decode(kind: Any, value: Any) -> object:
    if get_origin(kind) is Map:
        key, of = get_args(kind)
        return Map(msgspec.convert(value, dict[key, of]))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_validate_json(orjson.dumps(value))
    raise NotImplementedError(str(kind))


def _schema(kind: Any) -> dict[str, Any]:
    """Of what a map has in it the file of the rules tells."""
    return kind.model_json_schema() if issubclass(kind, BaseModel) else {"type": kind.__name__}
