"""A service that would let everybody in, or nobody, does not start."""

from pathlib import Path

import pytest

from common.access.actors import ANYBODY, NOBODY, Role
from common.access.door import Door, open_door
from common.access.policies import ADMINS, CUSTOMERS, OPEN, SUPPORT
from common.config import Settings
from common.errors import Forbidden, LeveretError, Unauthenticated
from tests.support.issuing import Issuer

ISSUER = Issuer()
SECRET = "a key for tests"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.5.0.1"])
async def test_without_auth_everybody_is_trusted_on_loopback(host: str) -> None:
    door = await open_door(Settings(auth="off", bind_host=host))
    assert await door.admit((), ADMINS) == ANYBODY


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "db", ""])
async def test_without_auth_nobody_else_is_let_in_unless_it_is_said_twice(host: str) -> None:
    with pytest.raises(LeveretError) as error:
        await open_door(Settings(auth="off", bind_host=host))
    assert error.value.code == "open_to_everybody"
    assert await (await open_door(Settings(auth="off", bind_host=host, insecure_dev=True))).admit((), ADMINS)


async def test_a_service_without_keys_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("{}")
    for keys in ("", str(tmp_path / "missing"), str(tmp_path / "empty"), str(tmp_path)):
        with pytest.raises(LeveretError) as error:
            await open_door(Settings(auth="on", message_key=SECRET, auth_keys=keys))
        assert error.value.code == "no_keys"


async def test_a_seal_that_everybody_knows_is_none(tmp_path: Path) -> None:
    with pytest.raises(LeveretError) as error:
        await open_door(Settings(auth="on", auth_keys=str(ISSUER.write_to(tmp_path))))
    assert error.value.code == "public_message_key"


async def test_who_takes_nothing_under_a_seal_needs_no_key_of_it(tmp_path: Path) -> None:
    assert await open_door(Settings(auth="on", auth_keys=str(ISSUER.write_to(tmp_path))), takes_sealed=False)


async def test_keys_under_a_url_may_come_later() -> None:
    door = await open_door(Settings(auth="on", message_key=SECRET, auth_keys="http://127.0.0.1:9/keys"))
    with pytest.raises(LeveretError) as error:
        await door.admit((f"Bearer {ISSUER.token()}",), ADMINS)
    assert error.value.code == "unavailable"


@pytest.fixture
async def door(tmp_path: Path) -> Door:
    return await open_door(Settings(auth="on", message_key=SECRET, auth_keys=str(ISSUER.write_to(tmp_path))))


async def test_an_open_route_asks_nobody(door: Door) -> None:
    assert await door.admit((), OPEN) == NOBODY


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ((), "missing_token"),
        (("Basic YWRhOnNlY3JldA==",), "invalid_token"),
        (("Bearer",), "invalid_token"),
        (("Bearer ",), "invalid_token"),
        ((f"Token {ISSUER.token()}",), "invalid_token"),
        ((ISSUER.token(),), "invalid_token"),
        ((f"Bearer {ISSUER.token()}", f"Bearer {ISSUER.token()}"), "repeated_authorization"),
    ],
    ids=["none", "basic", "no token", "empty token", "another scheme", "no scheme", "twice"],
)
async def test_who_does_not_say_who_they_are_is_not_let_in(
    door: Door, authorization: tuple[str, ...], code: str
) -> None:
    with pytest.raises(Unauthenticated) as error:
        await door.admit(authorization, ADMINS)
    assert error.value.code == code


async def test_a_role_opens_what_is_for_it_and_no_more(door: Door) -> None:
    support = (f"bearer {ISSUER.token('support')}",)
    assert (await door.admit(support, SUPPORT)).role is Role.SUPPORT
    assert await door.admit(support, CUSTOMERS)
    with pytest.raises(Forbidden):
        await door.admit(support, ADMINS)
