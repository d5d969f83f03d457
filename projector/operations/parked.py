"""Operations on parked documents: listed, grouped by error, looked at, retried, and skipped with a reason."""

from typing import Annotated, TypedDict

from aiohttp import web
from pydantic import Field, model_validator

from common.access.routes import actor_of
from common.contract.operations import Parameter
from common.paging import PAGING, Page, invalid_cursor, page, read_cursor, read_limit, write_cursor
from common.values import Code, Message, with_example
from projector.generations.known import model_called
from projector.operations.routes import OperationRoute, Views
from projector.requests.parked import Place, count_parked, key_called, models_called
from projector.requests.retrying import request_retries, request_retry
from projector.requests.shown import (
    DecidedSkip,
    InspectedDocument,
    ParkedDocument,
    ParkedErrors,
    all_parked,
    inspect,
    parked_errors,
    show_skip,
)
from projector.requests.skipping import Why, find_skips, request_skip
from projector.views import reaching_views

Projection = Annotated[str, Field(max_length=100)]
Key = Annotated[str, Field(max_length=100)] | int


class Retry(Message):
    """Which parked documents are folded again: one (`projection` and `key`), those of a projection, those with an
    error's `code`, or `all`."""

    model_config = with_example(code="unknown_schema")

    projection: Projection | None = None
    key: Key | None = None
    code: Code | None = None
    all: bool = False

    @model_validator(mode="after")
    def _says_which(self) -> "Retry":
        if self.key is not None and (self.projection is None or self.code is not None or self.all):
            raise ValueError("a key goes with its projection, and with nothing else")
        if self.all and self.code is not None:
            raise ValueError("all is more than those with a code")
        if not self.all and self.projection is None and self.code is None:
            raise ValueError("say which: projection, projection and key, code, or all")
        return self


class SkipCommit(Message):
    """Pass over the commit that parks this document, for this document alone and for good."""

    projection: Projection
    key: Key
    reason: Why


class Retried(TypedDict):
    """`documents` is how many are parked of what was asked for; they are folded again one after another."""

    documents: int


PROJECTION = Parameter("projection", {"type": "string", "examples": ["orders"]}, "Of this read model.")
CODE = Parameter("code", {"type": "string", "examples": ["unknown_schema"]}, "With this error.")


async def list_parked(views: Views, http: web.Request, _: object) -> Page[ParkedDocument]:
    """Read model by read model, those first that have stood still for longest."""
    limit, cursor = read_limit(http.query), read_cursor(http.query, (str, int, (str, int)))
    models = models_called(http.query.get("projection"))
    after = (model_called(cursor[0]), Place(*cursor[1:])) if cursor else None
    if after and after[0] not in models:
        raise invalid_cursor()
    with reaching_views():
        rows = await all_parked(views.database, models, limit + 1, after, code=http.query.get("code"))
    last = rows[limit - 1] if len(rows) > limit else None
    return page(rows[:limit], write_cursor([last["projection"], last["position"], last["key"]]) if last else None)


async def list_errors(views: Views, _: web.Request, __: object) -> ParkedErrors:
    """The most frequent first; `detail` is its first line."""
    with reaching_views():
        return {"data": await parked_errors(views.database)}


async def list_skips(views: Views, http: web.Request, _: object) -> Page[DecidedSkip]:
    """In the order of projections, keys and positions as texts."""
    limit, cursor = read_limit(http.query), read_cursor(http.query, (str,))
    with reaching_views():
        found = await find_skips(views.database, limit + 1, cursor[0] if cursor else "")
    following = write_cursor([found[limit - 1]["_id"]]) if len(found) > limit else None
    return page([show_skip(skip) for skip in found[:limit]], following)


async def get_parked(views: Views, http: web.Request, _: object) -> InspectedDocument:
    """The commit is shown as it is stored, but for what is personal."""
    model = model_called(http.match_info["projection"])
    key = key_called(model, http.match_info["key"])
    with reaching_views():
        return await inspect(views.database, views.log, model, key)


async def retry(views: Views, _: web.Request, wish: Retry) -> Retried:
    """Done soon, some hundred a second, while new commits go on; the list tells what is still parked."""
    models = models_called(wish.projection)
    with reaching_views():
        if wish.key is not None:
            await request_retry(views.database, models[0], key_called(models[0], str(wish.key)))
            return {"documents": 1}
        documents = sum([await count_parked(views.database, model, wish.code) for model in models])
        await request_retries(views.database, models, wish.code)
    return {"documents": documents}


async def skip(views: Views, http: web.Request, wish: SkipCommit) -> DecidedSkip:
    """No rebuild forgets it. What follows that commit may park the document again."""
    model = model_called(wish.projection)
    key, actor = key_called(model, str(wish.key)), actor_of(http).name
    with reaching_views():
        return show_skip(await request_skip(views.database, views.log, model, key, reason=wish.reason, actor=actor))


PARKED = (
    OperationRoute(
        "GET",
        "/ops/parked",
        "ListParked",
        "Documents that stand still",
        list_parked,
        Page[ParkedDocument],
        parameters=(PROJECTION, CODE, *PAGING),
        tag="parked",
    ),
    OperationRoute(
        "GET", "/ops/parked/errors", "ListParkedErrors", "By what is wrong", list_errors, ParkedErrors, tag="parked"
    ),
    OperationRoute(
        "GET",
        "/ops/parked/skips",
        "ListSkips",
        "What was decided to be skipped",
        list_skips,
        Page[DecidedSkip],
        parameters=PAGING,
        tag="parked",
    ),
    OperationRoute(
        "GET",
        "/ops/parked/{projection}/{key}",
        "GetParked",
        "One that stands still, and why",
        get_parked,
        InspectedDocument,
        problems=(409,),
        tag="parked",
    ),
    OperationRoute(
        "POST",
        "/ops/parked/retry",
        "RetryParked",
        "Fold them again from the log",
        retry,
        Retried,
        Retry,
        problems=(409,),
        tag="parked",
    ),
    OperationRoute(
        "POST",
        "/ops/parked/skip",
        "SkipCommit",
        "Pass over a commit",
        skip,
        DecidedSkip,
        SkipCommit,
        problems=(409,),
        tag="parked",
    ),
)
