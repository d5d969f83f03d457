"""Tokens: whose they are, and all the ways in which one can be wrong."""

import asyncio
import time

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.access.actors import Actor, Role
from common.access.keys import KEPT_SECONDS, MOST_BYTES, MOST_SECONDS, PAUSE_SECONDS, Keys, fetching, read_keys
from common.access.tokens import LEEWAY_SECONDS, MOST_CHARACTERS, Tokens
from common.errors import Unauthenticated, Unavailable
from tests.support.clock import Clock
from tests.support.issuing import Issuer, encoded, signed_by_nobody, signed_with_the_public_key
from tests.support.system import until

ISSUER, STRANGER = Issuer("first", "second"), Issuer("first")
IN_2100 = 4102444800  # seconds since the epoch; ids of tests must not contain the clock


def tokens_of(issuer: Issuer, clock: Clock | None = None) -> Tokens:
    return Tokens(Keys(issuer.fetch, clock=clock or Clock()), issuer="leveret", audience="leveret")


async def refused(token: str) -> str:
    with pytest.raises(Unauthenticated) as error:
        await tokens_of(ISSUER).actor_of(token)
    return error.value.code


async def test_a_token_says_who_it_was_issued_to() -> None:
    assert await tokens_of(ISSUER).actor_of(ISSUER.token("customer", 42)) == Actor(
        name="customer:42", role=Role.CUSTOMER, user_id=42
    )
    assert await tokens_of(ISSUER).actor_of(ISSUER.token("support", sub="ada")) == Actor(name="ada", role=Role.SUPPORT)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"exp": 0.5},
        {"exp": None},
        {"nbf": IN_2100},
        {"iat": IN_2100},
        {"aud": "another"},
        {"aud": None},
        {"iss": "another"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "two words"},
        {"sub": "x" * 129},
        {"sub": "line\nbreak"},
        {"sub": "saga"},
        {"sub": "anonymous"},
        {"role": None},
        {"role": "system"},
        {"role": "root"},
        {"role": ["admin"]},
        {"role": "customer"},
        {"user_id": 0},
        {"user_id": -1},
        {"user_id": "42"},
        {"user_id": 4.2},
        {"user_id": True},
        {"user_id": 2**53},
    ],
    ids=str,
)
async def test_a_token_that_says_something_else_than_it_must_is_refused(claims: dict[str, object]) -> None:
    assert await refused(ISSUER.token(**({"role": "admin"} | claims))) == "invalid_token"  # type: ignore[arg-type]


def with_head(**changes: object) -> str:
    """A head that the library would not sign."""
    _, claims, signature = ISSUER.token().split(".")
    head = {"alg": "RS256", "typ": "JWT", "kid": "first"} | changes
    return ".".join((encoded(head).decode(), claims, signature))


def _with_changed_claims() -> str:
    """The signature of one, the claims of another."""
    head, _, signature = ISSUER.token("customer", 42).split(".")
    return ".".join((head, ISSUER.token("admin").split(".")[1], signature))


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="no dots"),
        pytest.param("a.b.c", id="no JSON"),
        pytest.param("..", id="only dots"),
        pytest.param("\x00.\x00.\x00", id="zeros"),
        pytest.param("é" * 20, id="not ASCII"),
        pytest.param(signed_by_nobody(), id="alg none"),
        pytest.param(signed_with_the_public_key(ISSUER), id="HS256 with the public key"),
        pytest.param(STRANGER.token(), id="another's key under the same kid"),
        pytest.param(STRANGER.token(headers={"jku": "https://example.org/keys"}), id="jku"),
        pytest.param(STRANGER.token(headers={"jwk": {"kty": "RSA"}}), id="jwk"),
        pytest.param(ISSUER.token(headers={"kid": "unknown"}), id="unknown kid"),
        pytest.param(with_head(kid=1), id="kid is no text"),
        pytest.param(with_head(kid=None), id="no kid"),
        pytest.param(ISSUER.token(headers={"kid": "../../etc/passwd"}), id="kid is a path"),
        pytest.param(ISSUER.token(headers={"crit": ["unknown"]}), id="crit"),
        pytest.param(ISSUER.token(key_id="second", headers={"kid": "first"}), id="kid of another key"),
        pytest.param(ISSUER.token()[:-2], id="cut off"),
        pytest.param(_with_changed_claims(), id="changed claims"),
        pytest.param(ISSUER.token() + "." + "x" * MOST_CHARACTERS, id="too long"),
    ],
)
async def test_what_is_not_signed_by_a_known_key_is_refused(token: str) -> None:
    assert await refused(token) == "invalid_token"


async def test_however_many_unknown_keys_are_asked_for_the_jwks_is_fetched_at_most_once_more() -> None:
    issuer, clock = Issuer(), Clock()
    tokens = tokens_of(issuer, clock)
    await tokens.actor_of(issuer.token())
    clock.now += PAUSE_SECONDS + 1
    for number in range(1000):
        with pytest.raises(Unauthenticated):
            await tokens.actor_of(issuer.token(headers={"kid": f"key {number}"}))
    assert issuer.fetched == 2


