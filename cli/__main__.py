"""The `cqrs` command: its subcommands, and how it says no."""

import sys
from typing import Annotated, Any

import typer

from cli.errors import ImportFailed
from cli.lazy import LazyGroup, named
from cli.table import COMMANDS, GROUPS, PANELS
from common.version import VERSION
from stack.errors import StackError


def main() -> None:
    """A refusal is one sentence and exit code 1; a traceback is a bug."""
    try:
        application()()
    except (StackError, ImportFailed) as error:
        _refuse(str(error))
    except OSError as error:  # a full disk, a folder without rights
        _refuse(f"{error.filename or 'the stack'}: {error.strerror or error}")


def application() -> LazyGroup:
    app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False)
    app.callback()(_about)
    group = typer.main.get_command(app)
    assert isinstance(group, LazyGroup)
    commands = named(COMMANDS) | {name: LazyGroup.of(name, text, rows) for name, (text, rows) in GROUPS.items()}
    for panel, names in PANELS.items():
        for name in names:
            command: Any = commands.pop(name)
            command.rich_help_panel = panel
            group.commands[name] = command
    assert not commands, f"in no panel: {', '.join(commands)}"
    return group


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"leveret {VERSION}")
        raise typer.Exit


def _about(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Tell name and version, no more.")
    ] = False,
) -> None:
    """An order system on CQRS and event sourcing."""


def _refuse(sentence: str) -> None:
    from rich.console import Console  # who is not refused needs none

    Console(stderr=True, highlight=False, soft_wrap=True).print(f"cqrs: {sentence}", style="red", markup=False)
    sys.exit(1)


if __name__ == "__main__":
    main()
