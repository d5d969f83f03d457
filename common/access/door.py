"""The door of a service: a request says who it is, and a route's policy says whether that will do."""

import ipaddress
from collections.abc import Awaitable, Callable, Sequence

import structlog

from common.access.actors import ANYBODY, NOBODY, Actor
from common.access.limits import Limits
from common.access.policies import Policy, invalid_token
from common.access.rates import Rate, Rates
from common.config import PUBLIC_MESSAGE_KEY, Settings
from common.errors import LeveretError, Unauthenticated

log = structlog.get_logger(__name__)
Known = Callable[[str], Awaitable[Actor]]
"""Who a token was issued to; Unauthenticated for whatever is wrong with it."""


class Door:
    """Without `known` everybody is trusted."""

    def __init__(self, known: Known | None, limits: Limits | None = None) -> None:
        self._known = known
        self.limits = limits or Limits()

    async def admit(self, authorization: Sequence[str], policy: Policy) -> Actor:
        """Return who asks; Unauthenticated or Forbidden where the policy does not let them in.

        `authorization` has the values of all headers of this name.
        """
        actor = await self.actor_of(authorization)
        policy.require(actor)
        return actor

    async def actor_of(self, authorization: Sequence[str]) -> Actor:
        if self._known is None:
            return ANYBODY
        if not authorization:
            return NOBODY
        if len(authorization) > 1:
            raise Unauthenticated("repeated_authorization", "Authorization stands in the request more than once.")
        scheme, _, token = authorization[0].partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise invalid_token("Authorization takes Bearer and a token.")
        return await self._known(token.strip(" "))


async def open_door(settings: Settings, *, is_outer: bool = False, takes_sealed: bool = True) -> Door:
    """Return the door that the settings ask for; LeveretError where it would stand open to anybody, or to nobody.

    The outer one is the clients' own: it knows their addresses. Who takes nothing under a seal needs no key of it.
    """
    if settings.auth == "off":
        may_be_off(settings)
        log.warning("auth_off", meaning="everybody who reaches this service may do everything")
        return Door(None, Limits(most_requests=settings.most_requests))
    if takes_sealed and settings.message_key == PUBLIC_MESSAGE_KEY:
        raise LeveretError(
            "public_message_key",
            "AUTH is on and MESSAGE_KEY is the one that everybody knows: set a secret one, the same for all processes.",
        )
    if not settings.auth_keys:
        raise LeveretError(
            "no_keys",
            "AUTH is on and no keys are named: set AUTH_KEYS to the file or the URL of a JWKS, "
            "or AUTH=off on a machine of your own.",
        )
    limits = Limits(
        by_subject=Rates(Rate(settings.subject_rate, settings.subject_burst)),
        by_address=Rates(Rate(settings.address_rate, settings.address_burst)) if is_outer else None,
        most_requests=settings.most_requests,
        most_of_address=settings.address_requests if is_outer else None,
    )
    return Door(await _tokens_of(settings), limits)


async def _tokens_of(settings: Settings) -> Known:
    """What reads tokens takes a tenth of a second to import; who asks for none does without."""
    from common.access.keys import Keys, fetching, is_url
    from common.access.tokens import Tokens

    keys = Keys(fetching(settings.auth_keys))
    await keys.read()
    if not keys.generation and not is_url(settings.auth_keys):
        raise LeveretError("no_keys", f"AUTH_KEYS: {settings.auth_keys} is no JWKS that can be read.")
    return Tokens(keys, issuer=settings.auth_issuer, audience=settings.auth_audience).actor_of


def may_be_off(settings: Settings) -> None:
    """LeveretError where a service that asks for no token would listen to others than this machine."""
    if not is_loopback(settings.bind_host) and not settings.insecure_dev:
        raise LeveretError(
            "open_to_everybody",
            f"AUTH=off on {settings.bind_host} would let everybody in: listen on 127.0.0.1, or set AUTH_KEYS "
            "and AUTH=on (INSECURE_DEV=1 is for containers of a development machine).",
        )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
