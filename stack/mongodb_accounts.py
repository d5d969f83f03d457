"""Makes MongoDB agree with the table of accounts: a replica set, an administrator, the log, a role and user for each.

What is there already is brought up to date; run twice, it changes nothing. A crash leaves less than was wanted.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError
from pymongo.uri_parser import parse_uri

from common.config import Settings
from common.errors import LeveretError
from common.log import open_log
from common.mongo import UNKNOWN_ACCOUNT, open_client
from stack.accounts import Account, Grant
from stack.errors import StackError
from stack.mongod import REPLICA_SET

ROLE_PREFIX = "leveret_"
ADMINISTRATOR = ["root"]
MECHANISMS = ["SCRAM-SHA-256"]
NEAR = "localhost"  # the only host to which MongoDB says more while nobody has an account
POLL_SECONDS = 0.5
LOOK_MS = 2000
Answer = dict[str, Any]


async def apply_to_mongodb(
    admin_url: str, urls: Mapping[str, str], accounts: Sequence[Account], settings: Settings, *, patience_seconds: float
) -> None:
    """Each account's password is the one in its URL. Raise StackError, Unavailable, or LeveretError for a bad URL.

    Where there is no administrator yet, this must run on the server's own host, or in its network namespace.
    """
    try:
        await _until_administered(admin_url, patience_seconds)
        async with open_client(admin_url, name="accounts") as client:
            await open_log(client[settings.events_database], partitions=settings.partitions)
            for account in accounts:
                await _apply(client, account, signed_in(urls[account.name])[1], settings)
    except PyMongoError as error:
        raise StackError(f"MongoDB refuses the accounts: {error}") from error


def signed_in(url: str) -> tuple[str, str]:
    """The name and the password in an address; LeveretError where there is none."""
    try:
        parsed = parse_uri(url, warn=True, validate=False)
    except PyMongoError as error:
        raise LeveretError("bad_mongodb_url", f"The address of MongoDB cannot be used: {error}.") from error
    if not parsed["username"] or not parsed["password"]:
        raise LeveretError("bad_mongodb_url", "The address of MongoDB names no account with a password.")
    return parsed["username"], parsed["password"]


async def _until_administered(admin_url: str, patience_seconds: float) -> None:
    """Return when the administrator can sign in; until there is one, ask the server from nearby to begin."""
    deadline = asyncio.get_running_loop().time() + patience_seconds
    while (trouble := await _trouble(admin_url)) and asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(ConnectionFailure):  # not nearby, or not there yet
            await _begin(admin_url)
        await asyncio.sleep(POLL_SECONDS)
    if trouble:
        raise StackError(f"MongoDB does not let its administrator in: {trouble}")


async def _trouble(admin_url: str) -> str | None:
    async with AsyncMongoClient(admin_url, serverSelectionTimeoutMS=LOOK_MS, timeoutMS=LOOK_MS) as client:
        try:
            await client.admin.command("usersInfo", signed_in(admin_url)[0])
        except OperationFailure as error:
            return "it does not know the account" if error.code == UNKNOWN_ACCOUNT else str(error)
        except PyMongoError as error:
            return str(error)
    return None


async def _begin(admin_url: str) -> None:
    """Initiate the set of all who are named, then make the administrator; MongoDB allows both to who is near, once."""
    (name, password), parsed = signed_in(admin_url), parse_uri(admin_url)
    hosts = [f"{host}:{port}" for host, port in parsed["nodelist"]]
    async with _near(admin_url, parsed["nodelist"][0][1]) as client:
        hello: Answer = await client.admin.command("hello")
        if hello.get("isWritablePrimary"):
            user = {"createUser": name, "pwd": password, "roles": ADMINISTRATOR, "mechanisms": MECHANISMS}
            await _allowed_once(client, user)
        elif hello.get("isreplicaset") and not hello.get("setName"):
            members = [{"_id": number, "host": host} for number, host in enumerate(hosts)]
            set_name = parsed["options"].get("replicaSet", REPLICA_SET)
            await _allowed_once(client, {"replSetInitiate": {"_id": set_name, "members": members}})


def _near(admin_url: str, port: int | None) -> AsyncMongoClient[Answer]:
    """The same TLS, and nobody's account."""
    options = {key: value for key, value in parse_uri(admin_url)["options"].items() if key.startswith("tls")}
    return AsyncMongoClient(NEAR, port, directConnection=True, serverSelectionTimeoutMS=LOOK_MS, **options)


async def _allowed_once(client: AsyncMongoClient[Answer], command: Answer) -> None:
    """Who is refused finds out why from the administrator's own attempt to sign in."""
    with contextlib.suppress(OperationFailure):
        await client.admin.command(command)


async def _apply(client: AsyncMongoClient[Answer], account: Account, password: str, settings: Settings) -> None:
    role, admin = ROLE_PREFIX + account.name, client.admin
    privileges = [privilege for grant in account.grants for privilege in _privileges(grant, settings)]
    known_role = (await admin.command("rolesInfo", role))["roles"]
    await admin.command("updateRole" if known_role else "createRole", role, privileges=privileges, roles=[])
    known_user = (await admin.command("usersInfo", account.name))["users"]
    await admin.command(
        "updateUser" if known_user else "createUser",
        account.name,
        pwd=password,
        roles=[{"role": role, "db": "admin"}],
        mechanisms=MECHANISMS,
    )


def _privileges(grant: Grant, settings: Settings) -> Iterable[Answer]:
    database = settings.events_database if grant.on == "events" else settings.views_database
    for collection in grant.collections:
        yield {"resource": {"db": database, "collection": collection}, "actions": list(grant.actions)}
