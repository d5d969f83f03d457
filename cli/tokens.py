"""`cqrs token issue`: a token for a stack of one's own."""

from typing import Annotated

import typer

from cli.data import Data
from common.access.actors import Role
from common.config import Settings
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER, DataFolder
from stack.tokens import issue

MINUTES = 60
MOST_MINUTES = 7 * 24 * 60


def issue_token(
    *,
    role: Annotated[Role, typer.Option(help="customer, support, warehouse or admin.")],
    user: Annotated[int | None, typer.Option(min=1, max=2**53 - 1, help="The user_id of a customer.")] = None,
    name: Annotated[str | None, typer.Option(help="What the log says of who did it; else made of the role.")] = None,
    minutes: Annotated[int, typer.Option(min=1, max=MOST_MINUTES, help="How long it is good for.")] = MINUTES,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Print a token, signed with the development key of the data folder; for `cqrs up --auth`."""
    if role is Role.SYSTEM:
        raise StackError("the system itself needs no token; take customer, support, warehouse or admin")
    if role is Role.CUSTOMER and user is None:
        raise StackError("a customer is some user: add --user and a number")
    folder = DataFolder(data)
    folder.create()
    said = name or (f"{role}:{user}" if user else str(role))
    typer.echo(issue(folder, Settings(), role=role, name=said, user_id=user, seconds=60.0 * minutes))
