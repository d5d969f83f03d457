"""What a stream has come to, as its decider sees it: its state after so many commits, folded from the log."""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web
from immutables import Map
from pydantic import BaseModel
from pymongo.asynchronous.database import AsyncDatabase

from command_service.domain.decider import Decider
from command_service.sagas.commands import COMMANDS
from command_service.shown import AggregateState
from command_service.streams import Known, fold
from common.access.policies import ADMINS
from common.access.routes import add_route
from common.errors import BadRequest, NotFound, Unavailable
from common.log import read_commits
from common.mongo import reaching
from common.postal import Address
from common.primary import Primary
from common.values import CardPersonal, is_number_id, is_uuid
from common.web import json_response

PATH = "/ops/aggregates/{stream}/state"
DECIDERS: Mapping[str, Decider[Any, Any, Any]] = {decider.context: decider for _, decider in COMMANDS.values()}
"""By context: the first word of a stream's name."""
PAGE_COMMITS = 500
ANSWER_SECONDS = 4.0  # less than the gateway waits
HIDDEN = "personal"  # in place of what identifies a person or a card
_PERSONAL = (Address, CardPersonal)
_VERSION = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


def decider_of(stream: str) -> Decider[Any, Any, Any]:
    """Of a stream that may be there; BadRequest for any other name."""
    context, _, subject = stream.partition("-")
    decider = DECIDERS.get(context)
    is_id = bool(subject) if context == "saga" else is_uuid(subject) or is_number_id(subject)
    if decider is None or not is_id:
        raise BadRequest("invalid_stream", f"A stream is one of {', '.join(sorted(DECIDERS))}, a dash and an id.")
    return decider


async def state_of(database: AsyncDatabase, stream: str, version: int | None = None) -> AggregateState:
    """After its first `version` commits, or all of them; NotFound where there are not as many."""
    decider = decider_of(stream)
    known, recorded_at = Known(decider.initial), None
    while version is None or known.version < version:
        left = PAGE_COMMITS if version is None else min(PAGE_COMMITS, version - known.version)
        commits = await read_commits(database, stream, known.version, left)
        if not commits:
            break
        known, recorded_at = fold(decider, known, commits), commits[-1].recorded_at
    if not known.version and not (version == 0 and await read_commits(database, stream, 0, 1)):
        raise NotFound("unknown_stream", f"There is no stream {stream}.")
    if version is not None and known.version < version:
        raise NotFound("unknown_version", f"{stream} has {known.version} commits so far.")
    return _show(stream, known, recorded_at)


def _show(stream: str, known: Known, recorded_at: datetime | None) -> AggregateState:
    return {
        "stream": stream,
        "version": known.version,
        "position": known.position,
        "recorded_at": recorded_at,
        "state": None if known.state is None else msgspec.to_builtins(known.state, enc_hook=_plain),
    }


def _plain(value: object) -> object:
    match value:
        case _ if isinstance(value, _PERSONAL):
            return HIDDEN
        case BaseModel():
            return {name: getattr(value, name) for name in type(value).model_fields}
        case Map():
            return dict(value)
    raise NotImplementedError(type(value).__name__)


def add_states(app: web.Application, database: AsyncDatabase) -> None:
    primary = Primary(database["commits"])

    async def handle(http: web.Request) -> web.Response:
        version = _version(http)
        with reaching("The event log cannot be reached; ask again in a moment."):
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    stream = http.match_info["stream"]
                    return json_response(await primary.steadily(lambda: state_of(database, stream, version)))
            except TimeoutError as error:
                raise Unavailable(
                    "The stream is too long to be folded in time; `cqrs state` has all the time it needs."
                ) from error

    add_route(app, "GET", PATH, handle, ADMINS)


def _version(http: web.Request) -> int | None:
    given = [value for name, value in http.query.items() if name == "version"]
    if len(http.query) != len(given) or len(given) > 1:
        raise BadRequest("unknown_parameter", "This path takes version, once.")
    if not given:
        return None
    if not _VERSION.fullmatch(given[0]):
        raise BadRequest("invalid_version", "version is how many commits count, from 0 on.")
    return int(given[0])
