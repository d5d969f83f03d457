"""How sagas stand, read from their documents: those that are stuck first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from command_service.saga_operations.shown import InspectedSaga, OperatedSaga, OperatedStep
from command_service.sagas.commands import COMPENSATIONS
from command_service.sagas.shapes import Saga
from common.errors import NotFound
from common.read_models.storage import SAGA_TROUBLES, SAGAS
from common.stored_commits import from_document

STATES = ("stuck", "running", "over")
"""In the order in which they are listed."""

Document = Mapping[str, Any]
Place = tuple[str, str]
"""The state and the id of a saga in the list."""


@dataclass(frozen=True, slots=True)
class Sagas:
    """The documents, and the rules by name."""

    database: AsyncDatabase
    rules: Mapping[str, Saga[Any]]

    async def some(self, state: str | None, saga: str | None, after: Place | None, most: int) -> list[OperatedSaga]:
        """State by state, in the order of ids; each page begins in the index where the last one ended."""
        found: list[Document] = []
        for each in _states(state, after):
            start = after[1] if after and after[0] == each else ""
            found += await self._in_state(each, saga, start, most - len(found))
            if len(found) == most:
                break
        troubles = await self._troubles(step for document in found for step in _newest(document))
        return [self._row(document, troubles) for document in found]

    async def one(self, saga: str, saga_id: str) -> InspectedSaga:
        """By its id, or by that of its subject."""
        ids = [saga_id, self.rules[saga].id_of(saga_id)] if saga in self.rules else [saga_id]
        document = await self.database[SAGAS].find_one({"_id": {"$in": ids}, "saga": saga})
        if document is None:
            raise NotFound("unknown_saga", f"There is no saga {saga} {saga_id}, or it has not begun yet.")
        troubles = await self._troubles(document["steps"])
        refusals = await self._refusals(document["steps"])
        steps = [_step(step, troubles, refusals) for step in document["steps"]]
        return {**self._row(document, troubles), "steps": steps}

    async def _in_state(self, state: str, saga: str | None, start: str, most: int) -> list[Document]:
        wanted: dict[str, Any] = {"state_word": state, "_id": {"$gt": start}}
        if saga:
            wanted |= {"saga": saga, "_id": {"$gt": max(start, self.rules[saga].id_of(""))}}
        return await self.database[SAGAS].find(wanted, {"state": 0}, sort=[("_id", 1)], limit=most).to_list()

    async def _troubles(self, steps: Iterable[Document]) -> Mapping[str, Document]:
        """By command ids."""
        ids = [step["command_id"] for step in steps]
        return {found["_id"]: found async for found in self.database[SAGA_TROUBLES].find({"_id": {"$in": ids}})}

    async def _refusals(self, steps: Iterable[Document]) -> Mapping[str, str]:
        """The sentences that the log has, by command ids."""
        refused = [step["command_id"] for step in steps if step["outcome"] not in (None, "accepted")]
        found = await self.database["commits"].find({"command_id": {"$in": refused}}).to_list()
        commits = [from_document(document) for document in found]
        return {commit.command_id: commit.events[0].data.get("detail", "") for commit in commits}

    def _row(self, document: Document, troubles: Mapping[str, Document]) -> OperatedSaga:
        is_over = document["state_word"] == "over"
        step, trouble = _current(document, troubles)
        until = document["updated_at"] if is_over else datetime.now(UTC)
        return {
            "saga": document["saga"],
            "id": document["_id"],
            "subject": self._subject(document),
            "state": document["state_word"],
            "is_stuck": document["state_word"] == "stuck",
            "step": step["want"]["step"] if step else None,
            "attempts": _attempts(step, trouble) if step else 0,
            "waits_for": document["waits_for"],
            "started_at": document["started_at"],
            "updated_at": document["updated_at"],
            "age_seconds": max(0, int((until - document["started_at"]).total_seconds())),
            "trouble": document["trouble"] or (trouble.get("reason") if step and not step["outcome"] else None),
        }

    def _subject(self, document: Document) -> str:
        rules = self.rules.get(document["saga"])
        return rules.subject_of(document["_id"]) if rules else document["_id"]


def _states(state: str | None, after: Place | None) -> tuple[str, ...]:
    if state:
        return (state,)
    return STATES[STATES.index(after[0]) :] if after else STATES


def _newest(document: Document) -> list[Document]:
    """The steps that are open, else the last."""
    return [step for step in document["steps"] if not step["outcome"]] or document["steps"][-1:]


def _current(document: Document, troubles: Mapping[str, Document]) -> tuple[Document | None, Document]:
    """The step that was tried most, and what is known of its tries."""
    tried = [(step, troubles.get(step["command_id"], {})) for step in _newest(document)]
    return max(tried, key=lambda each: _attempts(*each), default=(None, {}))


def _attempts(step: Document, trouble: Document) -> int:
    return trouble.get("attempts", 0) + (1 if step["outcome"] or not trouble else 0)


def _step(step: Document, troubles: Mapping[str, Document], refusals: Mapping[str, str]) -> OperatedStep:
    """Without the body of the command, which may name a card."""
    command_id, outcome = step["command_id"], step["outcome"]
    trouble = troubles.get(command_id, {})
    is_refused = outcome not in (None, "accepted")
    return {
        "command": step["want"]["command"],
        "command_id": command_id,
        "outcome": "refused" if is_refused else outcome or "open",
        "attempts": _attempts(step, trouble),
        "code": outcome if is_refused else None,
        "detail": refusals.get(command_id) if is_refused else trouble.get("reason") if not outcome else None,
        "at": step["done_at"] or step["asked_at"],
        "is_compensation": step["want"]["command"] in COMPENSATIONS,
    }
