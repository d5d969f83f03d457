"""Safeguards of the product, and how each is taken out of it: the smallest change that leaves the rest as it is."""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from common import feed as feed_module
from common import inbox as inbox_module
from common import log as log_module
from common.checkpoints import Checkpoints
from common.envelope import Commit, Part, Seal
from common.feed import Feed
from common.group_commit import Appender, _fail, _Pending
from common.inbox import Inbox
from common.log import Failure, MongoLog, Written
from common.read_models.folding import Doc
from common.read_models.shapes import ReadModel
from common.transaction import Guarded
from projector import batch as batch_module
from projector import statements as statements_module
from projector import writer as writer_module

TakeOut = Callable[[pytest.MonkeyPatch], None]


def checkpoint_revisions(patch: pytest.MonkeyPatch) -> None:
    """V1: a checkpoint is moved whatever its `rev` is."""
    statement = Checkpoints.statement

    def unguarded(self: Checkpoints, last: dict[int, Commit]) -> Guarded:
        guarded = statement(self, last)
        for update in guarded.statement["updates"]:
            del update["q"]["rev"]
        return guarded

    patch.setattr(Checkpoints, "statement", unguarded)


def document_positions(patch: pytest.MonkeyPatch) -> None:
    """V3: a document is replaced whatever its position is."""
    patch.setattr(statements_module, "_filter", lambda document_id, _: {"_id": document_id[1]})


def old_commits_passed_over(patch: pytest.MonkeyPatch) -> None:
    """V3: a document takes in a commit that it has seen."""
    applied = batch_module.applied

    def forgetful(model: ReadModel[Any], doc: Doc, *rest: Any) -> Doc:
        return applied(model, replace(doc, position=0), *rest)

    patch.setattr(batch_module, "applied", forgetful)


def cache_clearing(patch: pytest.MonkeyPatch) -> None:
    class Kept(OrderedDict[Any, Any]):
        def clear(self) -> None: ...

    patch.setattr(writer_module, "OrderedDict", Kept)


def gap_read(patch: pytest.MonkeyPatch) -> None:
    """F4: no message says what was before it."""
    _read_messages(patch, lambda part: replace(part, prev=0))


def tail_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Feed, "_patience_seconds", math.inf)


def duplicate_check(patch: pytest.MonkeyPatch) -> None:
    """F4: a message is taken in though the inbox has passed its position."""
    offer = Inbox.offer

    def offered(self: Inbox, part: Part) -> bool:
        position, self.position = self.position, 0
        try:
            return offer(self, part)
        finally:
            self.position = position

    patch.setattr(Inbox, "offer", offered)


def whole_commits(patch: pytest.MonkeyPatch) -> None:
    """F7: a commit is taken with whatever of it is here."""
    patch.setattr(inbox_module._Arriving, "is_here", True)


def mac_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Seal, "mac", lambda *_: "the same for all")


def log_check(patch: pytest.MonkeyPatch) -> None:
    """F3: a checkpoint of another log is believed."""

    async def believe(*_: object) -> None: ...

    patch.setattr(Feed, "_require_same_log", believe)


def index(name: str) -> TakeOut:
    def take_out(patch: pytest.MonkeyPatch) -> None:
        rest = tuple(one for one in log_module.INDEXES if one.document["name"] != name)
        patch.setattr(log_module, "INDEXES", rest)

    return take_out


def forgetting_of_the_head(patch: pytest.MonkeyPatch) -> None:
    """L3: a head that was known once is never unknown again."""

    def keep(self: Appender, head: int | None) -> None:
        self.__dict__["head"] = self.__dict__.get("head") if head is None else head

    patch.setattr(Appender, "_head", property(lambda self: self.__dict__["head"], keep), raising=False)


def unknown_is_unknown(patch: pytest.MonkeyPatch) -> None:
    """L4: what nobody knows of is taken for written."""
    insert = MongoLog.insert

    async def hopeful(self: MongoLog, commits: Sequence[Commit]) -> Written:
        written = await insert(self, commits)
        return Written(len(commits)) if written.failure is Failure.UNKNOWN else written

    patch.setattr(MongoLog, "insert", hopeful)


def superseding(patch: pytest.MonkeyPatch) -> None:
    """L6: what stands behind a commit that was not made stays in the queue."""

    def withdraw(self: Appender, first: _Pending, reason: Exception) -> None:
        self._queue.remove(first)
        self._on_superseded(first.draft.stream)
        _fail(first, reason)

    patch.setattr(Appender, "_withdraw", withdraw)


def look_for_the_command(patch: pytest.MonkeyPatch) -> None:
    """L9: nobody asks the log whether the command was done before it is said that there is nothing to do."""

    async def nothing(*_: object) -> None: ...

    patch.setattr(MongoLog, "find_command", nothing)


def _read_messages(patch: pytest.MonkeyPatch, change: Callable[[Part], Part]) -> None:
    from_message = feed_module.from_message
    patch.setattr(feed_module, "from_message", lambda *message: change(from_message(*message)))
