"""Whether documents are the fold of the log: both read at one moment each, of which the views' comes first.

The log is asked first whether it has the commits at which the checkpoints stand: then it has all that lies before
them, in the same snapshot, also just after an election.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit
from common.mongo import reaching
from common.read_models.folding import Skips
from common.read_models.shapes import ReadModel
from common.skips import read_skips_of
from common.stored_commits import WITHOUT_METADATA, from_partial_document, to_be_folded
from projector.verification.differing import Finding, finding_of
from projector.verification.moment import Moment, NotNow, moment_of

Key = str | int
MOST_COMMITS = 1_000  # of one document; longer ones are left to `cqrs projections verify`, which takes its time


class Checked(msgspec.Struct, kw_only=True):
    """How many were looked at, how many were left out as too long, and what is not as it should be."""

    count: int = 0
    left_out: int = 0
    findings: list[Finding] = []

    def add(self, other: "Checked") -> None:
        self.count += other.count
        self.left_out += other.left_out
        self.findings.extend(other.findings)


async def verify_documents(
    events: AsyncDatabase, views: AsyncDatabase, model: ReadModel[Any], keys: Collection[Key], most_commits: int
) -> Checked:
    """Compare documents, whether they are there or not; those with more commits are left out.

    A difference counts if it is still there at a second moment: a collection that was dropped meanwhile looks empty.
    """
    checked = await _verify_once(events, views, model, keys, most_commits)
    if checked.findings:
        again = [finding.key for finding in checked.findings]
        checked.findings = (await _verify_once(events, views, model, again, most_commits)).findings
    return checked


async def _verify_once(
    events: AsyncDatabase, views: AsyncDatabase, model: ReadModel[Any], keys: Collection[Key], most_commits: int
) -> Checked:
    async with moment_of(views) as moment:
        stored = await moment.documents(model.collection, keys)
        async with log_at(events, moment) as session:
            told = await _commits_of(events, session, model, keys, most_commits)
    counted = {key: _counted(commits, moment) for key, commits in told.items()}
    known = {key: commits for key, commits in counted.items() if commits is not None}
    checked = await compared(moment, model, known, stored, await read_skips_of(views, events))
    checked.left_out = len(keys) - len(told)
    return checked


async def compared(
    moment: Moment,
    model: ReadModel[Any],
    told: Mapping[Key, Sequence[Commit]],
    stored: Mapping[Key, RawBSONDocument],
    skips: Skips,
) -> Checked:
    """`told` are all commits of each document up to the moment, `skips` those decided by then, or later.

    Others have their turn between two documents.
    """
    checked = Checked()
    for key, commits in told.items():
        if not commits and (key not in stored or stored[key].get("partition") in moment.emptied):
            continue
        checked.count += 1
        if finding := finding_of(model, key, commits, stored.get(key), moment.upto, skips=skips):
            checked.findings.append(finding)
        await asyncio.sleep(0)
    return checked


@asynccontextmanager
async def log_at(events: AsyncDatabase, moment: Moment) -> AsyncIterator[AsyncClientSession]:
    """A snapshot of the log that has all the moment stands on; NotNow if this log does not have it."""
    async with events.client.start_session(snapshot=True) as session:
        wanted = {"_id": {"$in": list(moment.commands)}}
        with reaching("The event log cannot be reached."):
            found = await events["commits"].find(wanted, {"command_id": 1}, session=session).to_list()
        if {commit["_id"]: commit["command_id"] for commit in found} != moment.commands:
            raise NotNow("The log does not have the commits at which the views' checkpoints stand.")
        yield session


async def _commits_of(
    events: AsyncDatabase, session: AsyncClientSession, model: ReadModel[Any], keys: Collection[Key], most_commits: int
) -> dict[Key, list[Commit]]:
    """All commits of each document, without those documents of which a stream is longer."""
    names = {stream: key for key in keys for stream in streams_of(model, key)}
    longer = {"stream": {"$in": list(names)}, "version": most_commits + 1}
    with reaching("The event log cannot be reached."):
        too_long = events["commits"].find(longer, {"stream": 1}, hint="stream_version", session=session)
        left_out = {names[commit["stream"]] for commit in await too_long.to_list()}
        wanted = {"stream": {"$in": [stream for stream, key in names.items() if key not in left_out]}}
        found = to_be_folded(events["commits"]).find(wanted, WITHOUT_METADATA, hint="stream_version", session=session)
        told: dict[Key, list[Commit]] = {key: [] for key in keys if key not in left_out}
        async for document in found:
            told[names[document["stream"]]].append(from_partial_document(document))
    return told


def _counted(commits: Sequence[Commit], moment: Moment) -> list[Commit] | None:
    """Those up to the moment, in the order of the log; None if nothing can be said then."""
    if any(commit.partition in moment.emptied for commit in commits):
        return None
    counted = [commit for commit in commits if commit.position <= moment.upto.get(commit.partition, 0)]
    return sorted(counted, key=lambda commit: commit.position)


async def subjects_told(
    events: AsyncDatabase, model: ReadModel[Any], keys: Collection[Key], upto: Mapping[int, int]
) -> set[Key]:
    """Those of which the log tells anything up to there."""
    names = {stream: key for key in keys for stream in streams_of(model, key)}
    firsts: dict[Key, bool] = defaultdict(bool)
    wanted = {"stream": {"$in": list(names)}, "version": 1}
    with reaching("The event log cannot be reached."):
        found = events["commits"].find(wanted, {"stream": 1, "partition": 1}, hint="stream_version")
        async for commit in found:
            firsts[names[commit["stream"]]] |= commit["_id"] <= upto.get(commit["partition"], 0)
    return {key for key, is_told in firsts.items() if is_told}


def streams_of(model: ReadModel[Any], key: Key) -> list[str]:
    return [f"{context}-{key}" for context in model.contexts]
