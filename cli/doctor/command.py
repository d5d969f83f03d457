"""`cqrs doctor` as it is called, and as it is printed."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict

import typer
from rich.console import Console
from rich.text import Text

from cli.doctor.checks import examine
from cli.doctor.findings import Finding, Verdict
from cli.doctor.gathering import gather
from cli.options import AsJson, Data
from cli.tables import plain_table
from stack.folder import DEFAULT_FOLDER

COLOURS: Mapping[Verdict, str] = {"ok": "green", "unknown": "dim", "look": "yellow", "wrong": "red"}


def doctor(
    *,
    as_json: AsJson = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Tell what is wrong with an installation, and what to do; exit code 1 where something is. Changes nothing."""
    found = examine(asyncio.run(gather(data)))
    if as_json:
        checks = [{"name": name, **asdict(finding)} for name, finding in found.items()]
        typer.echo(json.dumps({"is_well": is_well(found), "verdict": verdict(found), "checks": checks}))
    else:
        _show(found)
    raise typer.Exit(0 if is_well(found) else 1)


def is_well(found: Mapping[str, Finding]) -> bool:
    return _count(found, "wrong") == 0


def verdict(found: Mapping[str, Finding]) -> str:
    wrong, to_look_at, unknown = (_count(found, of) for of in ("wrong", "look", "unknown"))
    said = {0: "nothing is wrong", 1: "one thing is wrong"}.get(wrong, f"{wrong} things are wrong")
    if to_look_at:
        said += {1: ", one wants a look"}.get(to_look_at, f", {to_look_at} want a look")
    return said + (f", {unknown} could not be told" if unknown else "") + f" ({len(found)} checks)"


def _count(found: Mapping[str, Finding], verdict: Verdict) -> int:
    return sum(finding.verdict == verdict for finding in found.values())


def _show(found: Mapping[str, Finding]) -> None:
    console = Console(highlight=False)
    table = plain_table("check", "", "what was found")
    for name, finding in found.items():
        told = Text(finding.sentence)
        if finding.advice:
            told.append(f"\n→ {finding.advice}", style="bold" if finding.verdict == "wrong" else "")
        table.add_row(name, Text(finding.verdict, style=COLOURS[finding.verdict]), told)
    console.print(table)
    console.print(verdict(found))
