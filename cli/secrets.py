"""`cqrs secrets make` and `cqrs accounts apply`: what docker-compose.secure.yml needs before its services start."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.data import read_settings
from common.errors import LeveretError
from stack.accounts import ACCOUNTS
from stack.errors import StackError
from stack.mongodb_accounts import apply_to_mongodb
from stack.rabbitmq_accounts import apply_to_rabbitmq
from stack.secret_folder import (
    ADMIN_MANAGEMENT_URL,
    ADMIN_MONGODB_URL,
    Places,
    SecretFolder,
    broker_file,
    mongodb_file,
)

PATIENCE_SECONDS = 120.0  # for servers that have just been started


def make_secrets(
    *,
    into: Annotated[Path, typer.Option(help="The folder; what is in it stays.")] = Path("secrets"),
    host: Annotated[list[str] | None, typer.Option(help="A name that clients know the gateway by; repeatable.")] = None,
) -> None:
    """Make a CA, certificates, passwords and keys for docker-compose.secure.yml."""
    places = Places()
    made = SecretFolder(into, Places(gateway=(*(host or ()), *places.gateway))).make()
    Console(highlight=False, soft_wrap=True).print("\n".join(made) if made else "nothing was missing")


def apply_accounts(
    *,
    secrets: Annotated[Path, typer.Option(help="The folder with the administrators' and the accounts' addresses.")],
    ca: Annotated[Path | None, typer.Option(help="The CA of RabbitMQ's management; else ca.crt of the folder.")] = None,
) -> None:
    """Give MongoDB and RabbitMQ a user for each service, who may do what the table says; run again after a change."""
    try:
        asyncio.run(_apply(SecretFolder(secrets), ca or secrets / "ca.crt"))
    except LeveretError as error:
        raise StackError(error.detail) from error
    Console(highlight=False).print(f"{len(ACCOUNTS)} accounts are as the table says")


async def _apply(folder: SecretFolder, ca: Path) -> None:
    mongodb_urls = {account.name: folder.read(mongodb_file(account)) for account in ACCOUNTS}
    broker_urls = {account.name: folder.read(file) for account in ACCOUNTS if (file := broker_file(account))}
    await apply_to_mongodb(
        folder.read(ADMIN_MONGODB_URL), mongodb_urls, ACCOUNTS, read_settings(), patience_seconds=PATIENCE_SECONDS
    )
    await apply_to_rabbitmq(
        folder.read(ADMIN_MANAGEMENT_URL), str(ca), broker_urls, ACCOUNTS, patience_seconds=PATIENCE_SECONDS
    )
