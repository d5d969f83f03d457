"""What `cqrs projections parked`, `inspect`, `retry` and `skip` show."""

from collections.abc import Mapping, Sequence

import orjson
from rich.console import Console

from cli.tables import plain_table
from projector.requests.shown import DecidedSkip, InspectedDocument, ParkedDocument, ParkedError

NOTHING = "nothing is parked"


def show_parked(rows: Sequence[ParkedDocument], count: int) -> None:
    """Two lines each: keys are long, and nothing of them may be cut."""
    console = _console()
    for row in rows:
        console.print(f"{row['projection']} {row['key']}  {row['code']} at position {row['position']}, {_good(row)}")
        console.print(f"    {row['detail']}", markup=False)
    if not rows:
        console.print(NOTHING)
    elif count > len(rows):
        console.print(f"and {count - len(rows):,} more; --by-error counts what is the same")


def show_errors(errors: Sequence[ParkedError]) -> None:
    if not errors:
        return _console().print(NOTHING)
    table = plain_table("projection", "count", "since", "error", "for example")
    for error in errors:
        what = f"{error['code']}: {error['detail']}"
        table.add_row(
            *(error["projection"], f"{error['count']:,}", f"{error['first_position']:,}", what),
            str(error["example_key"]),
        )
    return Console(highlight=False, markup=False).print(table)


def show_skips(skips: Sequence[DecidedSkip]) -> None:
    console = _console()
    for skip in skips:
        console.print(f"{skip['projection']} {skip['key']}  position {skip['position']}, {skip['code']}", markup=False)
        console.print(f"    {skip['reason']} ({skip['actor']}, {skip['at']:%Y-%m-%d %H:%M:%S} UTC)", markup=False)
    if not skips:
        console.print("nothing is skipped")


def show_inspected(told: InspectedDocument) -> None:
    console, row = _console(), told["document"]
    console.print(f"{row['projection']} {row['key']}: {row['code']} at position {row['position']}", style="bold")
    console.print(row["detail"], markup=False)
    console.print(f"until then {_good(row)}")
    if commit := told["commit"]:
        at = f"{commit['recorded_at']:%Y-%m-%d %H:%M:%S} UTC"
        console.print(f"the commit: {commit['stream']} version {commit['version']}, {at}, by {commit['actor']}")
        for event in commit["events"]:
            data = orjson.dumps(event["data"], option=orjson.OPT_UTC_Z).decode()
            console.print(f"    {event['event']} (schema {event['schema']}) {data}", markup=False)
    else:
        console.print("the log has no commit of it there")
    console.print(f"waiting behind it: {told['waiting_commits']:,}")
    for waiting in told["waiting"]:
        console.print(f"    {waiting['position']} {waiting['stream']} {', '.join(waiting['events'])}", markup=False)
    if told["skips"]:
        console.print("skipped before:")
        show_skips(told["skips"])


def show_verdict(moving: int, still: Mapping[str, int]) -> None:
    """`still` is code → how many."""
    why = ", ".join(f"{count:,} {code}" for code, count in sorted(still.items()))
    moves = f"{moving:,} {'moves' if moving == 1 else 'move'} again"
    _console().print(f"{moves}, {sum(still.values()):,} still parked{why and f': {why}'}", style="bold", markup=False)


def _good(row: ParkedDocument) -> str:
    return f"version {row['version']} is shown" if row["version"] else "nothing of it is shown"


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
