"""What the query service knows of the checkpoints never goes back, however late an answer comes."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from common.primary import Primary
from query_service.freshness import Freshness
from tests.support.elections import Elections

SOON_SECONDS = 0.1


class LateDatabase:
    """The checkpoint moves on with every look at it, and the first answer comes when it is told to."""

    def __init__(self) -> None:
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self._position = 0

    async def command(self, _: Any) -> dict[str, Any]:
        self._position += 1
        position = self._position
        self.was_asked.set()
        if position == 1:
            await self.may_answer.wait()
        return {"cursor": {"firstBatch": [{"partition": 0, "position": position, "rev": position, "partitions": 1}]}}

    def __getitem__(self, _: str) -> Any:
        return SimpleNamespace(find=lambda *_: SimpleNamespace(to_list=_nothing), find_one=_none)


async def _none(*_: Any, **__: Any) -> None:
    return None


def a_freshness(database: LateDatabase) -> Freshness:
    return Freshness(cast(Any, database), Primary(cast(Any, Elections())), fresh_seconds=0)


async def test_a_late_answer_does_not_replace_a_newer_one() -> None:
    database = LateDatabase()
    known = a_freshness(database)
    first = asyncio.create_task(known.current())
    await database.was_asked.wait()
    second = asyncio.create_task(known.current())
    await asyncio.wait((second,), timeout=SOON_SECONDS)
    assert not second.done()
    database.may_answer.set()
    shown_first, shown_second = (await first).position, (await second).position
    assert shown_first < shown_second < (await known.current()).position


async def test_two_query_services_do_not_contradict_each_other() -> None:
    database = LateDatabase()
    database.may_answer.set()
    services = [a_freshness(database) for _ in range(2)]
    shown = [(await service.current()).position for service in services * 3]
    assert shown == sorted(shown)


async def _nothing() -> list[Any]:
    return []