async def test_a_new_key_is_known_as_soon_as_a_token_names_it() -> None:
    issuer, clock = Issuer("first", "second"), Clock()
    issuer.publishes = ["first"]
    tokens = tokens_of(issuer, clock)
    await tokens.actor_of(issuer.token())
    issuer.publishes = ["first", "second"]
    clock.now += PAUSE_SECONDS + 1
    assert await tokens.actor_of(issuer.token(key_id="second"))


async def test_a_key_that_was_taken_out_is_known_no_more_nor_are_its_tokens() -> None:
    issuer, clock = Issuer("first", "second"), Clock()
    tokens = tokens_of(issuer, clock)
    token = issuer.token()
    await tokens.actor_of(token)
    issuer.publishes = ["second"]
    clock.now += KEPT_SECONDS + 1
    await tokens.actor_of(token)  # by which the keys are read again
    await asyncio.sleep(0)
    with pytest.raises(Unauthenticated):
        await tokens.actor_of(token)
    assert await tokens.actor_of(issuer.token(key_id="second"))


async def test_a_token_that_was_good_once_ends_in_time() -> None:
    tokens = tokens_of(ISSUER)
    token = ISSUER.token(exp=int(time.time() - LEEWAY_SECONDS) + 3)
    await tokens.actor_of(token)

    async def has_ended() -> bool:
        try:
            await tokens.actor_of(token)
        except Unauthenticated:
            return True
        return False

    await until(has_ended, seconds=20, what="the token has ended")


async def test_while_the_keys_cannot_be_read_those_that_are_known_go_on_to_count() -> None:
    issuer, clock = Issuer(), Clock()
    tokens = tokens_of(issuer, clock)
    await tokens.actor_of(issuer.token())
    issuer.is_down = True
    clock.now += KEPT_SECONDS + 1
    for role in ("support", "warehouse"):
        assert await tokens.actor_of(issuer.token(role))
        await asyncio.sleep(0)
    assert issuer.fetched == 2


async def test_keys_that_could_not_be_read_for_an_hour_count_no_more_until_they_can() -> None:
    issuer, clock = Issuer(), Clock()
    tokens, token = tokens_of(issuer, clock), issuer.token()
    await tokens.actor_of(token)
    issuer.is_down = True
    clock.now += MOST_SECONDS + 1
    with pytest.raises(Unavailable):
        await tokens.actor_of(token)
    issuer.is_down = False
    clock.now += PAUSE_SECONDS + 1
    assert await tokens.actor_of(token)


async def test_after_a_quiet_night_the_first_request_waits_for_the_keys_as_they_are_now() -> None:
    issuer, clock = Issuer("first", "second"), Clock()
    tokens, token = tokens_of(issuer, clock), issuer.token()
    await tokens.actor_of(token)
    issuer.publishes = ["second"]
    clock.now += 2 * KEPT_SECONDS + 1
    with pytest.raises(Unauthenticated):
        await tokens.actor_of(token)


async def test_an_empty_jwks_means_that_nobody_is_known() -> None:
    issuer, clock = Issuer(), Clock()
    tokens, token = tokens_of(issuer, clock), issuer.token()
    await tokens.actor_of(token)
    issuer.publishes = []
    clock.now += 2 * KEPT_SECONDS + 1
    with pytest.raises(Unauthenticated):
        await tokens.actor_of(token)


async def test_without_any_key_it_is_not_the_token_that_is_wrong() -> None:
    issuer = Issuer()
    issuer.is_down = True
    with pytest.raises(Unavailable):
        await tokens_of(issuer).actor_of(issuer.token())


async def test_a_jwks_under_a_url_is_read_to_its_end_and_not_beyond_measure() -> None:
    issuer = Issuer("first", "second")

    async def in_parts(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        content = issuer.jwks()
        for start in range(0, len(content), 100):
            await answer.write(content[start : start + 100])
            await asyncio.sleep(0)
        if "endless" in request.path:
            await answer.write(b" " * MOST_BYTES)
        return answer

    app = web.Application()
    app.router.add_get("/{name}", in_parts)
    async with TestServer(app) as server:
        keys = Keys(fetching(str(server.make_url("/jwks.json"))))
        assert await keys.find("second")
        too_long = Keys(fetching(str(server.make_url("/endless.json"))))
        assert await too_long.find("second") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"{}",
        b'{"keys": {}}',
        b'{"keys": [{"kty": "RSA", "kid": ["x"]}]}',
        b'{"keys": [1]}',
        b'{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "first"}]}',
        b'{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "small"}]}',
        b"\xff",
    ],
)
def test_what_is_no_jwks_of_ours_is_said(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"no JWKS|no key"):
        read_keys(content)
