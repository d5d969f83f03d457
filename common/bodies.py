"""Bodies: read within bounds, and taken only when they say one thing clearly."""

import asyncio
import json
from typing import NoReturn, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from common.errors import BadRequest, FieldError, InvalidBody, LeveretError

BODY_SECONDS = 10.0  # until the last byte of a body must be here
MOST_OBJECTS = 300  # in one body; a model that refuses ten thousand takes its time
MOST_NAMES = 64  # in one object
MOST_DIGITS = 100  # of one number
M = TypeVar("M", bound=BaseModel)


async def read_body(request: web.Request, content_types: tuple[str, ...] = ("application/json",)) -> bytes:
    """Return the body, of one of these types and of at most MAX_BODY_BYTES."""
    if request.content_type not in content_types:
        raise web.HTTPUnsupportedMediaType(text=content_types[0])
    return await read_all(request)


async def read_body_if_any(request: web.Request) -> bytes:
    """As `read_body`; an empty object where there is none, as a DELETE may come."""
    return await read_body(request) if request.body_exists else b"{}"


async def read_all(request: web.Request) -> bytes:
    """Return the body as it is; it must come within BODY_SECONDS."""
    _refuse_encodings(request)
    if request.content.is_eof():  # here already, as small ones are: no clock is needed
        return await request.read()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except web.PayloadAccessError as error:
        raise BadRequest("malformed_body", "The body is not framed or chunked as its headers say.") from error


def _refuse_encodings(request: web.Request) -> None:
    """A compressed body of 64 KiB may be a large one; nobody needs it for such small requests."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType(text="application/json, without a Content-Encoding")


def parse_body(model: type[M], body: bytes) -> M:
    """Return the model that the body spells; BadRequest for what is not JSON, InvalidBody for what is not the model."""
    try:
        text = body.decode()
        _STRICT_JSON.decode(text)
    except _Unacceptable as error:
        raise InvalidBody((FieldError(pointer="", detail=str(error)),)) from error
    except (ValueError, RecursionError) as error:
        raise BadRequest("invalid_json", f"The body is not JSON as RFC 8259 has it: {_reason(error)}.") from error
    if body.count(b"{") > MOST_OBJECTS:
        raise InvalidBody((FieldError(pointer="", detail=f"a body has at most {MOST_OBJECTS} objects"),))
    if not text.lstrip(" \t\r\n").startswith("{"):
        raise BadRequest("not_an_object", "The body must be a JSON object.")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from error


class _Unacceptable(ValueError):
    """The body is JSON, and none that could be meant."""


def _refuse_length(digits: str) -> None:
    if len(digits) > MOST_DIGITS:
        raise _Unacceptable(f"a number has at most {MOST_DIGITS} digits")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> None:
    if len(pairs) > MOST_NAMES:
        raise _Unacceptable(f"an object has at most {MOST_NAMES} names")
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice in one object")


_STRICT_JSON = json.JSONDecoder(
    object_pairs_hook=_refuse_duplicates,
    parse_constant=_refuse_constant,
    parse_int=_refuse_length,
    parse_float=_refuse_length,
)
"""Only looks: values are made by the model."""


def _reason(error: Exception) -> str:
    match error:
        case RecursionError():
            return "it is nested too deeply"
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case json.JSONDecodeError():
            return f"{error.msg} at character {error.pos}"
        case _:
            return str(error)


def _invalid(error: ValidationError) -> LeveretError:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return BadRequest("invalid_json", "The body is not JSON as RFC 8259 has it.")
    told = [each for each in found if not _follows(each, found)]
    return InvalidBody(tuple(FieldError(pointer=_pointer(e["loc"]), detail=e["msg"]) for e in told[:20]))


def _follows(error: ErrorDetails, found: list[ErrorDetails]) -> bool:
    """A list is too short for the library when what stands in it was refused; that is one fault, not two."""
    place = error["loc"]
    return error["type"] == "too_short" and any(
        len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in found
    )


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1")[:100] for step in location)
