"""What `cqrs sagas list` and `show` print."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import typer

from cli.tables import instant, plain_table, print_table

Saga = Mapping[str, Any]
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600


def print_sagas(sagas: Iterable[Saga]) -> None:
    table = plain_table("saga", "id", "state", "step", "tries", "age", "why")
    for saga in sagas:
        cells = (saga["saga"], saga["id"], saga["state"], saga["step"] or "", str(saga["attempts"]))
        table.add_row(*cells, age(saga["age_seconds"]), why(saga))
    print_table(table)


def print_saga(saga: Saga) -> None:
    table = plain_table("command", "outcome", "tries", "at (UTC)", "takes back", "detail")
    for step in saga["steps"]:
        cells = (
            step["command"],
            step["code"] or step["outcome"],
            str(step["attempts"]),
            instant(step["at"]),
            "yes" if step["is_compensation"] else "",
        )
        table.add_row(*cells, step["detail"] or "")
    print_table(table)
    typer.echo(f"{saga['saga']} {saga['id']}: {saga['state']} after {age(saga['age_seconds'])}{_because(why(saga))}")


def verdict(page: Mapping[str, Any], state: str | None) -> str:
    sagas, cursor = page["data"], page["next_cursor"]
    if not sagas:
        return f"no saga is {state}" if state else "there are no sagas"
    states = ", ".join(f"{count:,} {state}" for state, count in Counter(saga["state"] for saga in sagas).items())
    return f"{states}{f'; the same with --cursor {cursor} shows more' if cursor else ', and no more'}"


def why(saga: Saga) -> str:
    if saga["trouble"]:
        return saga["trouble"]
    return f"waits for {saga['waits_for']}" if saga["waits_for"] else ""


def age(seconds: int) -> str:
    """In the largest unit of which there are two."""
    for unit, word in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {word}"
    return f"{seconds} s"


def _because(reason: str) -> str:
    return f"; {reason}" if reason else ""
