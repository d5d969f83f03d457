"""Bearer tokens: JWTs that somebody else issued, verified once and remembered until they end (RFC 7519, 8725)."""

import re
import time
from typing import Any, NamedTuple

import jwt
from cachetools import LRUCache

from common.access.actors import NOBODY, Actor, Role
from common.access.keys import ALGORITHM, Keys
from common.access.policies import invalid_token
from common.values import is_number_id

MOST_REMEMBERED = 10_000
MOST_CHARACTERS = 4096  # of a token
LEEWAY_SECONDS = 5.0  # by which clocks may differ
_NAME = re.compile(r"[!-~]{1,128}", re.ASCII)
_TAKEN = frozenset({NOBODY.name, "saga"})  # who writes under these names has no token
_REQUIRED = ["exp", "iss", "aud", "sub"]
_ROLES = {str(role): role for role in Role if role is not Role.SYSTEM}


class _Verified(NamedTuple):
    actor: Actor
    ends_at: float


class Tokens:
    """Knows who sent a token. `issuer` and `audience` are what its `iss` and `aud` must say."""

    def __init__(self, keys: Keys, *, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._verified: LRUCache[str, _Verified] = LRUCache(MOST_REMEMBERED)
        self._generation = 0

    async def actor_of(self, token: str) -> Actor:
        """Return who it was issued to; Unauthenticated for whatever is wrong with it."""
        await self._keys.keep()
        if self._generation != self._keys.generation:
            self._verified.clear()
            self._generation = self._keys.generation
        known = self._verified.get(token)
        if known is None or known.ends_at <= time.time():
            known = await self._verify(token)
            self._verified[token] = known
        return known.actor

    async def _verify(self, token: str) -> _Verified:
        try:
            claims = await self._claims(token)
        except jwt.ExpiredSignatureError as error:
            raise invalid_token("The token has expired.") from error
        except (jwt.PyJWTError, ValueError, OverflowError) as error:
            raise invalid_token("The token is not one of those that are known here.") from error
        return _Verified(_actor(claims), float(claims["exp"]) + LEEWAY_SECONDS)

    async def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > MOST_CHARACTERS:
            raise jwt.InvalidTokenError
        header = jwt.get_unverified_header(token)
        if header.get("alg") != ALGORITHM:
            raise jwt.InvalidAlgorithmError
        key_id = header.get("kid")
        key = await self._keys.find(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise jwt.InvalidKeyError
        return jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": _REQUIRED},
        )


def _actor(claims: dict[str, Any]) -> Actor:
    """`sub` is a name, `role` one of ours, `user_id` a number that a customer must have."""
    name, role, user_id = claims["sub"], claims.get("role"), claims.get("user_id")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _TAKEN:
        raise invalid_token("The token's sub is no name of 1 to 128 visible characters, or is one of ours.")
    if not isinstance(role, str) or role not in _ROLES:
        raise invalid_token(f"The token's role is none of {', '.join(_ROLES)}.")
    if user_id is not None and not (type(user_id) is int and is_number_id(str(user_id))):
        raise invalid_token("The token's user_id is no whole number above 0.")
    if _ROLES[role] is Role.CUSTOMER and user_id is None:
        raise invalid_token("A customer's token says which user_id is theirs.")
    return Actor(name=name, role=_ROLES[role], user_id=user_id)
