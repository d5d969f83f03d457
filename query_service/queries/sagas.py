"""How it goes with a saga: what was asked for, what came of it, what it waits for."""

import re
from typing import Any

from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.contract.operations import Parameter
from common.errors import BadRequest, NotFound
from common.paging import invalid_cursor, page, read_cursor, read_limit, write_cursor
from common.read_models.storage import SAGA_TROUBLES, SAGAS
from common.values import is_number_id, is_uuid
from query_service.answers import Answer
from query_service.shown.sagas import Saga, SagaStep

ORDERS_SAGA = "order_fulfilment"
STATES = frozenset({"running", "stuck", "over"})
PARAMETERS = (Parameter("state", {"enum": sorted(STATES), "default": "stuck"}, "Sagas in this state."),)
_NAME = re.compile(r"[a-z_]{1,40}:", re.ASCII)


def _is_saga_id(text: str) -> bool:
    """An order's id, or an order's or product's behind the saga's name."""
    name = _NAME.match(text)
    subject = text.removeprefix(name[0]) if name else text
    return is_uuid(subject) or (name is not None and is_number_id(subject))


async def one_saga(http: web.Request, log: AsyncDatabase) -> Answer:
    """An order's fulfilment has the order's id; any other saga its subject's id behind its name.

    So `product_onboarding:456` is.
    """
    saga_id = http.match_info["saga_id"]
    if not _is_saga_id(saga_id):
        raise BadRequest("invalid_id", "A saga's id is its order's, or like product_onboarding:456.")
    document = await log[SAGAS].find_one({"_id": saga_id})
    if document is None:
        raise NotFound("unknown_saga", f"There is no saga {saga_id}, or it has not begun yet.")
    return Answer(await _show(log, document))


async def sagas_in_state(http: web.Request, log: AsyncDatabase) -> Answer:
    """Those in one state, in the order of their ids."""
    state, limit = http.query.get("state", "stuck"), read_limit(http.query)
    if state not in STATES:
        raise BadRequest("invalid_state", f"A saga's state is one of {', '.join(sorted(STATES))}.")
    (after,) = read_cursor(http.query, (str,)) or [""]
    if after and not _is_saga_id(after):
        raise invalid_cursor()
    wanted = {"state_word": state, "_id": {"$gt": after}}
    documents = await log[SAGAS].find(wanted, sort=[("_id", 1)], limit=limit + 1).to_list()
    shown = [await _show(log, document) for document in documents[:limit]]
    return Answer(page(shown, write_cursor([documents[limit - 1]["_id"]]) if len(documents) > limit else None))


async def _show(log: AsyncDatabase, document: dict[str, Any]) -> Saga:
    ids = [step["command_id"] for step in document["steps"]]
    troubles = {d["_id"]: d async for d in log[SAGA_TROUBLES].find({"_id": {"$in": ids}})}
    return {
        "saga_id": document["_id"],
        "saga": document["saga"],
        "state": document["state_word"],
        "trouble": document["trouble"],
        "status": document["state"].get("status"),  # where the saga's state has one
        "order_status": document["state"]["status"] if document["saga"] == ORDERS_SAGA else None,
        "waits_for": document["waits_for"],
        "waits_until": document["due_at"],
        "steps": [_show_step(step, troubles.get(step["command_id"], {})) for step in document["steps"]],
        "started_at": document["started_at"],
        "updated_at": document["updated_at"],
    }


def _show_step(step: dict[str, Any], trouble: dict[str, Any]) -> SagaStep:
    """Without the body of the command, which may name a card."""
    return {
        "step": step["want"]["step"],
        "round": step["want"]["round"],
        "command": step["want"]["command"],
        "command_id": step["command_id"],
        "outcome": step["outcome"],
        "attempts": trouble.get("attempts", 0) + (1 if step["outcome"] or not trouble else 0),
        "last_error": trouble.get("reason"),
        "asked_at": step["asked_at"],
        "done_at": step["done_at"],
    }
