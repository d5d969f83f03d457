"""Tables of a run of any kind: on the terminal, as Markdown for the README, and as JSON with what is behind them."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson
import rich.table
from rich.console import Console

from bench.goals import Verdict
from bench.machine import Machine

FOLDER = Path(__file__).parent / "results"
NOT_MEASURED = "—"
BUSY = 0.7  # load average
MARKS = {True: "reached", False: "missed", None: "not measured"}
STYLES = {"reached": "green", "missed": "bold red", "not measured": "dim"}

Row = tuple[str, str, str]  # what, figure, remark


class Table(NamedTuple):
    title: str
    header: Row
    rows: list[Row]


class Run(Protocol):
    """What every kind of run says of itself; a dataclass."""

    measured_at: str
    machine: Machine
    versions: dict[str, str]
    failures: dict[str, str]  # part → why it could not be measured
    seconds: float


def print_tables(run: Run, tables: Iterable[Table], console: Console) -> None:
    for title, header, rows in tables:
        table = rich.table.Table(title=title, title_justify="left", header_style="bold")
        for number, name in enumerate(header):
            table.add_column(name, justify="right" if number == 1 else "left")
        for row in rows:
            table.add_row(*row, style=_style(row))
        console.print(table)
    if run.machine.load_before > BUSY:
        console.print(
            f"The machine was busy before the start (load average {run.machine.load_before}): do not trust this.",
            style="bold red",
        )
    for part, why in run.failures.items():
        console.print(f"{part} could not be measured: {why}", style="bold red", markup=False, highlight=False)


def write_tables(name: str, run: Run, tables: Iterable[Table], verdicts: Iterable[Verdict]) -> Path:
    """Write `name`.json and `name`.md into the results folder; return the JSON's path."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.md").write_text(_markdown(run, tables), encoding="utf-8")
    path = FOLDER / f"{name}.json"
    document = asdict(run) | {"goals": [asdict(verdict) for verdict in verdicts]}  # pyright: ignore[reportArgumentType]
    path.write_bytes(orjson.dumps(_rounded(document), option=orjson.OPT_INDENT_2) + b"\n")
    return path


def goals_table(verdicts: Iterable[Verdict]) -> Table:
    return Table("Goals", ("ratio of this run", "measured", "goal"), [_verdict(verdict) for verdict in verdicts])


def _markdown(run: Run, tables: Iterable[Table]) -> str:
    machine, versions = run.machine, run.versions
    lines = [
        f"Measured {run.measured_at[:10]} in one run of {run.seconds / 60:.0f} min, everything on one machine: "
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gib:.0f} GiB, {machine.system}, {machine.kernel}, "
        f"fsync of 4 KiB {machine.fsync_ms} ms; "
        f"Python {versions['python']}, MongoDB {versions['mongodb']}, RabbitMQ {versions['rabbitmq']}.",
        "",
    ]
    for title, header, rows in tables:
        lines += [f"**{title}**", "", "| " + " | ".join(header) + " |", "|---|---:|---|"]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
        lines.append("")
    lines += [f"{part} could not be measured: {why}\n" for part, why in run.failures.items()]
    return "\n".join(lines)


def _verdict(verdict: Verdict) -> Row:
    sign = "≤" if verdict.at_most else "≥"
    goal = f"{sign} {verdict.wanted:,g} {verdict.unit}, {MARKS[verdict.reached]}"
    if verdict.measured is None:
        return verdict.name, NOT_MEASURED, goal
    digits = 2 if verdict.unit == "×" else 0 if verdict.measured >= 100 else 1
    return verdict.name, f"{verdict.measured:,.{digits}f} {verdict.unit}", goal


def _style(row: Row) -> str | None:
    return next((style for mark, style in STYLES.items() if row[2].endswith(f", {mark}")), None)


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, 3)
        case dict():
            return {key: _rounded(item) for key, item in value.items()}
        case list() | tuple():
            return [_rounded(item) for item in value]
    return value
