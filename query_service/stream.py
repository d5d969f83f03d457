"""What happens, as it happens: the commits of the log as server-sent events (WHATWG HTML, 9.2)."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
import structlog
from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.access.actors import Actor
from common.access.policies import CUSTOMERS
from common.access.routes import actor_of, add_route, is_still_admitted
from common.consistency import write_token
from common.contract.operations import Parameter
from common.envelope import Commit
from common.errors import BadRequest, NotFound, Unavailable
from common.events import EVENT_TYPES
from common.log import open_log_as_it_is
from common.paging import allow_only
from common.streaming import LOOK_SECONDS, MOST_STREAMS, has_left, write_within
from common.tasks import end, supervised
from common.values import is_number_id, is_uuid
from query_service.commits import show_commit
from query_service.parameters import NUMBER
from query_service.shown.orders import AuditedEvent, FollowedCommit
from query_service.tail import Tail

log = structlog.get_logger(__name__)
HEARTBEAT_SECONDS = 15.0  # between signs of life while nothing happens
RETRY_MILLISECONDS = 1000  # after which a browser comes again
WRITE_SECONDS = 10.0  # a reader who takes nothing for so long is left
OF_CUSTOMERS = frozenset({"order", "payment"})
AWAY_SECONDS = 0.5  # before the log is asked again when it could not be reached
MOST_TYPES = 20
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_FOR_STAFF = frozenset({"reason", "provider_reference"})
_REASONS_FOR_ALL = frozenset({"OrderRejected", "OrderCancelled", "OrderPaymentFailed", "RefundRequested"})
PATH = "/queries/stream"
PARAMETERS = (
    Parameter("user_id", NUMBER, "What is about this user's orders and payments."),
    Parameter("order_id", {"type": "string", "format": "uuid"}, "What is about this order."),
    Parameter(
        "type",
        {"type": "array", "items": {"enum": sorted(EVENT_TYPES)}, "maxItems": MOST_TYPES},
        "These events alone, with commas between.",
        is_exploded=False,
    ),
    Parameter("after", {"type": "integer", "minimum": 0}, "Begin after this position; without it with what comes."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which commits somebody wants to see; None is all of them."""

    user_id: int | None = None
    order_id: str | None = None
    types: frozenset[str] | None = None
    is_of_customer: bool = False

    def takes(self, commit: Commit) -> bool:
        if self.user_id is not None and (commit.context not in OF_CUSTOMERS or commit.partition_key != self.user_id):
            return False
        if self.types is not None and not any(event.type in self.types for event in commit.events):
            return False
        return self.order_id is None or _is_about(commit, self.order_id)


def _is_about(commit: Commit, order_id: str) -> bool:
    if commit.context == "order":
        return commit.subject == order_id
    return any(event.data.get("order_id") == order_id for event in commit.events)


def filter_of(query: Mapping[str, str], actor: Actor) -> Filter:
    """What is asked for, and for a customer what is theirs alone."""
    allow_only(query, *(parameter.name for parameter in PARAMETERS))
    user_id = _user_id(query.get("user_id"), actor)
    order_id = query.get("order_id")
    if order_id is not None and not is_uuid(order_id):
        raise BadRequest("invalid_id", "order_id must be a UUID in lower case.")
    return Filter(
        user_id=user_id, order_id=order_id, types=_types(query.get("type")), is_of_customer=actor.sees_only_own
    )


def _user_id(given: str | None, actor: Actor) -> int | None:
    if given is None:
        return actor.user_id if actor.sees_only_own else None
    if not is_number_id(given):
        raise BadRequest("invalid_id", "user_id must be a whole number above 0.")
    if actor.is_kept_from(int(given)):
        raise NotFound("unknown_user", f"There is no user {given}, or it is not you.")
    return int(given)


def _types(given: str | None) -> frozenset[str] | None:
    if given is None:
        return None
    types = frozenset(given.split(",", MOST_TYPES))
    if not types <= EVENT_TYPES.keys():
        raise BadRequest("invalid_type", "type names one or more of this system's events, with commas between.")
    return types


