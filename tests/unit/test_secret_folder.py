"""`cqrs secrets make` makes all that docker-compose.secure.yml needs, and overwrites nothing."""

import base64
import hashlib
import json
import socket
import ssl
import threading
from pathlib import Path

import pytest
from yarl import URL

from common.access.keys import read_keys
from common.errors import LeveretError
from gateway.certificate import tls_context
from stack.accounts import ACCOUNTS
from stack.certificates import Authority
from stack.errors import StackError
from stack.mongodb_accounts import signed_in
from stack.secret_folder import (
    ADMIN_MANAGEMENT_URL,
    ADMIN_MONGODB_URL,
    READ_BY_CONTAINERS,
    SecretFolder,
    broker_file,
    mongodb_file,
)

MONGODB_FILES = [ADMIN_MONGODB_URL, *map(mongodb_file, ACCOUNTS)]
BROKER_FILES = [file for account in ACCOUNTS if (file := broker_file(account))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SecretFolder:
    folder = SecretFolder(tmp_path_factory.mktemp("made") / "secrets")
    folder.make()
    return folder


def modes(folder: SecretFolder) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.path.rglob("*")}


def test_the_folder_is_ours_alone_and_containers_read_the_files_they_are_given(folder: SecretFolder) -> None:
    assert folder.path.stat().st_mode & 0o777 == 0o700
    for_nobody = {"ca.pem": 0o600, "auth": 0o700, "private.pem": 0o600}
    assert {name: mode for name, mode in modes(folder).items() if mode != READ_BY_CONTAINERS} == for_nobody


def test_every_account_has_a_password_of_its_own(folder: SecretFolder) -> None:
    texts = [folder.read(name) for name in MONGODB_FILES]
    named = [signed_in(text) for text in texts]
    assert [name for name, _ in named] == ["admin", *(account.name for account in ACCOUNTS)]
    brokers = [URL(folder.read(name)) for name in (ADMIN_MANAGEMENT_URL, *BROKER_FILES)]
    passwords = [password for _, password in named] + [url.password or "" for url in brokers]
    assert len(set(passwords)) == len(MONGODB_FILES) + len(BROKER_FILES) + 1
    assert min(map(len, passwords)) > 40


def test_every_address_asks_for_tls_and_names_the_ca(folder: SecretFolder) -> None:
    for name in MONGODB_FILES:
        assert "&tls=true&tlsCAFile=/run/secrets/ca.crt&" in folder.read(name)
    for name in BROKER_FILES:
        url = URL(folder.read(name))
        assert url.scheme in ("amqps", "https")
        assert url.query["cafile"] == "/run/secrets/ca.crt"


def test_making_again_overwrites_nothing_and_makes_what_is_missing(tmp_path: Path) -> None:
    folder = SecretFolder(tmp_path)
    made = folder.make()
    before = {name: (tmp_path / name).read_bytes() for name in made}
    assert folder.make() == []
    (tmp_path / "message.key").unlink()
    (tmp_path / "ca.crt").unlink()
    assert folder.make() == ["ca.crt", "message.key"]
    after = {name: (tmp_path / name).read_bytes() for name in made}
    assert {name for name in made if before[name] != after[name]} == {"message.key"}


def test_the_keys_of_an_issuer_stay(tmp_path: Path) -> None:
    folder = SecretFolder(tmp_path)
    folder.make()
    read_keys((folder.auth / "jwks.json").read_bytes())
    (folder.auth / "private.pem").unlink()
    theirs = (folder.auth / "jwks.json").read_bytes()
    assert folder.make() == []
    assert (folder.auth / "jwks.json").read_bytes() == theirs


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StackError, match="other files"):
        SecretFolder(tmp_path).make()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_without_its_ca_no_other_one_is_made_beside_the_old_certificates(tmp_path: Path) -> None:
    folder = SecretFolder(tmp_path)
    folder.make()
    (tmp_path / "ca.pem").unlink()
    with pytest.raises(StackError, match=r"lost its ca\.pem"):
        folder.make()


def test_rabbitmq_knows_its_administrator_by_a_salted_hash(folder: SecretFolder) -> None:
    password = URL(folder.read(ADMIN_MANAGEMENT_URL)).password or ""
    text = folder.read("rabbitmq_admin.json")
    (user,) = json.loads(text)["users"]
    salted = base64.b64decode(user["password_hash"])
    assert salted[4:] == hashlib.sha256(salted[:4] + password.encode()).digest()
    assert password not in text


def shakes_hands(served: ssl.SSLContext, asked: ssl.SSLContext, name: str) -> bool:
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            served.wrap_socket(theirs, server_side=True).close()
        except (ssl.SSLError, OSError):
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        asked.wrap_socket(ours, server_hostname=name).close()
    except ssl.SSLCertVerificationError:
        return False
    else:
        return True
    finally:
        ours.close()
        thread.join()


def test_the_gateway_is_known_by_its_names_and_by_no_other(folder: SecretFolder) -> None:
    served = tls_context(str(folder.path / "gateway.pem"), "")
    assert served
    asked = ssl.create_default_context(cafile=folder.path / "ca.crt")
    asked.verify_flags |= ssl.VERIFY_X509_STRICT  # the default of Python 3.13
    assert [shakes_hands(served, asked, name) for name in ("localhost", "127.0.0.1", "cqrs_gateway")] == [True] * 3
    assert not shakes_hands(served, asked, "shop.example")
    assert not shakes_hands(
        served, ssl.create_default_context(cadata=Authority.make("x").public_pem.decode()), "localhost"
    )


def test_a_gateway_without_a_certificate_that_can_be_read_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    assert tls_context("", "") is None
    for cert, key in ((str(tmp_path / "missing.pem"), ""), (str(tmp_path / "empty.pem"), ""), ("", "key.pem")):
        with pytest.raises(LeveretError) as error:
            tls_context(cert, key)
        assert error.value.code == "no_certificate"
