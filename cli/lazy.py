"""Commands that are imported when they are called: help and a wrong name cost none of what they need."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Self

import typer
from typer.core import TyperCommand, TyperGroup

Row = tuple[str, str]
"""Where the command is, as `module:function`, and its help in one line."""


class Named(TyperCommand):
    """A command that is known by its row alone."""

    def __init__(self, name: str, place: str, text: str) -> None:
        super().__init__(name, help=text)
        self._place = place

    def loaded(self) -> Any:
        """The command itself, with its options."""
        module, _, function = self._place.partition(":")
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command(self.name)(getattr(import_module(module), function))
        return typer.main.get_command(app)


class LazyGroup(TyperGroup):
    """Its help shows the rows; only the command that is called is loaded."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.loaded() if isinstance(command, Named) else command, rest

    @classmethod
    def of(cls, name: str, text: str, rows: Mapping[str, Row]) -> Self:
        return cls(name=name, help=text, commands=named(rows), no_args_is_help=True)


def named(rows: Mapping[str, Row]) -> dict[str, Any]:
    return {name: Named(name, place, text) for name, (place, text) in rows.items()}
