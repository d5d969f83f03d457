"""docker-compose.secure.yml's servers for real: TLS only, an account per service that may do what the table says."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import pymongo
import pytest
from aiormq.exceptions import AMQPError, ChannelAccessRefused
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure
from yarl import URL

from common.access.actors import Role
from common.broker import connect
from common.config import Settings
from common.envelope import EXCHANGE
from common.errors import Unavailable
from common.mongo import FORBIDDEN, UNKNOWN_ACCOUNT, open_client, reaching
from stack.accounts import ACCOUNTS, ALL, COMMITS, Account
from stack.certificates import Authority
from stack.ports import LOOPBACK
from stack.secret_folder import ADMIN_MONGODB_URL, Places, SecretFolder, amqp_file, mongodb_file
from stack.tokens import issue
from tests.support.secure import SecureSystem, secure_system
from tests.support.system import until

PRODUCT, CUSTOMER = 456, 42
SOON_SECONDS = 20.0
REFUSED_SECONDS = 1.5  # a client of MongoDB goes on trying whatever it is told
BY_NAME = {account.name: account for account in ACCOUNTS}
WITH_AMQP = [account for account in ACCOUNTS if account.permissions]
EVERYWHERE = {
    (grant.on, name or "orders") for account in ACCOUNTS for grant in account.grants for name in grant.collections
}
FORBIDDEN_TO_DO: dict[str, dict[str, Any]] = {
    "insert": {"documents": [{"_id": "nobody"}]},
    "update": {"updates": [{"q": {"_id": "nobody"}, "u": {"$set": {"told": 1}}}]},
    "remove": {"deletes": [{"q": {"_id": "nobody"}, "limit": 1}]},
    "createIndex": {"indexes": [{"key": {"told": 1}, "name": "told"}]},
    "dropIndex": {"index": "told"},
    "dropCollection": {},
    "collMod": {"validator": {}},
    "find": {"limit": 1},
}
"""Action → the rest of the command that needs it."""
REFUSED = r"ACCESS_REFUSED|403"
OTHERS = [("projector", "sagas.p0"), ("saga", "views.p0"), ("projector", "commands")]
COMMAND_OF = {"remove": "delete", "createIndex": "createIndexes", "dropIndex": "dropIndexes", "dropCollection": "drop"}


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecureSystem]:
    async with secure_system(tmp_path_factory.mktemp("secure")) as running:
        yield running


def mongodb_url(system: SecureSystem, name: str) -> str:
    return system.secrets.read(mongodb_file(BY_NAME[name]))


def amqp_url(system: SecureSystem, name: str) -> str:
    return system.secrets.read(amqp_file(BY_NAME[name]))


async def answer_of(system: SecureSystem, path: str, role: Role = Role.CUSTOMER) -> Any:
    status, content = await system.ask("GET", f"/queries{path}", role, user=CUSTOMER)
    return content if status == 200 else {}


async def stocked(system: SecureSystem) -> None:
    stock = {"product_id": PRODUCT, "product_name": "Keyboard", "quantity": 100, "unit_price": "49.99"}
    status, _ = await system.ask("POST", "/commands/inventory", Role.WAREHOUSE, stock)
    assert status in (200, 201)


async def ordered(system: SecureSystem) -> str:
    wanted = {"user_id": CUSTOMER, "product_id": PRODUCT, "quantity": 2}
    status, content = await system.ask("POST", "/commands/orders", Role.CUSTOMER, wanted, user=CUSTOMER)
    assert status == 201, content
    return content["order_id"]


async def becomes(system: SecureSystem, order_id: str, wanted: str) -> None:
    async def has_become() -> bool:
        return (await answer_of(system, f"/orders/{order_id}")).get("status") == wanted

    await until(has_become, seconds=SOON_SECONDS, what=f"the order is {wanted}")


async def test_an_order_goes_all_the_way_though_its_services_are_killed(system: SecureSystem) -> None:
    """Whoever takes over ends the transactions of who was killed: that needs the account's own sessions only."""
    await stocked(system)
    order_id = await ordered(system)
    await becomes(system, order_id, "VALIDATED")
    for name in ("projector", "saga", "command"):
        await system.kill(name)
        await system.start(name)
    payment = {"order_id": order_id, "card_token": "tok_approve"}
    status, content = await system.ask("POST", "/commands/payments", Role.CUSTOMER, payment, user=CUSTOMER)
    assert status in (200, 201), content
    await becomes(system, order_id, "PAID")
    assert (await answer_of(system, f"/orders/{order_id}/audit", Role.SUPPORT))["data"]
    assert (await answer_of(system, f"/sagas/{order_id}", Role.SUPPORT))["saga"] == "order_fulfilment"
    assert system.logged("does not let this account") == []  # else stack/accounts.py lacks something
    assert system.logged("ACCESS_REFUSED") == []


