"""`cqrs token issue`: a token for a stack of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from cli.data import read_settings
from cli.options import Data
from common.access.actors import Role
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER, DataFolder
from stack.secret_folder import SecretFolder
from stack.tokens import HasKeys, issue

MINUTES = 60
MOST_MINUTES = 7 * 24 * 60


def issue_token(
    *,
    role: Annotated[Role, typer.Option(help="customer, support, warehouse or admin.")],
    user: Annotated[int | None, typer.Option(min=1, max=2**53 - 1, help="The user_id of a customer.")] = None,
    name: Annotated[str | None, typer.Option(help="What the log says of who did it; else made of the role.")] = None,
    minutes: Annotated[int, typer.Option(min=1, max=MOST_MINUTES, help="How long it is good for.")] = MINUTES,
    secrets: Annotated[Path | None, typer.Option(help="Sign with the key of this folder of secrets instead.")] = None,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Print a token, signed with the development key of the data folder; for `cqrs up --auth`."""
    if role is Role.SYSTEM:
        raise StackError("the system itself needs no token; take customer, support, warehouse or admin")
    if role is Role.CUSTOMER and user is None:
        raise StackError("a customer is some user: add --user and a number")
    folder = _secret_keys(secrets) if secrets else _stack_keys(data)
    said = name or (f"{role}:{user}" if user else str(role))
    typer.echo(issue(folder, read_settings(), role=role, name=said, user_id=user, seconds=60.0 * minutes))


def _stack_keys(data: Path) -> HasKeys:
    folder = DataFolder(data)
    folder.create()
    return folder


def _secret_keys(path: Path) -> HasKeys:
    """Where the key is gone, no other is made: the JWKS may be an issuer's own."""
    folder = SecretFolder(path)
    if not (folder.auth / "private.pem").exists():
        raise StackError(f"{folder.auth / 'private.pem'} is missing: the tokens are somebody else's to issue")
    return folder
