"""Routes with their policies: the only way in which a service adds one."""

import math
from collections.abc import Awaitable, Callable

from aiohttp import web

from common.access.actors import Actor
from common.access.door import Door
from common.access.policies import OPEN, Policy
from common.access.rates import Allowance

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_DOOR: web.AppKey[Door] = web.AppKey("door", Door)
_POLICIES: web.AppKey[dict[tuple[str, str], Policy]] = web.AppKey("policies", dict)
_ACTOR, _ALLOWANCE = "actor", "allowance"


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


def rate_headers(http: web.BaseRequest) -> dict[str, str]:
    """What is left of how often this client may ask (draft-ietf-httpapi-ratelimit-headers)."""
    allowance: Allowance | None = http.get(_ALLOWANCE)
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
        door.enter()
        try:
            http[_ALLOWANCE] = door.count_address(http.remote)
            http[_ACTOR] = actor = await door.admit(http.headers.getall("Authorization", ()), policy)
            http[_ALLOWANCE] = door.count(actor) or http[_ALLOWANCE]
            return await handle(http)
        finally:
            door.leave()

    return guarded
