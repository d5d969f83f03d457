"""How sagas stand in MongoDB: one document each, in the log's database (S1)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
import pymongo
from pymongo.asynchronous.database import AsyncDatabase

from command_service.sagas.folding import Doc, Step
from command_service.sagas.shapes import Saga, Want
from common.mongo import reaching
from common.read_models.storage import SAGA_TROUBLES, SAGAS, to_fields, to_view
from common.sink import Fenced
from common.transaction import Guarded

_DURABLE = {"w": "majority", "j": True}
MOST_DUE = 500  # at once; those that are looked at next time wait a little longer
TROUBLES_KEPT_SECONDS = 30 * 24 * 3600
INDEXES: Mapping[str, list[pymongo.IndexModel]] = {
    SAGAS: [
        pymongo.IndexModel([("partition", 1), ("is_open", 1)], partialFilterExpression={"is_open": True}),
        pymongo.IndexModel([("partition", 1), ("due_at", 1)], partialFilterExpression={"is_due": True}),
        pymongo.IndexModel([("state_word", 1), ("_id", 1)]),
        pymongo.IndexModel([("state_word", 1), ("saga", 1), ("started_at", 1)]),
    ],
    SAGA_TROUBLES: [pymongo.IndexModel("at", expireAfterSeconds=TROUBLES_KEPT_SECONDS)],
}
"""By collection."""


class SagaStore:
    """Reads the documents, and builds the statements that write them."""

    def __init__(self, database: AsyncDatabase, sagas: Mapping[str, Saga[Any]]) -> None:
        self._collection = database[SAGAS]
        self._troubles = database[SAGA_TROUBLES]
        self._sagas = sagas  # by name

    async def make_indexes(self) -> None:
        with reaching_sagas():
            for collection, indexes in INDEXES.items():
                await self._collection.database[collection].create_indexes(indexes)

    async def note_trouble(self, command_id: str, attempts: int, reason: str) -> None:
        """For whoever looks at a saga that waits; relied on by nobody."""
        change = {"$set": {"attempts": attempts, "reason": reason}, "$currentDate": {"at": True}}
        with reaching_sagas():
            await self._troubles.update_one({"_id": command_id}, change, upsert=True)

    async def load(self, saga_ids: Iterable[str]) -> dict[str, Doc]:
        return await self._find({"_id": {"$in": list(saga_ids)}})

    async def open(self, partitions: Iterable[int]) -> dict[str, Doc]:
        """Those with an open want."""
        return await self._find({"partition": {"$in": list(partitions)}, "is_open": True})

    async def due(self, partitions: Iterable[int], now: datetime) -> dict[str, int]:
        """Some of those whose moment has passed, the earliest of each partition first: saga id → partition."""
        wanted = {"partition": {"$in": list(partitions)}, "is_due": True, "due_at": {"$lte": now}}
        with reaching_sagas():
            found = await self._collection.find(wanted, {"partition": 1}).sort("due_at", 1).limit(MOST_DUE).to_list()
        return {document["_id"]: document["partition"] for document in found}

    def statements(self, docs: Iterable[Doc]) -> Iterable[Guarded]:
        """Insert what is new, replace what is there by its old `rev`."""
        inserts, updates = [], []
        for doc in docs:
            stored = self._stored(doc)
            if doc.rev == 0:
                inserts.append(stored)
            else:
                updates.append({"q": {"_id": doc.saga_id, "rev": doc.rev}, "u": stored})
        if inserts:
            yield Guarded({"insert": SAGAS, "documents": inserts, "ordered": True}, must_match=len(inserts))
        if updates:
            yield Guarded({"update": SAGAS, "updates": updates}, must_match=len(updates))

    async def write(self, docs: Iterable[Doc]) -> None:
        """Each document by itself, durably; raises Fenced when one is not as it was known."""
        for guarded in self.statements(docs):
            with reaching_sagas():
                answer = await self._collection.database.command({**guarded.statement, "writeConcern": _DURABLE})
            if answer.get("writeErrors") or answer["n"] != guarded.must_match:
                raise Fenced

    def _stored(self, doc: Doc) -> dict[str, Any]:
        saga = self._sagas[doc.saga]
        is_over = saga.is_over(doc.state) and not doc.open
        due_at = None if is_over else saga.waits_until(doc.state)
        return {
            "_id": doc.saga_id,
            "saga": doc.saga,
            "partition": doc.partition,
            "partition_key": doc.partition_key,
            "position": doc.position,
            "rev": doc.rev + 1,
            "state": to_fields(doc.state),
            "steps": [_stored_step(step) for step in doc.steps],
            "trouble": doc.trouble,
            "is_open": bool(doc.open),
            "due_at": due_at,
            "is_due": due_at is not None,
            "waits_for": None if is_over else saga.waits_for(doc.state),
            "state_word": "over" if is_over else "stuck" if doc.trouble else "running",
            "started_at": doc.started_at,
            "updated_at": doc.updated_at,
            "traceparent": doc.traceparent,
        }

    async def _find(self, wanted: Mapping[str, Any]) -> dict[str, Doc]:
        with reaching_sagas():
            found = await self._collection.find(wanted).to_list()
        return {document["_id"]: self._doc(document) for document in found}

    def _doc(self, document: Mapping[str, Any]) -> Doc:
        return Doc(
            saga_id=document["_id"],
            saga=document["saga"],
            partition=document["partition"],
            partition_key=document["partition_key"],
            position=document["position"],
            rev=document["rev"],
            state=to_view(self._sagas[document["saga"]].state, document["state"]),
            steps=tuple(_step(step) for step in document["steps"]),
            trouble=document["trouble"],
            started_at=document["started_at"],
            updated_at=document["updated_at"],
            traceparent=document.get("traceparent"),
        )


def _stored_step(step: Step) -> dict[str, Any]:
    return msgspec.to_builtins(step, builtin_types=(type(step.asked_at),))


def _step(stored: Mapping[str, Any]) -> Step:
    return Step(**{**stored, "want": Want(**stored["want"])})


def reaching_sagas() -> reaching:
    return reaching("The sagas cannot be reached.")