async def test_people_have_accounts_for_what_they_do(system: SecureSystem) -> None:
    await stocked(system)
    order_id = await ordered(system)
    await becomes(system, order_id, "VALIDATED")
    code, said = await system.cqrs("auditor", "log", "verify")
    assert (code, "nothing is wrong" in said) == (0, True), said
    for words in (
        ["projections", "reset", "--no-wait"],
        ["projections", "parked"],
    ):
        code, said = await system.cqrs("operator", *words)
        assert code == 0, said
    code, said = await system.cqrs("operator", "snapshot", f"order-{order_id}")
    assert (code, ": saved" in said) == (0, True), said
    await system.settled()
    await becomes(system, order_id, "VALIDATED")
    code, said = await system.cqrs("auditor", "projections", "reset", "--no-wait")
    assert (code, "does not let this account" in said) == (1, True), said


async def test_sagas_are_looked_after_through_the_gateway_with_a_token(system: SecureSystem) -> None:
    await stocked(system)
    order_id = await ordered(system)
    await becomes(system, order_id, "VALIDATED")
    through = {"CQRS_GATEWAY": system.gateway, "SSL_CERT_FILE": str(system.secrets.path / "ca.crt")}
    for role in (Role.SUPPORT, Role.ADMIN):
        token = issue(system.secrets, Settings(), role=role, name=str(role), user_id=None, seconds=600)
        system.environment_of[str(role)] = through | {"CQRS_TOKEN": token}
    code, said = await system.cqrs("support", "sagas", "list", "--state", "running")
    assert (code, order_id in said) == (0, True), said
    code, said = await system.cqrs("support", "sagas", "retry", "order_fulfilment", order_id)
    assert (code, "not for the role support" in said) == (1, True), said
    code, said = await system.cqrs("admin", "sagas", "retry", "order_fulfilment", order_id)
    assert code == 0, said
    await becomes(system, order_id, "VALIDATED")
    assert system.logged("does not let this account") == []


async def test_migrating_takes_the_administrators_account(system: SecureSystem) -> None:
    code, said = await system.cqrs("auditor", "migrate")
    assert (code, "does not let this account" in said) == (1, True), said
    system.environment_of["admin"] = {"EVENTS_MONGODB_URL": system.secrets.read(ADMIN_MONGODB_URL)}
    assert (await system.cqrs("admin", "migrate"))[0] == 0
    assert (await system.cqrs("admin", "migrate", "--check"))[0] == 0


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.name)
async def test_an_account_may_do_nothing_that_the_table_does_not_say(system: SecureSystem, account: Account) -> None:
    names = {"events": system.events_database, "views": system.views_database}
    allowed = {(g.on, name, action) for g in account.grants for name in g.collections for action in g.actions}
    done = []
    async with AsyncMongoClient(mongodb_url(system, account.name)) as client:
        for on, collection in sorted(EVERYWHERE):
            for action, rest in FORBIDDEN_TO_DO.items():
                command = {COMMAND_OF.get(action, action): collection, **rest}
                is_allowed = {(on, collection, action), (on, *ALL, action)} & allowed
                if not is_allowed and not await is_refused(client[names[on]], command):
                    done.append((on, collection, action))
        assert await is_refused(client["elsewhere"], {"insert": "anything", "documents": [{}]})
        assert await is_refused(client.admin, {"createUser": "mallory", "pwd": "mallory", "roles": []})
    assert done == []


