"""A replica set as seen by its client: whoever is newly elected knows nothing until it is asked for all."""

from types import SimpleNamespace
from typing import Any


class Elections:
    """Stands for a collection. `read` answers what the primary knows; its database takes linearizable reads."""

    name = "checkpoints"

    def __init__(self, *, has_elections: bool = True) -> None:
        self.elections = 1
        self.linearizable = 0
        self.elect_when_asked = 0  # so many times
        self._has_elections = has_elections
        self._acknowledged = self._known = 0

    @property
    def database(self) -> Any:
        return SimpleNamespace(client=self, command=self._command)

    @property
    def topology_description(self) -> Any:
        return SimpleNamespace(max_election_id=self.elections if self._has_elections else None)

    def acknowledge(self, number: int) -> None:
        self._acknowledged = self._known = number

    def elect(self) -> None:
        self.elections += 1
        self._known = 0

    async def read(self) -> int:
        return self._known

    async def _command(self, command: dict[str, Any]) -> None:
        assert command["readConcern"] == {"level": "linearizable"}
        self.linearizable += 1
        self._known = self._acknowledged
        if self.elect_when_asked:
            self.elect_when_asked -= 1
            self.elect()