def add_stream(app: web.Application, events: AsyncDatabase) -> None:
    """Serve it; the end of the log is read while somebody follows."""
    tail = Tail(lambda: open_log_as_it_is(events))
    room = asyncio.Semaphore(MOST_STREAMS)

    async def follow(http: web.Request) -> web.StreamResponse:
        if room.locked():
            raise Unavailable("As many follow as this service has room for; ask again later.", code="too_many_streams")
        async with room:
            return await stream(http, tail)

    async def tailing(_: web.Application) -> AsyncIterator[None]:
        running = asyncio.create_task(supervised("tail", tail.run))
        yield
        await end(running)

    async def let_go(_: web.Application) -> None:
        tail.close()

    app.cleanup_ctx.append(tailing)
    app.on_shutdown.append(let_go)
    add_route(app, "GET", PATH, follow, CUSTOMERS)


async def position_to_resume(http: web.Request, tail: Tail) -> int:
    """After which position to begin: what the browser saw last, what `after` says, or what happens from now on."""
    head = await tail.head()
    given = http.headers.get("Last-Event-ID", http.query.get("after"))
    if given is None:
        return head
    if not (given.isascii() and given.isdigit() and len(given) < 19) or int(given) > head:
        raise BadRequest("unknown_position", f"after and Last-Event-ID are positions of this log, from 0 to {head}.")
    return int(given)


async def stream(http: web.Request, tail: Tail) -> web.StreamResponse:
    """Answer commit after commit until the reader leaves, takes nothing any more, or may no longer see it."""
    wanted = filter_of(http.query, actor_of(http))
    position = await position_to_resume(http, tail)
    response = web.StreamResponse(headers=HEADERS)
    await response.prepare(http)
    if http.method == "HEAD":
        return response
    try:
        await _tell_all(http, response, tail, wanted, position)
    except Exception as error:
        if not isinstance(error, ConnectionError):
            log.exception("stream_failed", position=position)
        raise ConnectionResetError("the answer has begun already") from error
    return response


async def _tell_all(http: web.Request, response: web.StreamResponse, tail: Tail, wanted: Filter, position: int) -> None:
    log_number = tail.log_number
    await write_within(WRITE_SECONDS, http, response, b"retry: %d\n\n" % RETRY_MILLISECONDS)
    signed_at = time.monotonic()
    while not (tail.is_closed or has_left(http) or tail.log_number != log_number):
        commits = await _next(tail, position)
        position = commits[-1].position if commits else position
        shown = b"".join(_event(commit, wanted) for commit in commits if wanted.takes(commit))
        if time.monotonic() - signed_at >= HEARTBEAT_SECONDS:
            if not await is_still_admitted(http):
                break
            signed_at = time.monotonic()
            shown += b"id: %d\n\n" % position  # without data it only moves where a browser goes on from
        if shown:
            await write_within(WRITE_SECONDS, http, response, shown)


async def _next(tail: Tail, position: int) -> Sequence[Commit]:
    """Nothing, if nothing comes within LOOK_SECONDS or the log is away."""
    try:
        return await tail.after(position, seconds=min(LOOK_SECONDS, HEARTBEAT_SECONDS))
    except Unavailable:
        await asyncio.sleep(AWAY_SECONDS)
        return ()


def _event(commit: Commit, wanted: Filter) -> bytes:
    """Its id is the position, so that a browser that comes again says where it was."""
    return b"id: %d\ndata: %s\n\n" % (commit.position, orjson.dumps(_shown(commit, wanted), option=orjson.OPT_UTC_Z))


def _shown(commit: Commit, wanted: Filter) -> FollowedCommit:
    """As in an order's audit trail, with the stream, and a Consistency-Token for reading what has changed."""
    told = show_commit(commit)
    events = [event for event in told["events"] if wanted.types is None or event["event"] in wanted.types]
    shown: FollowedCommit = {
        "stream": commit.stream,
        "version": commit.version,
        "position": commit.position,
        "recorded_at": commit.recorded_at,
        "events": [_for_customers(event) for event in events] if wanted.is_of_customer else events,
        "token": write_token({commit.partition: commit.position}),
    }
    if not wanted.is_of_customer:
        shown["reason"] = told["reason"]
        shown["actor"], shown["command_id"] = commit.actor, commit.command_id
        shown["correlation_id"], shown["causation_id"] = commit.correlation_id, commit.causation_id
    return shown


def _for_customers(event: AuditedEvent) -> AuditedEvent:
    """Without what staff wrote for staff; what an order shows of reasons is told."""
    if event["event"] in _REASONS_FOR_ALL:
        return event
    return {**event, "data": {name: value for name, value in event["data"].items() if name not in _FOR_STAFF}}