async def is_refused(database: Any, command: dict[str, Any]) -> bool:
    try:
        await database.command(command)
    except OperationFailure as error:
        return error.code == FORBIDDEN
    return False


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.name)
def test_nobody_may_change_or_delete_what_is_in_the_log(account: Account) -> None:
    on_the_log = {action for g in account.grants if COMMITS in g.collections for action in g.actions}
    assert on_the_log <= {"find", "insert", "listIndexes"}
    assert ("insert" in on_the_log) == (account.name == "command")
    writers = {g.on for g in account.grants if g.collections == ALL and set(g.actions) - {"find"}}
    assert bool(writers) == (account.name == "projector")


async def test_the_monitor_sees_all_with_what_its_account_may(system: SecureSystem) -> None:
    await stocked(system)
    assert (await system.ask("GET", "/ops/pipeline", Role.CUSTOMER, user=CUSTOMER))[0] == 403

    async def is_seen() -> bool:
        _, samples = await system.ask("GET", "/ops/samples", Role.SUPPORT)
        _, queues = await system.ask("GET", "/ops/queues", Role.SUPPORT)
        names = {queue["name"] for queue in queues["data"]}
        return any(point["stored"] is not None for point in samples["data"]) and {"views.p0", "commands"} <= names

    await until(is_seen, seconds=SOON_SECONDS, what="samples are stored, and RabbitMQ tells of its queues")
    _, pipeline = await system.ask("GET", "/ops/pipeline", Role.SUPPORT)
    assert {stage["name"]: stage["state"] for stage in pipeline["stages"]}["exchange"] == "ok"


async def test_the_account_that_appends_is_refused_to_change_what_it_appended(system: SecureSystem) -> None:
    await stocked(system)
    async with AsyncMongoClient(mongodb_url(system, "command")) as client:
        commits = client[system.events_database][COMMITS]
        assert await commits.find_one({"_id": 1})
        for attempt in (
            commits.update_one({"_id": 1}, {"$set": {"actor": "mallory"}}),
            commits.delete_one({"_id": 1}),
            commits.create_index("at", expireAfterSeconds=1),  # it would delete the log
            commits.drop(),
        ):
            with pytest.raises(OperationFailure) as error:
                await attempt
            assert error.value.code == FORBIDDEN


@pytest.mark.parametrize("account", WITH_AMQP, ids=lambda account: account.name)
async def test_only_the_command_service_publishes_events(system: SecureSystem, account: Account) -> None:
    async with await aio_pika.connect(amqp_url(system, account.name)) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EXCHANGE, ensure=False)
        if account.name == "command":
            await exchange.publish(aio_pika.Message(b"nothing of ours"), "nobody.listens", mandatory=False)
            return
        with pytest.raises((ChannelAccessRefused, AMQPError), match=REFUSED):
            await exchange.publish(aio_pika.Message(b"forged"), "p0.order.OrderPaid", mandatory=False)
        again = await connection.channel()
        with pytest.raises((ChannelAccessRefused, AMQPError), match=REFUSED):
            await again.default_exchange.publish(aio_pika.Message(b"forged"), "views.p0", mandatory=False)


@pytest.mark.parametrize(
    ("name", "queue"), [("projector", "sagas.p0"), ("saga", "views.p0"), ("projector", "commands")]
)
async def test_nobody_reads_the_queues_of_others(system: SecureSystem, name: str, queue: str) -> None:
    async with await aio_pika.connect(amqp_url(system, name)) as connection:
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await (await channel.get_queue(queue, ensure=False)).get(fail=False)


