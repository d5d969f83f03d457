"""The `cqrs` command: its subcommands, and how it says no."""

import sys
from collections.abc import Callable

import typer
from rich.console import Console

from cli.errors import ImportFailed
from cli.events import republish_events
from cli.imports import import_file
from cli.log import verify_log
from cli.migrate import migrate
from cli.parked import inspect, parked
from cli.partitions import partitions
from cli.process import kill, start
from cli.projections import drop, list_projections, rebuild, rollback
from cli.reset import reset
from cli.retrying import retry, skip
from cli.sagas import retry as retry_saga
from cli.sagas import show as show_sagas
from cli.secrets import apply_accounts, make_secrets
from cli.snapshot import snapshot
from cli.stack import down, status, up
from cli.state import show_state
from cli.tokens import issue_token
from cli.verification import verify_projections
from stack.errors import StackError

COMMANDS: dict[str, Callable[..., None]] = {
    "up": up,
    "down": down,
    "status": status,
    "import": import_file,
    "partitions": partitions,
    "snapshot": snapshot,
    "migrate": migrate,
    "state": show_state,
}
GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "process": ("Kill and start single processes of the running stack.", {"kill": kill, "start": start}),
    "projections": (
        "Look after the read models: build them anew, compare them with the log, let go on what stands still.",
        {
            "list": list_projections,
            "rebuild": rebuild,
            "rollback": rollback,
            "drop": drop,
            "verify": verify_projections,
            "parked": parked,
            "inspect": inspect,
            "retry": retry,
            "skip": skip,
            "reset": reset,
        },
    ),
    "events": ("Tell what happened again, to other teams.", {"republish": republish_events}),
    "log": ("Look at the log itself.", {"verify": verify_log}),
    "secrets": ("Make what docker-compose.secure.yml keeps secret.", {"make": make_secrets}),
    "accounts": ("Say what each service may do in MongoDB and RabbitMQ.", {"apply": apply_accounts}),
    "token": ("Sign in to a stack of your own.", {"issue": issue_token}),
    "sagas": (
        "Look after what follows from orders: find what stands still, and let it go on.",
        {"list": show_sagas, "retry": retry_saga},
    ),
}


def main() -> None:
    """A refusal is one sentence and exit code 1; a traceback is a bug."""
    try:
        application()()
    except (StackError, ImportFailed) as error:
        _refuse(str(error))
    except OSError as error:  # a full disk, a folder without rights
        _refuse(f"{error.filename or 'the stack'}: {error.strerror or error}")


def application() -> typer.Typer:
    app = _group("An order system on CQRS and event sourcing.", COMMANDS)
    for name, (text, commands) in GROUPS.items():
        app.add_typer(_group(text, commands), name=name)
    return app


def _group(text: str, commands: dict[str, Callable[..., None]]) -> typer.Typer:
    app = typer.Typer(help=text, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    for name, command in commands.items():
        app.command(name)(command)
    return app


def _refuse(sentence: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"cqrs: {sentence}", style="red", markup=False)
    sys.exit(1)


if __name__ == "__main__":
    main()
