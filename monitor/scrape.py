"""What one look brings together before it is made a sample: numbers of every process, positions, queues."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.numbers import Numbers
from monitor.shown import Queue

Processes = Mapping[str, Numbers | None]
"""Address → what it counts; None where it does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """`taken_at` is of a clock that only moves on, in seconds.

    `written` and `read` are what the processes of the two sides say of positions. `queues` is None where RabbitMQ
    does not tell, and `asks_broker` says whether it was asked.
    """

    taken_at: float
    services: Mapping[str, Processes]
    written: Sequence[Mapping[str, Any]] = ()
    read: Sequence[Mapping[str, Any]] = ()
    queues: Sequence[Queue] | None = None
    asks_broker: bool = True

    def numbers(self, service: str) -> list[Numbers]:
        """Of the processes that answered."""
        return [numbers for numbers in self.services.get(service, {}).values() if numbers is not None]
