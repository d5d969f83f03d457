"""Queries about the past over HTTP: a few at once, each within its time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.access.routes import Handler
from common.errors import Unavailable
from common.mongo import reaching
from common.paging import allow_only
from common.primary import Primary
from common.web import json_response
from query_service.answers import Answer
from query_service.past.asking import AS_OF, Past, PastQuery, position_of, read_as_of

ANSWER_SECONDS = 4.0  # less than the gateway waits
AT_ONCE = 4  # who asks for the views is not to wait for those who look back


class LookingBack:
    """What all queries about the past share in one process."""

    def __init__(
        self,
        views: AsyncDatabase,
        of_views: Primary,
        events: AsyncDatabase,
        of_log: Primary,
        *,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._views, self._of_views = views, of_views
        self._events, self._of_log = events, of_log
        self._seconds = seconds
        self._room = asyncio.Semaphore(AT_ONCE)

    def handler(self, query: PastQuery, parameters: Sequence[str]) -> Handler:
        async def handle(http: web.Request) -> web.Response:
            allow_only(http.query, *parameters)
            as_of = read_as_of(http.query[AS_OF.name])
            with reaching("The log or the views cannot be reached; ask again in a moment."):
                async with self._in_time():
                    position = await self._of_log.steadily(lambda: position_of(as_of, self._events))
                    answer = await self._answer(http, query, Past(position, self._events, self._views))
            headers = {"As-Of-Position": str(position)} | ({"Projection-State": "parked"} if answer.is_parked else {})
            return json_response(answer.content, headers=headers)

        return handle

    async def _answer(self, http: web.Request, query: PastQuery, past: Past) -> Answer:
        return await self._of_log.steadily(lambda: self._of_views.steadily(lambda: query(http, past)))

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Have a place until the time is up: Unavailable then."""
        has_place = False
        try:
            async with asyncio.timeout(self._seconds), self._room:
                has_place = True
                yield
        except TimeoutError as error:
            raise (self._too_far() if has_place else _too_many()) from error

    def _too_far(self) -> Unavailable:
        return Unavailable(
            f"Too much has changed to look back so far within {self._seconds:g} seconds: "
            "ask as of a position nearer to the head of the log, or nearer to its beginning.",
            code="past_too_far",
            retry_after_seconds=60,
        )


def _too_many() -> Unavailable:
    return Unavailable("More look back than this service has room for; ask again in a moment.", code="overloaded")
