"""What a run needs of the world it runs in, on single servers or on clusters."""

from typing import Any, Protocol

import aiohttp
from pymongo.asynchronous.database import AsyncDatabase

from tests.chaos.diary import Diary
from tests.chaos.load import Load
from tests.support.system import System


class Stage(Protocol):
    system: System
    load: Load
    diary: Diary
    http: aiohttp.ClientSession
    payment_seconds: float  # so long a validated order waits for its payment
    deaths: list[str]  # who fell without being killed

    @property
    def events(self) -> AsyncDatabase[dict[str, Any]]: ...

    @property
    def views(self) -> AsyncDatabase[dict[str, Any]]: ...

    def mend(self) -> None:
        """Everybody reaches everybody, and nobody is frozen."""
        ...

    async def revive(self) -> None:
        """Start again whoever has fallen and was left lying, as a supervisor would."""
        ...