@pytest.mark.parametrize("name", ["query", "auditor", "guest"])
async def test_who_has_no_account_at_the_broker_is_not_let_in(system: SecureSystem, name: str) -> None:
    """`guest` is RabbitMQ's own, from loopback."""
    url = URL(amqp_url(system, "command"))
    for password in (name, url.password):
        with pytest.raises(Unavailable, match="does not know this account"):
            await connect(str(url.with_user(name).with_password(password)), "test")


async def test_a_certificate_of_another_ca_is_refused(system: SecureSystem, tmp_path: Path) -> None:
    (tmp_path / "other.crt").write_bytes(Authority.make("somebody else's").public_pem)
    ours, others = str(system.secrets.path / "ca.crt"), str(tmp_path / "other.crt")
    with pytest.raises(Unavailable, match="certificate is not trusted"):
        await connect(amqp_url(system, "command").replace(ours, others), "test")
    url = mongodb_url(system, "command").replace(ours, others)
    with pytest.raises(Unavailable, match="certificate is not trusted"):
        await ping(url)
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.get(f"{system.gateway}/livez")


async def ping(url: str) -> None:
    async with open_client(url, name="test") as client:
        with reaching("It cannot be reached."), pymongo.timeout(REFUSED_SECONDS):
            await client["test"]["test"].find_one({})


async def test_a_certificate_of_another_host_is_refused(system: SecureSystem) -> None:
    """Its CA is ours, and its name is not that of the host."""
    elsewhere = system.secrets.path.parent / "elsewhere.pem"
    elsewhere.write_bytes(Authority.read((system.secrets.path / "ca.pem").read_bytes()).certify(["elsewhere.example"]))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(elsewhere)
    server = await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(Unavailable, match="not trusted"):
            await connect(str(URL(amqp_url(system, "command")).with_port(port)), "test")
        url = mongodb_url(system, "command").replace("replicaSet=rs0", "directConnection=true")
        with pytest.raises(Unavailable, match="not trusted"):
            await ping(str(URL(url).with_port(port)))


async def test_nobody_is_spoken_to_without_tls(system: SecureSystem) -> None:
    with pytest.raises(Unavailable):
        await connect(str(URL(amqp_url(system, "command")).with_scheme("amqp").with_query(None)), "test")
    with pytest.raises(Unavailable):
        await ping(mongodb_url(system, "command").replace("tls=true", "tls=false").partition("&tlsCAFile")[0])
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientError):
            await http.get(f"{system.gateway.replace('https', 'http')}/livez")


async def test_a_new_password_counts_and_the_old_one_does_not(system: SecureSystem) -> None:
    """The others are applied a second time, too, and nobody notices."""
    auditors = system.secrets.path / mongodb_file(BY_NAME["auditor"])
    old = auditors.read_text()
    auditors.unlink()
    host = URL(old).authority.rpartition("@")[2]
    made = SecretFolder(system.secrets.path, Places(mongodb=host, ca=str(system.secrets.path / "ca.crt"))).make()
    assert made == [auditors.name]
    code, said = await system.cqrs("", "accounts", "apply", "--secrets", str(system.secrets.path))
    assert code == 0, said
    assert (await system.cqrs("auditor", "log", "verify"))[0] == 0
    async with AsyncMongoClient(old) as client:
        with pytest.raises(OperationFailure) as error:
            await client.admin.command("ping")
    assert error.value.code == UNKNOWN_ACCOUNT
    await stocked(system)
    await ordered(system)


async def test_a_service_whose_secret_cannot_be_read_says_which(system: SecureSystem) -> None:
    missing = str(system.secrets.path / "nowhere")
    system.environment_of["query"] = {"EVENTS_MONGODB_URL_FILE": missing}
    assert await system.run_until_it_ends("query2") == 1
    assert system.logged(f"query: EVENTS_MONGODB_URL_FILE: {missing} cannot be read: No such file or directory.")


def test_the_table_names_each_account_once() -> None:
    assert len(BY_NAME) == len(ACCOUNTS)
    assert "admin" not in BY_NAME
