"""Options that many commands have."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path, typer.Option("--data", envvar="CQRS_DATA", help="The folder for the databases and logs of the stack.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Address = Annotated[
    str, typer.Option("--gateway", envvar="CQRS_GATEWAY", help="The gateway's URL; else that of the running stack.")
]
Limit = Annotated[int, typer.Option(min=1, max=100, help="How many at once.")]
Cursor = Annotated[str | None, typer.Option(help="Where the page before ended, as it said.")]
