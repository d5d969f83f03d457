"""What the user sees when the stack is ready."""

import re

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from stack.rabbitmq import PASSWORD, USER
from stack.run import Ready

PASSWORD_IN_URL = re.compile(r"(?<=://)([^:/@]+):[^@/]+@")
OUR_LOGIN = f"{USER}:{PASSWORD}@"  # no secret


def box(ready: Ready, *, is_detached: bool = False) -> Panel:
    """The addresses, what to know, and how to stop it."""
    lines = Table.grid(padding=(0, 2))
    for name, url in _addresses(ready.addresses):
        lines.add_row(Text(name, style="bold"), url)
    notes = [Text(f"! {note}", style="yellow") for note in ready.notes]
    stop = "Stop it with `cqrs down`." if is_detached else "Stop it with Ctrl-C or `cqrs down`."
    return Panel(
        Group(lines, "", *notes, Text(stop)),
        title=f"Leveret is ready ({ready.seconds:.1f} s) - for development only",
        subtitle=f"data and logs: {ready.data}",
        expand=False,
        highlight=False,
    )


def _addresses(urls: dict[str, str | None]) -> list[tuple[str, str]]:
    rows = [
        ("Gateway", f"{urls['gateway']}/cqrs"),
        ("Console", f"{urls['gateway']}/console/"),
        ("Commands", urls["command"]),
        ("Queries", urls["query"]),
        ("Payment provider", urls["payments"]),
        ("MongoDB", urls["mongodb"]),
        ("RabbitMQ", urls["amqp"] or "none"),
        ("RabbitMQ's pages", f"{urls['management']}  ({USER} / {PASSWORD})" if urls["management"] else None),
    ]
    return [(name, _without_secret(url)) for name, url in rows if url]


def _without_secret(url: str) -> str:
    return url if OUR_LOGIN in url else PASSWORD_IN_URL.sub(r"\1:***@", url)
