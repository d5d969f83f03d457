"""Looks at a whole log: positions and versions without holes, each commit in its partition, every chain as it was made.

With `log.py`, a file that knows how a commit is stored.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from pymongo.asynchronous.database import AsyncDatabase

from common.chain import link
from common.envelope import Commit
from common.log import LogInfo
from common.mongo import reaching
from common.stored_commits import from_document

MOST_FAULTS = 100  # that are told one by one
TELL_EVERY = 1_000  # commits
BATCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    position: int
    what: str
    stream: str | None = None
    version: int | None = None


@dataclass(slots=True, kw_only=True)
class Verdict:
    """Of all commits up to `head`. `digest` stands for all of them: the same log up to the same head has the same."""

    head: int
    commits: int = 0
    streams: int = 0
    linked: int = 0  # commits in a chain; those of early versions are in none
    fault_count: int = 0
    faults: list[Fault] = field(default_factory=list)
    digest: str = ""

    @property
    def is_sound(self) -> bool:
        return self.fault_count == 0

    def add(self, fault: Fault) -> None:
        self.fault_count += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)


async def verify(
    database: AsyncDatabase, info: LogInfo, until: int | None = None, tell: Callable[[int], None] = lambda _: None
) -> Verdict:
    """Read every commit up to `until`, else up to the head at the beginning; `tell` hears how many were read."""
    with reaching("The event log cannot be reached; verify it again."):
        newest = await database["commits"].find_one({}, {"_id": 1}, sort=[("_id", -1)])
        head = newest["_id"] if newest else 0
        verdict = Verdict(head=head if until is None else until)
        if verdict.head > head:
            verdict.add(Fault(position=head + 1, what=f"the log ends at position {head}"))
        await _positions(database, verdict)
        await _streams(database, info, verdict, tell)
    return verdict


async def _positions(database: AsyncDatabase, verdict: Verdict) -> None:
    expected = 1
    found = database["commits"].find({"_id": {"$lte": verdict.head}}, {"_id": 1}, sort=[("_id", 1)])
    async for document in found:
        position = document["_id"]
        if position != expected:
            last = position - 1
            missing = f"position {expected} is" if expected == last else f"positions {expected} to {last} are"
            verdict.add(Fault(position=expected, what=f"{missing} missing"))
        expected = position + 1
        verdict.commits += 1


async def _streams(database: AsyncDatabase, info: LogInfo, verdict: Verdict, tell: Callable[[int], None]) -> None:
    """Stream by stream, as the index has them: only one commit is held at a time."""
    commits, of_all, previous, read = database["commits"], hashlib.sha256(), None, 0
    linked = await commits.find_one({"chain": {"$type": "binData"}}, {"_id": 1}, sort=[("_id", 1)])
    judge = _Judge(info, linked_from=linked["_id"] if linked else verdict.head + 1)
    found = commits.find(
        {"_id": {"$lte": verdict.head}},
        sort=[("stream", 1), ("version", 1)],
        hint="stream_version",
        batch_size=BATCH,
    )
    async for document in found:
        position = document["_id"]
        try:
            commit = from_document(document)
            faults = judge.faults_of(previous if previous and previous.stream == commit.stream else None, commit)
            of_all.update(f"{position} ".encode() + (commit.chain or link(None, commit)))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            verdict.add(Fault(position=position, what=f"it cannot be read: {error}"))
            continue
        for what in faults:
            verdict.add(Fault(position=position, what=what, stream=commit.stream, version=commit.version))
        verdict.streams += previous is None or previous.stream != commit.stream
        verdict.linked += commit.chain is not None
        previous, read = commit, read + 1
        if read % TELL_EVERY == 0:
            tell(read)
    verdict.digest = of_all.hexdigest()


@dataclass(frozen=True, slots=True)
class _Judge:
    """Before position `linked_from` nothing was linked yet."""

    info: LogInfo
    linked_from: int

    def faults_of(self, before: Commit | None, commit: Commit) -> list[str]:
        faults: list[str] = []
        expected = before.version + 1 if before else 1
        if commit.version != expected:
            faults.append(f"version {expected} of its stream is missing")
        if commit.partition != self.info.partition_of(commit.partition_key):
            faults.append(f"it stands in partition {commit.partition}, which is not that of its key")
        if before and commit.partition_key != before.partition_key:
            faults.append("it has another partition key than its stream")
        if before and commit.position < before.position:
            faults.append("it stands before an earlier version of its stream")
        if commit.chain is None and commit.position > self.linked_from:
            faults.append("it has no link, and an earlier commit has one")
        elif commit.chain is not None and commit.chain != link(before.chain if before else None, commit):
            faults.append("it, or what stood before it, is not what was written")
        return faults
