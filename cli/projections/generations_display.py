"""What `cqrs projections` shows: a table, a bar, and what came of it in one line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cli.tables import plain_table
from projector.generations.shown import Generation, Projection

SHOWN_EXAMPLES = 5


def show_projections(projections: list[Projection]) -> None:
    table = plain_table("projection", "generation", "state", "rules", "documents", "position", "lag", "parked")
    for of in projections:
        own = "" if of["rules"] == of["shown_rules"] else f" (this program: {of['rules']})"
        table.add_row(
            *(of["name"], of["shown"], "[green]shown[/]", f"{of['shown_rules']}{own}", f"{of['documents']:,}"),
            *(f"{of['position']:,}", "0", f"[red]{of['parked']}[/]" if of["parked"] else "0"),
        )
        for other in of["generations"]:
            table.add_row(
                *("", other["generation"], f"[yellow]{other['state']}[/]", str(other["rules"])),
                *(f"{other['documents']:,}" if other["documents"] else "", f"{other['position']:,}"),
                *(f"{other['lag']:,}", ""),
            )
    Console(highlight=False).print(table)


@contextmanager
def following(generation: str, *, is_quiet: bool) -> Iterator[Callable[[Generation], None]]:
    """A bar on stderr, so that what is printed may be kept."""
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[text]}")),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), disable=is_quiet, transient=True) as bars:
        bar = bars.add_task(generation, total=None, text="asked")

        def show(told: Generation) -> None:
            rate = f", {told['events_per_second']:,} events/s" if told["events_per_second"] else ""
            text = f"{told['state']}, {told['events']:,} events{rate}"
            bars.update(bar, total=told["total_commits"] or None, completed=told["commits"], text=text)

        yield show


def show_verdict(told: Generation) -> None:
    console = Console(highlight=False, soft_wrap=True)
    rate = f", {told['events_per_second']:,} events/s" if told["events_per_second"] else ""
    if told["events"]:
        console.print(f"{told['generation']}: {told['events']:,} events into {told['documents']:,} documents{rate}")
    difference = told["difference"]
    if difference and difference["is_none"]:
        console.print(f"identical: {difference['same']:,} documents and sums are as they were shown")
    elif difference:
        console.print(
            f"different: {difference['changed']:,} changed, {difference['missing']:,} missing, "
            f"{difference['extra']:,} extra, {difference['same']:,} the same"
        )
        for example in difference["examples"][:SHOWN_EXAMPLES]:
            fields = ", ".join(example["fields"][:SHOWN_EXAMPLES])
            console.print(f"    {example['what']} {example['collection']} {example['key']}: {fields}", markup=False)
    console.print(_outcome(told), style="bold")


def _outcome(told: Generation) -> str:
    name = told["generation"].partition("@")[0]
    match told["state"]:
        case "shown":
            return f"{told['generation']} is shown; `cqrs projections rollback {name}` shows the one before again"
        case "ready":
            return f"{told['generation']} is ready; `cqrs projections rollback {name}` shows it"
        case state:
            return f"{told['generation']} is {state}; `cqrs projections list` tells how it goes on"
