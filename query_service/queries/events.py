"""The log as those who operate the system look at it: commits by what they say, and one as it is stored."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.codec import decode_event
from common.contract.operations import Parameter, Schema
from common.envelope import Commit, RecordedEvent
from common.errors import BadRequest, NotFound, Undecodable
from common.events import EVENT_TYPES
from common.log_history import position_at, read_head
from common.log_search import Wanted, search
from common.paging import invalid_cursor, mark, page, read_cursor, read_limit, write_cursor
from common.stored_commits import to_commit
from common.upcasting import UPCASTERS, upcast
from query_service.answers import Answer
from query_service.commits import show_commit, without_personal
from query_service.moments import MOMENT, read_moment
from query_service.shown.events import LoggedCommit, RawCommit, RawEvent

_STREAM = re.compile(r"[a-z]{1,20}-[!-~]{1,150}", re.ASCII)
_CORRELATION = re.compile(r"[ -~]{1,128}", re.ASCII)
_POSITION = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
NEWEST, OLDEST = "-position", "position"
_A_STREAM: Schema = {"type": "string", "examples": ["order-57410cad-6e90-5177-96c8-1152331f01bb", "inventory-456"]}
PARAMETERS = (
    Parameter("stream", _A_STREAM, "Commits of this stream."),
    Parameter("type", {"enum": sorted(EVENT_TYPES)}, "Commits with an event of this type."),
    Parameter(
        "correlation_id", {"type": "string", "minLength": 1, "maxLength": 128}, "Commits with this correlation id."
    ),
    Parameter("from", MOMENT, "From this position or instant on."),
    Parameter("to", MOMENT, "Up to this position or instant, which belongs to it."),
    Parameter("sort", {"enum": [NEWEST, OLDEST], "default": NEWEST}, "Newest or oldest first."),
)


async def list_events(http: web.Request, log: AsyncDatabase) -> Answer:
    """Commits that fulfil every filter, without what is personal.

    A stream has an index, and so have positions; by type and correlation id a page looks at 20,000 commits. It may so
    be empty and have a cursor, which goes on behind them.
    """
    wanted, limit, newest_first = await _wanted(http.query, log), read_limit(http.query), _newest_first(http.query)
    told = mark({name: value for name, value in http.query.items() if name not in ("cursor", "limit")})
    whose, start = read_cursor(http.query, (str, int)) or (told, None)
    if whose != told or (start is not None and not 0 < start < 2**63):
        raise invalid_cursor()
    found = await search(log, wanted, start=start, newest_first=newest_first, limit_commits=limit)
    following = None if found.following is None else write_cursor([told, found.following])
    return Answer(page([show_logged(commit) for commit in found.commits], following))


async def one_event(http: web.Request, log: AsyncDatabase) -> Answer:
    """A commit as it is stored, and each event as rules and views of today are told it; nothing personal."""
    text = http.match_info["position"]
    if not _POSITION.fullmatch(text):
        raise BadRequest("invalid_id", "A position is a whole number above 0.")
    commit = to_commit(await log["commits"].find_one({"_id": int(text)}))
    if commit is None:
        raise NotFound("unknown_commit", f"The log has no position {text}.")
    return Answer(_show_raw(commit))


def show_logged(commit: Commit) -> LoggedCommit:
    """As in an audit trail, with its stream."""
    return {"stream": commit.stream, "partition": commit.partition, **show_commit(commit)}


async def _wanted(query: Mapping[str, str], log: AsyncDatabase) -> Wanted:
    stream, kind, correlation = query.get("stream"), query.get("type"), query.get("correlation_id")
    if stream is not None and not _STREAM.fullmatch(stream):
        raise BadRequest("invalid_stream", "A stream is called like order-57410cad-… or inventory-456.")
    if kind is not None and kind not in EVENT_TYPES:
        raise BadRequest("invalid_type", "type names one of this system's events.")
    if correlation is not None and not _CORRELATION.fullmatch(correlation):
        raise BadRequest("invalid_correlation_id", "A correlation id has 1 to 128 visible characters.")
    first, last = await _positions(query, log)
    return Wanted(stream=stream, event_type=kind, correlation_id=correlation, first=first, last=last)


async def _positions(query: Mapping[str, str], log: AsyncDatabase) -> tuple[int, int]:
    """From the first one on that was recorded at `from` or later, up to the last one by `to`."""
    head = (await read_head(log)).position
    first, last = _moment(query, "from"), _moment(query, "to")
    if first is not None and not isinstance(first, int):
        first = 1 + await position_at(log, first - timedelta(milliseconds=1), head)
    if last is not None and not isinstance(last, int):
        last = await position_at(log, last, head)
    return max(first or 1, 1), head if last is None else min(last, head)


def _moment(query: Mapping[str, str], name: str) -> Any:
    if name not in query:
        return None
    try:
        return read_moment(query[name])
    except ValueError as error:
        raise BadRequest("invalid_filter", f"{name}: write {error}.") from error


def _newest_first(query: Mapping[str, str]) -> bool:
    sort = query.get("sort", NEWEST)
    if sort not in (NEWEST, OLDEST):
        raise BadRequest("unsupported_sort", f"sort is {NEWEST} or {OLDEST}.")
    return sort == NEWEST


def _show_raw(commit: Commit) -> RawCommit:
    return {
        "position": commit.position,
        "stream": commit.stream,
        "version": commit.version,
        "partition_key": commit.partition_key,
        "partition": commit.partition,
        "command_id": commit.command_id,
        "fingerprint": commit.fingerprint,
        "recorded_at": commit.recorded_at,
        "actor": commit.actor,
        "correlation_id": commit.correlation_id,
        "causation_id": commit.causation_id,
        "traceparent": commit.traceparent,
        "chain": commit.chain.hex() if commit.chain else None,
        "events": [_show_raw_event(event) for event in commit.events],
    }


def _show_raw_event(event: RecordedEvent) -> RawEvent:
    schema, data = upcast(event.type, event.schema, event.data, UPCASTERS)
    return {
        "event": event.type,
        "schema": event.schema,
        "data": without_personal(event.data),
        "upcasted_schema": schema,
        "upcasted": without_personal(data),
        "trouble": _trouble(event),
    }


def _trouble(event: RecordedEvent) -> str | None:
    """Why nobody can be told this event, where that is so."""
    try:
        decode_event(event)
    except Undecodable as error:
        return f"{error.code}: {error.detail}"
    return None
