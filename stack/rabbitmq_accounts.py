"""Makes RabbitMQ agree with the table of accounts, through its management API: a user and permissions for each."""

import asyncio
import base64
import hashlib
import json
import secrets
import ssl
from collections.abc import Mapping, Sequence

import aiohttp
from yarl import URL

from stack.accounts import NOTHING, Account
from stack.errors import StackError

POLL_SECONDS = 0.5
TIMEOUT = aiohttp.ClientTimeout(total=10)
SALT_BYTES = 4
VIRTUAL_HOST = "/"
WATCHING = "monitoring"  # RabbitMQ's tag for who may see all queues, and touch none


async def apply_to_rabbitmq(
    management_url: str,
    ca: str | None,
    urls: Mapping[str, str],
    accounts: Sequence[Account],
    *,
    patience_seconds: float,
) -> None:
    """The administrator is the one in `management_url`; each password is the one in the URL. Raise StackError.

    What is there is overwritten; a user whose account has nothing to do with the broker is deleted.
    """
    at = URL(management_url)
    login = {"Authorization": aiohttp.encode_basic_auth(at.user or "", at.password or "")}
    context = _trusting(ca)
    async with aiohttp.ClientSession(
        headers=login, timeout=TIMEOUT, connector=aiohttp.TCPConnector(ssl=context)
    ) as http:
        api = at.with_user(None).with_password(None) / "api"
        await _until_administered(http, api, patience_seconds)
        for account in accounts:
            await _apply(http, api, account, urls)


def administrator_definitions(management_url: str) -> bytes:
    """What RabbitMQ loads when it starts (`load_definitions`): its administrator, by a salted hash, and nobody else."""
    at = URL(management_url)
    user = {
        "name": at.user,
        "password_hash": password_hash(at.password or ""),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": "administrator",
    }
    everything = {"user": at.user, "vhost": VIRTUAL_HOST, "configure": ".*", "write": ".*", "read": ".*"}
    content = {"users": [user], "vhosts": [{"name": VIRTUAL_HOST}], "permissions": [everything]}
    return json.dumps(content, indent=2).encode()


def password_hash(password: str) -> str:
    """As RabbitMQ stores one: a salt of four bytes, then SHA-256 of salt and password."""
    salt = secrets.token_bytes(SALT_BYTES)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _trusting(ca: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise StackError(f"{ca}: the CA of RabbitMQ cannot be read: {error.strerror or error}") from error


async def _until_administered(http: aiohttp.ClientSession, api: URL, patience_seconds: float) -> None:
    deadline = asyncio.get_running_loop().time() + patience_seconds
    while trouble := await _trouble(http, api):
        if asyncio.get_running_loop().time() > deadline:
            raise StackError(f"RabbitMQ does not let its administrator in: {trouble}")
        await asyncio.sleep(POLL_SECONDS)


async def _trouble(http: aiohttp.ClientSession, api: URL) -> str | None:
    try:
        async with http.get(api / "whoami") as answer:
            return None if answer.ok else f"HTTP {answer.status}"
    except (aiohttp.ClientError, TimeoutError) as error:
        return str(error) or "no answer in time"


async def _apply(http: aiohttp.ClientSession, api: URL, account: Account, urls: Mapping[str, str]) -> None:
    user = api / "users" / account.name
    if account.permissions is None and not account.is_watching:
        await _call(http, "DELETE", user, None)
        return
    address = URL(urls[account.name])
    if address.user != account.name or not address.password:
        raise StackError(f"the address of RabbitMQ for {account.name} names no account {account.name} with a password")
    tags = WATCHING if account.is_watching else ""
    await _call(http, "PUT", user, {"password": address.password, "tags": tags})
    permissions = account.permissions or NOTHING  # even who only watches must be let into the virtual host
    wanted = {
        "configure": _any_of(permissions.configure),
        "write": _any_of(permissions.write),
        "read": _any_of(permissions.read),
    }
    where = URL(f"{api}/permissions/%2F/{account.name}", encoded=True)
    await _call(http, "PUT", where, wanted)


def _any_of(names: tuple[str, ...]) -> str:
    return f"^({'|'.join(names)})$"


async def _call(http: aiohttp.ClientSession, method: str, url: URL, content: Mapping[str, str] | None) -> None:
    try:
        async with http.request(method, url, json=content) as answer:
            if not answer.ok and not (method == "DELETE" and answer.status == 404):
                raise StackError(f"RabbitMQ refuses {url.path}: HTTP {answer.status}")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise StackError(f"RabbitMQ does not answer: {error or 'in time'}") from error
