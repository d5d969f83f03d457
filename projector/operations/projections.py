"""Operations on projections: listed, built anew beside what is shown, shown, dropped."""

from typing import TypedDict

from aiohttp import web

from common.errors import BadRequest, CommandRejected, NotFound
from common.values import Message, is_number_id
from projector.generations.known import ask_for_another, ask_to_drop, ask_to_show, model_called
from projector.generations.shown import Example, Generation, Projection, all_projections, one_generation, one_projection
from projector.operations.routes import Nothing, OperationRoute, Views
from projector.verification.differences import FoundDifference, differences_of
from projector.verification.moment import NotNow
from projector.verification.sample import QUICK, verify_sample
from projector.views import reaching_views


class Rebuild(Message):
    """Build another generation from the log. It is shown when it is ready, if `switch`; with `verify` only if nothing
    differs from what is shown."""

    verify: bool = False
    switch: bool = True


class Rollback(Message):
    """Show what was shown before, or what is ready: the generation of this number, or the only one there is."""

    generation: int | None = None


class Projections(TypedDict):
    data: list[Projection]


class FoundDifferences(TypedDict):
    data: list[FoundDifference]


class Verified(TypedDict):
    """A sample of documents, and the sums of some users, compared with the fold of the log up to `position`.

    `left_out` of those that were drawn were not compared: they have more than 1,000 commits.
    """

    projection: str
    position: int
    documents: int
    left_out: int
    sums: int
    differences: int
    examples: list[Example]
    is_identical: bool


class Dropped(TypedDict):
    dropped: str


async def list_projections(views: Views, _: web.Request, __: Nothing) -> Projections:
    return {"data": await all_projections(views.database)}


async def get_projection(views: Views, http: web.Request, _: Nothing) -> Projection:
    return await one_projection(views.database, _name(http))


async def list_differences(views: Views, http: web.Request, _: Nothing) -> FoundDifferences:
    """Found by the projector, the newest 100 first; `repaired_at` is when it was seen to be right again."""
    return {"data": await differences_of(views.database, _name(http))}


async def verify(views: Views, http: web.Request, _: Nothing) -> Verified:
    """As many as two seconds take, a thousand at most, others each time; none with more than 1,000 commits.

    All of them: `cqrs projections verify --full`.
    """
    model = model_called(http.match_info["name"])
    try:
        found = await verify_sample(views.log.database, views.database, model, effort=QUICK)
    except NotNow as error:
        raise CommandRejected("not_comparable", str(error)) from error
    return {
        "projection": model.collection,
        "position": found.position,
        "documents": found.documents,
        "left_out": found.left_out,
        "sums": found.sums,
        "differences": found.differences,
        "examples": [Example(**example) for example in found.examples],
        "is_identical": found.is_identical,
    }


async def rebuild(views: Views, http: web.Request, wish: Rebuild) -> Generation:
    """One that is under way goes on, and is told as it stands."""
    name = _name(http)
    wishes = {"is_verified": wish.verify, "is_switched": wish.switch}
    with reaching_views():
        asked = await ask_for_another(views.database, views.log.info.id, name, **wishes)
    return await told(views, asked["_id"])


async def roll_back(views: Views, http: web.Request, wish: Rollback) -> Generation:
    """It is brought up to the newest commits first."""
    name = _name(http)
    with reaching_views():
        asked = await ask_to_show(views.database, views.log.info.id, name, wish.generation)
    return await told(views, asked["_id"])


async def drop_generation(views: Views, http: web.Request, _: Nothing) -> Dropped:
    """The one that is shown is refused."""
    name, number = _name(http), http.match_info["generation"]
    if not is_number_id(number):
        raise BadRequest("invalid_id", "A generation is a whole number above 0.")
    with reaching_views():
        await ask_to_drop(views.database, name, int(number))
    return {"dropped": f"{name}@{number}"}


PROJECTIONS = (
    OperationRoute("GET", "/ops/projections", "ListProjections", "All read models", list_projections, Projections),
    OperationRoute(
        "GET",
        "/ops/projections/{name}",
        "GetProjection",
        "One read model, with its generations",
        get_projection,
        Projection,
    ),
    OperationRoute(
        "GET",
        "/ops/projections/{name}/differences",
        "ListDifferences",
        "What was found not to be what the log makes of it",
        list_differences,
        FoundDifferences,
    ),
    OperationRoute(
        "POST",
        "/ops/projections/{name}/verify",
        "VerifyProjection",
        "Compare a sample of it with the log",
        verify,
        Verified,
        problems=(409,),
    ),
    OperationRoute(
        "POST",
        "/ops/projections/{name}/rebuild",
        "RebuildProjection",
        "Build it anew beside what is shown",
        rebuild,
        Generation,
        Rebuild,
        problems=(409,),
    ),
    OperationRoute(
        "POST",
        "/ops/projections/{name}/rollback",
        "RollBackProjection",
        "Show the other generation",
        roll_back,
        Generation,
        Rollback,
        problems=(409,),
    ),
    OperationRoute(
        "DELETE",
        "/ops/projections/{name}/generations/{generation}",
        "DropGeneration",
        "Drop a generation that is not shown",
        drop_generation,
        Dropped,
        problems=(409,),
    ),
)


def _name(http: web.Request) -> str:
    return model_called(http.match_info["name"]).collection


async def told(views: Views, generation: str) -> Generation:
    found = await one_generation(views.database, generation)
    if found is None:
        raise NotFound("unknown_generation", f"{generation} was asked for, and has been dropped since.")
    return found
