"""Read models are built anew while customers come in, and orders stand still until somebody mends what parks them."""

from typing import Any

from common.envelope import Commit
from common.log import open_log
from tests.chaos.faults.fault import Misbehaved
from tests.chaos.healing import TIMEOUT
from tests.chaos.world import World
from tests.support.ledger import Ledger, event
from tests.support.system import until

KILLS = 3
ENOUGH_SECONDS = 60.0
APPEND_TRIES = 200  # others write meanwhile
NOBODYS = 10**9  # users from here on are nobody among the customers
POISONED = 5  # orders


async def rebuilt_under_load(world: World) -> None:
    """Orders by a projector that is killed half way, then stock, each verified; and back to the former orders."""
    for name, kills in (("orders", KILLS), ("inventory", 0)):
        asked = await _ask(world, "POST", f"projections/{name}/rebuild", {"verify": True})
        for _ in range(kills):
            await world.system.kill("projector")
            await world.system.start("projector")
        await _until_shown(world, asked["generation"])
    back = await _ask(world, "POST", "projections/orders/rollback", {})
    await _until_shown(world, back["generation"])


async def poisoned_in_the_log(world: World) -> None:
    """Orders whose last event nobody understands stand still, others move; once it is understood they are retried."""
    log = await open_log(world.events, partitions=1)
    ledger = Ledger(log)
    poison = [await _deleted_in_strange_words(ledger, NOBODYS + number) for number in range(POISONED)]
    await _until_parked(world, POISONED)
    positions = [commit.position for commit in poison]
    await world.events["commits"].update_many({"_id": {"$in": positions}}, {"$set": {"events.0.schema": 1}})
    await _ask(world, "POST", "parked/retry", {"all": True})
    await _until_parked(world, 0)


async def _deleted_in_strange_words(ledger: Ledger, user_id: int) -> Commit:
    for _ in range(APPEND_TRIES):
        placed = ledger.an_imported(user_id, 100, user_id)
        deleted = ledger.draft(placed.stream, user_id, event("OrderDeleted", 99, order_id=placed.subject))
        both = ledger.numbered(await ledger.log.head(), placed, deleted)
        if (await ledger.log.insert(both)).count == len(both):
            return both[-1]
    raise AssertionError("others were always faster")


async def _until_parked(world: World, count: int) -> None:
    async def are_parked() -> bool:
        return len((await _ask(world, "GET", "parked?projection=orders"))["data"]) == count

    await until(are_parked, seconds=ENOUGH_SECONDS, what=f"{count} orders are parked")


async def _until_shown(world: World, generation: str) -> None:
    """One that differs from what is shown waits for a person to decide."""

    async def is_shown() -> bool:
        told = await _ask(world, "GET", f"projections/{generation.partition('@')[0]}")
        for found in told["generations"]:
            if found["generation"] == generation and not (found["difference"] or {"is_none": True})["is_none"]:
                raise Misbehaved(f"{generation} is not what was shown: {found['difference']}")
        return told["shown"] == generation

    await until(is_shown, seconds=ENOUGH_SECONDS, what=f"{generation} is shown")


async def _ask(world: World, method: str, path: str, body: Any = None) -> Any:
    """Again while the projector is away."""
    told: Any = None

    async def is_answered() -> bool:
        nonlocal told
        url = f"{world.system.gateway}/cqrs/ops/{path}"
        async with world.http.request(method, url, json=body, timeout=TIMEOUT) as answer:
            told = await answer.json(content_type=None)
            if answer.status not in (200, 503):
                raise Misbehaved(f"{method} {path}: {answer.status} {told}")
            return answer.status == 200

    await until(is_answered, seconds=ENOUGH_SECONDS, what=f"{method} {path} is answered")
    return told
