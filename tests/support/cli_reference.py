"""docs/cli.md, made of the commands themselves: `python -m tests.support.cli_reference` writes it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.__main__ import application
from cli.lazy import Named
from tests.support.system import ROOT

PAGE = ROOT / "docs/cli.md"
HEAD = """# The command cqrs

Every command with its arguments and options, as the commands themselves tell them (`cqrs COMMAND --help`).
`.venv/bin/python -m tests.support.cli_reference` writes this page, and a test compares it. What they are for is told in
[Operations](operations.md), [Read models](projections.md) and [Security](security.md).

A refusal is one sentence on stderr and exit code 1. `--json` is for programs.
"""

_VALUES = {str: "TEXT", int: "NUMBER", float: "NUMBER", Path: "PATH", list[str]: "TEXT ..."}
Command = tuple[str, Any]
"""`events tail`, and the command itself."""


def all_commands() -> Iterator[Command]:
    """In the order in which `cqrs --help` shows them."""
    yield from _commands_of("", application())


def _commands_of(before: str, group: Any) -> Iterator[Command]:
    for name, command in group.commands.items():
        if isinstance(command, Named):
            yield before + name, command.loaded()
        else:
            yield from _commands_of(f"{before}{name} ", command)


def make_page() -> str:
    return HEAD + "".join(_section(name, command) for name, command in all_commands())


def _section(name: str, command: Any) -> str:
    arguments = " ".join(_argument(each) for each in command.params if each.param_type_name == "argument")
    rows = [_row(each) for each in command.params if each.param_type_name == "option" and not each.hidden]
    table = ["", "| option | default | |", "|---|---|---|", *rows] if rows else []
    title = f"## cqrs {name}"
    lines = [
        "",
        title,
        "",
        _one_line(command.help),
        *([f"\nArguments: `{arguments}`"] if arguments else []),
        *table,
        "",
    ]
    return "\n".join(lines)


def _argument(argument: Any) -> str:
    name = (argument.metavar or argument.name).upper()
    return name if argument.required else f"[{name}]"


def _row(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" {option.metavar or _value(option.type_descriptor)}".replace("|", " or ")
    return f"| {names}{value} | {_default(option)} | {_one_line(option.help)} |"


def _value(kind: Any) -> str:
    return "|".join(kind.choices) if kind.is_choice else _VALUES[kind.annotation]


def _default(option: Any) -> str:
    if option.required:
        return "needed"
    return "" if option.is_flag or option.default in (None, "", ()) else f"`{option.default}`"


def _one_line(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip().replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(make_page())
