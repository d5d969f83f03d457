"""Routes with their policies: the only way in which a service adds one."""

import math
from collections.abc import Awaitable, Callable

from aiohttp import web

from common.access.actors import Actor
from common.access.door import Door
from common.access.limits import network_of
from common.access.policies import OPEN, Policy
from common.access.rates import Allowance
from common.errors import Unauthenticated, Unavailable

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_DOOR: web.AppKey[Door] = web.AppKey("door", Door)
_POLICIES: web.AppKey[dict[tuple[str, str], Policy]] = web.AppKey("policies", dict)
_ACTOR: web.RequestKey[Actor] = web.RequestKey("actor", Actor)
_ALLOWANCE: web.RequestKey[Allowance | None] = web.RequestKey("allowance", Allowance)


def stand_before(app: web.Application, door: Door) -> None:
    """From here on routes may be added that are not open to everybody."""
    app[_DOOR] = door


def add_route(app: web.Application, method: str, path: str, handle: Handler, policy: Policy) -> None:
    """Serve this path to those whom the policy lets in; an open one looks at no token."""
    guarded = handle if policy is OPEN else _guarded(app[_DOOR], policy, handle)
    added = app.router.add_get(path, guarded) if method == "GET" else app.router.add_route(method, path, guarded)
    assert added.resource
    app.setdefault(_POLICIES, {})[(added.method, added.resource.canonical)] = policy


def policies_of(app: web.Application) -> dict[tuple[str, str], Policy]:
    """By method and path, as they were added."""
    return dict(app.get(_POLICIES, {}))


def actor_of(http: web.Request) -> Actor:
    """Who passed the door with this request."""
    return http[_ACTOR]


def known_actor(http: web.BaseRequest) -> Actor | None:
    """The same; None where nobody was asked who they are."""
    return http.get(_ACTOR)


def admit_as(http: web.BaseRequest, actor: Actor) -> None:
    """From here on this is who asks."""
    http[_ACTOR] = actor


async def is_still_admitted(http: web.Request) -> bool:
    """Whether the token of an answer that goes on is still good; its policy was looked at when it began."""
    try:
        actor = await http.app[_DOOR].actor_of(http.headers.getall("Authorization", ()))
    except (Unauthenticated, Unavailable):
        return False
    return actor == actor_of(http)


def rate_headers(http: web.BaseRequest) -> dict[str, str]:
    """What is left of how often this client may ask (draft-ietf-httpapi-ratelimit-headers)."""
    allowance = http.get(_ALLOWANCE)
    if allowance is None:
        return {}
    rate = allowance.rate
    window = math.ceil(rate.burst / rate.per_second)
    return {
        "RateLimit-Policy": f'"default";q={rate.burst};w={window}',
        "RateLimit": f'"default";r={allowance.left};t={math.ceil(allowance.full_seconds)}',
    }


def _guarded(door: Door, policy: Policy, handle: Handler) -> Handler:
    async def guarded(http: web.Request) -> web.StreamResponse:
        network = network_of(http.remote)
        with door.limits.place(network):
            of_network = http[_ALLOWANCE] = door.limits.count_network(network)
            actor = await door.admit(http.headers.getall("Authorization", ()), policy)
            http[_ALLOWANCE] = None  # who is refused now is not told of another allowance
            http[_ALLOWANCE] = door.limits.count(actor) or of_network
            admit_as(http, actor)
            return await handle(http)

    return guarded
