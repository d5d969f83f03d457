"""The folder of secrets that docker-compose.secure.yml mounts, file by file: what is in it, and how it is made.

Nothing is ever overwritten. Who wants a secret anew deletes its file, with those that are made of it, and makes again.
"""

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.accounts import ACCOUNTS, Account
from stack.certificates import Authority
from stack.errors import StackError
from stack.mongod import REPLICA_SET
from stack.rabbitmq_accounts import administrator_definitions
from stack.tokens import public_keys

ADMIN = "admin"  # of both servers; no service has its password
ADMIN_MONGODB_URL, ADMIN_MANAGEMENT_URL = "admin.mongodb_url", "admin.management_url"
NEARBY = ("localhost", "127.0.0.1")
PASSWORD_BYTES = 32
KEYFILE_BYTES = 512  # MongoDB takes 6 to 1024 characters
OURS_ALONE = 0o600
READ_BY_CONTAINERS = 0o444  # by users that this machine does not know; the folder keeps everybody else out
FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the parts are, and where their containers find the certificate of the CA."""

    mongodb: str = "mongodb_cqrs:27017"
    amqp: str = "rabbitmq:5671"
    management: str = "rabbitmq:15671"
    ca: str = "/run/secrets/ca.crt"
    gateway: tuple[str, ...] = ("cqrs_gateway",)  # names that clients know it by, beside localhost


def mongodb_file(account: Account) -> str:
    return f"{account.name}.mongodb_url"


def management_file(account: Account) -> str:
    return f"{account.name}.management_url"


def amqp_file(account: Account) -> str:
    return f"{account.name}.amqp_url"


def broker_file(account: Account) -> str | None:
    """Of who has to do with RabbitMQ."""
    if account.is_watching:
        return management_file(account)
    return amqp_file(account) if account.permissions else None


class SecretFolder:
    """`auth` is as in the data folder of a stack: `cqrs token issue` signs with what is there."""

    def __init__(self, path: Path, places: Places | None = None) -> None:
        self.path = path
        self.auth = path / "auth"
        self._places = places or Places()

    def read(self, name: str) -> str:
        try:
            return (self.path / name).read_text().strip()
        except OSError as error:
            raise StackError(f"{self.path / name} cannot be read: {error.strerror}") from error

    def make(self) -> list[str]:
        """Make what is missing; return the names of the files, in the order in which they were made."""
        self._make_folder()
        made = [name for name, content in self._contents().items() if self._write(name, content)]
        if not (self.auth / "jwks.json").exists():  # an issuer's own stays, whatever else is missing
            public_keys(self).chmod(READ_BY_CONTAINERS)
            made.append("auth/jwks.json")
        return made

    def _make_folder(self) -> None:
        is_new = not self.path.exists()
        if not is_new and not self.path.is_dir():
            raise StackError(f"{self.path} is not a folder")
        if not is_new and any(self.path.iterdir()) and not (self.path / "ca.pem").exists():
            raise StackError(f"{self.path} has other files, or lost its ca.pem; name another folder with --into")
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(FOLDER_MODE)

    def _contents(self) -> Mapping[str, Callable[[], bytes]]:
        """In the order in which one is made of another."""
        mongodb_host, rabbitmq_host = (at.rpartition(":")[0] for at in (self._places.mongodb, self._places.amqp))
        with_amqp = [account for account in ACCOUNTS if account.permissions]
        watching = [account for account in ACCOUNTS if account.is_watching]
        return {
            "ca.pem": lambda: Authority.make("Leveret's own CA").pem,
            "ca.crt": lambda: self._authority().public_pem,
            "mongodb.pem": lambda: self._authority().certify((mongodb_host, *NEARBY)),
            "rabbitmq.pem": lambda: self._authority().certify((rabbitmq_host, *NEARBY)),
            "gateway.pem": lambda: self._authority().certify((*self._places.gateway, *NEARBY)),
            "mongodb.keyfile": lambda: (
                secrets.token_urlsafe(KEYFILE_BYTES).replace("-", "+").replace("_", "/").encode()
            ),
            "message.key": lambda: _password().encode(),
            "cursor.key": lambda: _password().encode(),
            ADMIN_MONGODB_URL: lambda: self._mongodb_url(ADMIN),
            ADMIN_MANAGEMENT_URL: lambda: self._management_url(ADMIN),
            "rabbitmq_admin.json": lambda: administrator_definitions(self.read(ADMIN_MANAGEMENT_URL)),
            **{mongodb_file(account): lambda name=account.name: self._mongodb_url(name) for account in ACCOUNTS},
            **{amqp_file(account): lambda name=account.name: self._amqp_url(name) for account in with_amqp},
            **{management_file(account): lambda name=account.name: self._watching_url(name) for account in watching},
        }

    def _authority(self) -> Authority:
        try:
            return Authority.read((self.path / "ca.pem").read_bytes())
        except (OSError, ValueError) as error:
            raise StackError(f"{self.path / 'ca.pem'} is no key and certificate of ours: {error}") from error

    def _mongodb_url(self, name: str) -> bytes:
        known_by = "authSource=admin&authMechanism=SCRAM-SHA-256"
        options = f"replicaSet={REPLICA_SET}&tls=true&tlsCAFile={self._places.ca}&{known_by}"
        return f"mongodb://{name}:{_password()}@{self._places.mongodb}/?{options}".encode()

    def _amqp_url(self, name: str) -> bytes:
        return f"amqps://{name}:{_password()}@{self._places.amqp}/?cafile={self._places.ca}".encode()

    def _management_url(self, name: str) -> bytes:
        return f"https://{name}:{_password()}@{self._places.management}".encode()

    def _watching_url(self, name: str) -> bytes:
        return self._management_url(name) + f"/?cafile={self._places.ca}".encode()

    def _write(self, name: str, content: Callable[[], bytes]) -> bool:
        """Under its name it is there as a whole or not at all."""
        path, draft = self.path / name, self.path / f".{name}.draft"
        if path.exists():
            return False
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OURS_ALONE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content())
        draft.chmod(OURS_ALONE if name == "ca.pem" else READ_BY_CONTAINERS)
        draft.rename(path)
        return True


def _password() -> str:
    """Nothing in it needs to be escaped in an address."""
    return secrets.token_urlsafe(PASSWORD_BYTES)
