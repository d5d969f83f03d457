"""What followed from what: a command, its events, the commands that sagas sent because of them, and so on."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit
from common.errors import BadRequest, NotFound
from common.log_history import read_head
from common.log_search import LOOKED_AT, Wanted, search
from common.read_models.storage import SAGAS
from common.stored_commits import from_document
from query_service.answers import Answer
from query_service.commits import show_event
from query_service.shown.events import CausedCommand, Correlation, SagaCommand

MOST_COMMANDS = 1000  # in one tree
_CORRELATION = re.compile(r"[ -~]{1,128}", re.ASCII)
_SAGA_OF = {"order": "", "product": "product_onboarding"}
"""Context → the name before the subject in the id of the saga that is about it; an order's has none."""

Step = Mapping[str, Any]
"""A step of a saga as it is stored, with `saga_id`."""


@dataclass(slots=True)
class Known:
    """By command ids: commits, steps of sagas, and why there is a command."""

    commits: dict[str, Commit] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)


async def one_correlation(http: web.Request, log: AsyncDatabase) -> Answer:
    """The id is a client's X-Correlation-ID, a command's id, or a saga's (an order's id).

    Commands and sagas are found by their ids. A correlation id that a client chose has no index: it is looked for
    among the newest 20,000 commits.
    """
    correlation_id = http.match_info["correlation_id"]
    if not _CORRELATION.fullmatch(correlation_id):
        raise BadRequest("invalid_correlation_id", "A correlation id has 1 to 128 visible characters.")
    head = (await read_head(log)).position
    first = max(1, head - LOOKED_AT + 1)
    roots = await _roots(log, correlation_id, first, head)
    if not roots:
        raise NotFound(
            "unknown_correlation",
            f"No command or saga has this id, and no commit from position {first} on has it as correlation id; "
            "older ones are found by /ops/events?correlation_id=.",
        )
    known = await _followed(log, roots)
    shown: Correlation = {
        "correlation_id": correlation_id,
        "searched_from": first,
        "commands": _trees(known, [commit.command_id for commit in roots]),
    }
    return Answer(shown)


async def _roots(log: AsyncDatabase, correlation_id: str, first: int, head: int) -> list[Commit]:
    wanted = Wanted(correlation_id=correlation_id, first=first, last=head)
    found = await search(log, wanted, start=None, newest_first=False, limit_commits=MOST_COMMANDS)
    begun = await _beginning(log, correlation_id)
    named = await _commits(log, {"command_id": correlation_id})
    commits = {commit.command_id: commit for commit in (*named, *begun, *found.commits)}
    await _add_causes(log, commits)
    return sorted(commits.values(), key=lambda commit: commit.position)


async def _add_causes(log: AsyncDatabase, commits: dict[str, Commit]) -> None:
    """A saga's commands have the saga's correlation id; what made it want them, a client's command, has another."""
    while unknown := {c.causation_id for c in commits.values() if c.causation_id} - commits.keys():
        causes = await _commits(log, {"command_id": {"$in": list(unknown)}})
        if not causes:
            return
        commits |= {commit.command_id: commit for commit in causes}


async def _beginning(log: AsyncDatabase, saga_id: str) -> list[Commit]:
    """The commit that a saga began with."""
    if await log[SAGAS].find_one({"_id": saga_id}, {"_id": 1}) is None:
        return []
    name, _, subject = saga_id.rpartition(":")
    contexts = [context for context, saga in _SAGA_OF.items() if saga == name]
    return await _commits(log, {"stream": {"$in": [f"{c}-{subject}" for c in contexts]}, "version": 1})


async def _followed(log: AsyncDatabase, roots: list[Commit]) -> Known:
    """Go from commits to the sagas of their subjects, from those to their commands, and on, while there is more."""
    known, commits, seen = Known(), roots, set[str]()
    while commits and len(known.commits) < MOST_COMMANDS:
        known.commits |= {commit.command_id: commit for commit in commits}
        known.causes |= {c.command_id: c.causation_id for c in commits if c.causation_id}
        saga_ids = {saga_id for commit in commits if (saga_id := _saga_of(commit))} - seen
        seen |= saga_ids
        steps = await _steps(log, saga_ids)
        for step in steps:
            known.steps[step["command_id"]] = step
            known.causes.setdefault(step["command_id"], step.get("caused_by") or step["begun_by"] or "")
        missing = [step["command_id"] for step in steps if step["command_id"] not in known.commits]
        commits = await _commits(log, {"command_id": {"$in": missing}}) if missing else []
    return known


def _saga_of(commit: Commit) -> str | None:
    name = _SAGA_OF.get(commit.context)
    return None if name is None else f"{name}:{commit.subject}".removeprefix(":")


async def _steps(log: AsyncDatabase, saga_ids: Iterable[str]) -> list[Step]:
    """Of these sagas, with the command that each saga began with: those of earlier versions do not say more."""
    found: list[Step] = []
    async for saga in log[SAGAS].find({"_id": {"$in": list(saga_ids)}}, {"steps": 1}):
        begun = await _beginning(log, saga["_id"])
        begun_by = begun[0].command_id if begun else None
        found += [{**step, "saga_id": saga["_id"], "begun_by": begun_by} for step in saga["steps"]]
    return found


async def _commits(log: AsyncDatabase, wanted: Mapping[str, Any]) -> list[Commit]:
    return [from_document(document) async for document in log["commits"].find(wanted)]


def _trees(known: Known, roots: list[str]) -> list[CausedCommand]:
    """Each command stands below the one that caused it, once; roots that another root caused are no roots."""
    children: dict[str, list[str]] = defaultdict(list)
    for command_id, cause in known.causes.items():
        children[cause].append(command_id)
    told: set[str] = set()
    tops = [root for root in roots if known.causes.get(root) not in {*roots}]
    return [_tree(known, children, root, told) for root in tops if root not in told]


def _tree(known: Known, children: Mapping[str, list[str]], command_id: str, told: set[str]) -> CausedCommand:
    told.add(command_id)
    below = [child for child in children.get(command_id, ()) if child not in told]
    below.sort(key=lambda child: _place(known, child))
    shown = _show(known, command_id)
    shown["caused"] = [_tree(known, children, child, told) for child in below if child not in told]
    return shown


def _place(known: Known, command_id: str) -> tuple[int, str]:
    commit = known.commits.get(command_id)
    return commit.position if commit else 2**63, command_id


def _show(known: Known, command_id: str) -> CausedCommand:
    commit, step = known.commits.get(command_id), known.steps.get(command_id)
    return {
        "command_id": command_id,
        **(_show_step(step) if step else SagaCommand()),
        "stream": commit and commit.stream,
        "version": commit and commit.version,
        "position": commit and commit.position,
        "recorded_at": commit and commit.recorded_at,
        "actor": commit and commit.actor,
        "correlation_id": commit and commit.correlation_id,
        "causation_id": commit and commit.causation_id,
        "events": [show_event(event) for event in commit.events] if commit else [],
        "caused": [],
    }


def _show_step(step: Step) -> SagaCommand:
    want = step["want"]
    return {
        "saga_id": step["saga_id"],
        "step": want["step"],
        "command": want["command"],
        "outcome": step["outcome"],
    }
