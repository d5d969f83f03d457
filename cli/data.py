"""The option `--data`, the same for every command."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path, typer.Option("--data", envvar="CQRS_DATA", help="The folder for the databases and logs of the stack.")
]
