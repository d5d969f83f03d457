"""What somebody has decided to skip: a commit that one document passes over, in every fold from then on (PROTOCOL V5).

Each is a document of SKIPS, `{_id: "<collection>/<key>/<position>", projection, key, position, command_id, code,
reason, actor, at}`; no rebuild deletes it.
"""

from typing import Any, Protocol

from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit
from common.log import open_log_as_it_is
from common.mongo import reaching
from common.read_models.folding import NO_SKIPS, DocumentId, Skips
from common.read_models.storage import SKIPS


class Commands(Protocol):
    """A log, as far as it is needed here."""

    async def find_commands(self, command_ids: list[str]) -> dict[str, Commit]: ...


def skip_id(document_id: DocumentId, position: int) -> str:
    return "/".join(map(str, (*document_id, position)))


async def read_skips(views: AsyncDatabase, log: Commands) -> Skips:
    """Those that this log bears out: at the same position of another log stands another commit."""
    with reaching("The read store cannot be reached."):
        decided: list[Any] = await views[SKIPS].find().to_list()
    if not decided:
        return NO_SKIPS
    commits = await log.find_commands([skip["command_id"] for skip in decided])
    return frozenset(
        ((skip["projection"], skip["key"]), skip["position"])
        for skip in decided
        if (commit := commits.get(skip["command_id"])) and commit.position == skip["position"]
    )


async def read_skips_of(views: AsyncDatabase, events: AsyncDatabase) -> Skips:
    """As `read_skips`, for who has the log's database alone."""
    log = await open_log_as_it_is(events)
    return await read_skips(views, log) if log else NO_SKIPS
