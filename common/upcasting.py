"""How the data of an older schema of an event becomes the data of the next one."""

from collections.abc import Callable, Mapping
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

_OVERDUE = "The payment did not come in time."  # what the saga wrote, and a code says since


def _payment_requested_1(data: dict[str, Any]) -> dict[str, Any]:
    """By card was left unsaid."""
    return {**data, "method": data.get("method", "card")}


def _order_cancelled_1(data: dict[str, Any]) -> dict[str, Any]:
    """The saga cancelled in words of its own, everybody else because somebody asked for it."""
    return {**data, "code": "payment_overdue" if data.get("reason") == _OVERDUE else "requested"}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    ("PaymentRequested", 1): _payment_requested_1,
    ("OrderCancelled", 1): _order_cancelled_1,
}
"""(event type, schema) → the function that makes schema + 1 of it, and leaves what it was given as it was."""


def upcast(
    event_type: str, schema: int, data: dict[str, Any], upcasters: Mapping[tuple[str, int], Upcaster]
) -> tuple[int, dict[str, Any]]:
    """Apply every upcaster that fits, oldest first; return the schema reached and its data."""
    while step := upcasters.get((event_type, schema)):
        schema, data = schema + 1, step(data)
    return schema, data
