"""What a holder does between two batches because it was asked (PROTOCOL V2, V5): folding again, skipping, emptying."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from prometheus_client import Gauge
from pymongo.asynchronous.database import AsyncDatabase

from common.checkpoints import Checkpoints
from common.log import Log
from common.read_models.folding import NO_SKIPS, DocumentId, Models, Skips
from common.read_models.generations import Places
from common.read_models.shapes import ReadModel
from common.skips import read_skips
from common.transaction import Unwritable
from projector.requests.asking import Request, drop_request, pending_requests
from projector.requests.emptying import rebuild_partition
from projector.requests.parked import IS_PARKED, count_parked
from projector.requests.retrying import Standing, fold_again, retry
from projector.verification.repairing import repair_document
from projector.views import reaching_views

RETRIED_AT_ONCE = 100  # documents, each second: what is new goes on meanwhile
COUNT_SECONDS = 5.0  # how often it is counted what is parked

log = structlog.get_logger(__name__)
PARKED = Gauge("leveret_projector_parked_documents", "Documents that stand still, in all partitions", ["projection"])


class Repairs:
    """Of one writer, whose checkpoints move with each repair; `skips` are what it folds with."""

    def __init__(self, database: AsyncDatabase, log_: Log, checkpoints: Checkpoints, models: Models) -> None:
        self.skips: Skips = NO_SKIPS
        self._database = database
        self._log = log_
        self._checkpoints = checkpoints
        self._models = models
        self._counted_at = -COUNT_SECONDS

    async def begin(self) -> None:
        self.skips = await read_skips(self._database, self._log)

    async def serve(self, held: Iterable[int], places: Places) -> tuple[bool, set[DocumentId]]:
        """Return whether all must begin again, and which documents stand there anew."""
        await self._count_parked()
        requests = await pending_requests(self._database, held)
        if requests:  # a skip was written down before it was asked for
            await self.begin()
        begins_again, retried = False, set[DocumentId]()
        for request in requests:
            match request.get("kind"):
                case "rebuild":
                    await rebuild_partition(self._database, request)
                    begins_again = True
                case "retry" | "retry_parked" if len(retried) < RETRIED_AT_ONCE:
                    at = self._standing(request["partition"], places)
                    retried.update(await retry(at, request, RETRIED_AT_ONCE - len(retried)))
                case "repair" if len(retried) < RETRIED_AT_ONCE:
                    retried.update(await self._repair(request, places))
                case "repair" | "retry" | "retry_parked":
                    break
                case kind:
                    log.error("unknown_request", kind=kind)
                    await drop_request(self._database, request)
        return begins_again, retried

    async def _repair(self, request: Request, places: Places) -> list[DocumentId]:
        try:
            await repair_document(self._standing(request["partition"], places), request)
        except Unwritable as error:
            log.warning("request_failed", kind=request["kind"], reason=str(error))
            await drop_request(self._database, request)
        return [(request["collection"], request["key"])]

    async def pass_over_skipped(self, places: Places) -> None:
        """What was parked here before somebody decided to skip what parks it is folded again."""
        for model, document in await self._parked_at(self.skips, places):
            await fold_again(self._standing(document["partition"], places), model, [document["_id"]])

    async def is_behind_a_skip(self, places: Places) -> bool:
        """Whether a document stands at a commit of which it was decided since `begin` that it is skipped."""
        decided = await read_skips(self._database, self._log)
        return bool(await self._parked_at(decided - self.skips, places))

    async def _parked_at(self, skips: Skips, places: Places) -> list[tuple[ReadModel[Any], Mapping[str, Any]]]:
        found: list[tuple[ReadModel[Any], Mapping[str, Any]]] = []
        with reaching_views():
            for model in self._models:
                keys = [key for (collection, key), _ in skips if collection == model.collection]
                wanted = {**IS_PARKED, "_id": {"$in": keys}}
                async for document in self._database[places[model.collection]].find(wanted):
                    if ((model.collection, document["_id"]), document["parked"]["position"]) in skips:
                        found.append((model, document))
        return found

    def _standing(self, partition: int, places: Places) -> Standing:
        return Standing(
            database=self._database,
            log=self._log,
            checkpoints=self._checkpoints,
            partition=partition,
            places=places,
            skips=self.skips,
        )

    async def _count_parked(self) -> None:
        if time.monotonic() - self._counted_at < COUNT_SECONDS:
            return
        self._counted_at = time.monotonic()
        with reaching_views():
            for model in self._models:
                PARKED.labels(model.collection).set(await count_parked(self._database, model))
