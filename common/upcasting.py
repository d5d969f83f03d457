"""How the data of an older schema of an event becomes the data of the next one."""

from collections.abc import Callable, Mapping
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Mapping[tuple[str, int], Upcaster] = {}
"""(event type, schema) → the function that makes schema + 1 of it."""


def upcast(
    event_type: str, schema: int, data: dict[str, Any], upcasters: Mapping[tuple[str, int], Upcaster]
) -> tuple[int, dict[str, Any]]:
    """Apply every upcaster that fits, oldest first; return the schema reached and its data."""
    while step := upcasters.get((event_type, schema)):
        schema, data = schema + 1, step(data)
    return schema, data
