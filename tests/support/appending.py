"""Several command services on one log, their clients, and what must be true of the log and of every answer afterwards.

The domain is as small as can be: a stream is the list of the marks that were made in it. Each mark says which list its
`decide` saw, so that the log itself tells whether anything was decided on a state that never was (L7).
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from zlib import crc32

from command_service.domain.decider import Context, Decider
from command_service.handling import CommandHandler, Outcome, Request
from command_service.snapshots import Snapshots, SnapshotStore
from command_service.streams import Streams
from common.access.actors import ANYBODY
from common.chain import link
from common.envelope import Commit
from common.errors import CommandRejected, Refusal, Unavailable
from common.events.inventory import InventoryUpdated
from common.group_commit import Appender
from common.log import Log, LogInfo
from common.tasks import end, supervised
from common.values import Message
from tests.support.commits import a_command_id
from tests.support.memory_snapshots import MemorySnapshots

Marks = tuple[str, ...]
Wish = Literal["add", "add_if_open", "open", "close"]
PATIENCE_SECONDS = 2.0  # of a request where time is imagined, or an answer may be missing
LONG_PATIENCE_SECONDS = 60.0  # where a real server, however busy, must answer
EVERY_EVENTS, LOOK_AFTER = 2, 2


class Mark(Message):
    wish: Wish


def decide(command: Mark, marks: Marks, context: Context) -> tuple[InventoryUpdated, ...]:
    is_open = _is_open(marks)
    match command.wish:
        case "close" if not marks:
            raise CommandRejected("nothing_to_close", "there is nothing yet")
        case "close" if not is_open:
            return ()
        case "open" if is_open:
            return ()
        case "add_if_open" if not is_open:
            raise CommandRejected("closed", "it is closed")
    return (InventoryUpdated(product_id=1, product_name=f"{command.wish} on {digest(marks)}"),)


def _is_open(marks: Marks) -> bool:
    toggles = [mark for mark in marks if mark.startswith(("open ", "close "))]
    return not toggles or toggles[-1].startswith("open ")


def evolve(marks: Marks, event: InventoryUpdated) -> Marks:
    return (*marks, event.product_name or "")


def digest(marks: Marks) -> str:
    return f"{len(marks)}/{crc32(repr(marks).encode()):08x}"


MARKS: Decider[Mark, Marks, InventoryUpdated] = Decider(
    context="inventory",
    id_field="product_id",
    initial=(),
    state=tuple[str, ...],
    decide=decide,
    evolve=evolve,
    status=digest,
)


def a_request(
    wish: Wish = "add",
    subject: str = "1",
    *,
    command_id: str | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
    **rest: object,
) -> Request:
    """A keyed command if it has an id; its patience begins now."""
    filled = {
        "command": Mark(wish=wish),
        "decider": MARKS,
        "subject": subject,
        "command_id": command_id or a_command_id(),
        "is_keyed": command_id is not None,
        "fingerprint": f"{wish} {subject}",
        "actor": ANYBODY,
        "deadline": asyncio.get_running_loop().time() + patience_seconds,
        "partition_key": 1,
    }
    return Request(**(filled | rest))  # type: ignore[arg-type]


class Service:
    """One command service; its tasks die together."""

    def __init__(
        self, log: Log, info: LogInfo, snapshots: SnapshotStore | None = None, *, every_events: int = EVERY_EVENTS
    ) -> None:
        """It saves and looks for snapshots all the time, so that every rule is tried with them, too."""
        self.log = log
        saved = Snapshots(snapshots or MemorySnapshots(), info.id, every_events=every_events, look_after=LOOK_AFTER)
        self.streams = Streams(log, saved)
        self.snapshots = saved
        self.appender = Appender(log, on_superseded=self.streams.forget)
        self.handler = CommandHandler(log, info, self.appender, self.streams, clock=asyncio.get_running_loop().time)
        self._is_dead = False
        self._tasks: set[asyncio.Task[object]] = set()
        self._start(supervised("appender", self.appender.run))
        self._start(saved.run())

    def handle(self, request: Request) -> asyncio.Task[Outcome]:
        if self._is_dead:
            raise Unavailable("The connection is refused.")
        return self._start(self.handler.handle(request))

    async def end(self) -> None:
        self._is_dead = True
        await end(*self._tasks)

    def _start(self, work: object) -> "asyncio.Task[object]":
        task = asyncio.ensure_future(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


@dataclass(slots=True)
class Call:
    """One request as its client saw it. `answer` stays None when there was none, or a 503."""

    request: Request
    fewest: int  # commits of the stream that were in the log when it was sent
    answered_before: int  # the highest position that anybody had been told by then
    sent_at: int = 0  # the history's count of messages
    told_at: int = 0
    answer: Outcome | Refusal | None = None
    most: int = 0  # commits of the stream when it was answered

    @property
    def is_done(self) -> bool:
        return isinstance(self.answer, Outcome) and self.answer.changed


@dataclass(slots=True)
class History:
    """What all clients were told, in the order in which they were told. `version_now` counts a stream's commits."""

    version_now: Callable[[str], int]
    calls: list[Call] = field(default_factory=list)
    answered: list[Call] = field(default_factory=list)
    highest_answered: int = 0
    messages: int = 0

    def count(self) -> int:
        self.messages += 1
        return self.messages

    async def send(self, service: Service, request: Request) -> Call:
        call = Call(request, self.version_now(request.stream), self.highest_answered, sent_at=self.count())
        self.calls.append(call)
        try:
            call.answer = await asyncio.shield(service.handle(request))
        except Refusal as refusal:
            call.answer = refusal
        except (Unavailable, asyncio.CancelledError):
            pass
        else:
            self.highest_answered = max(self.highest_answered, call.answer.position)
        call.most = self.version_now(request.stream)
        call.told_at = self.count()
        self.answered.append(call)
        return call

    def tally(self) -> Counter[str]:
        return Counter(_kind(call) for call in self.answered)


def _kind(call: Call) -> str:
    match call.answer:
        case None:
            return "unknown"
        case Outcome():
            return "replayed" if call.answer.replayed else "done" if call.answer.changed else "already so"
        case _:
            return call.answer.code


def check(history: History, log: Sequence[Commit]) -> None:
    """Every rule that the log and the answers must keep, whatever happened in between."""
    assert [commit.position for commit in log] == list(range(1, len(log) + 1)), "positions 1..N without a hole (L1-L4)"
    streams = _streams(log)
    _check_streams(streams)
    commits = {commit.command_id: commit for commit in log}
    assert len(commits) == len(log), "a command id is in the log once (L1)"
    prefixes = {name: _prefixes(of) for name, of in streams.items()}
    for call in history.calls:
        _check_call(call, commits.get(call.request.command_id), streams, prefixes)
    _check_refused_are_not_there(history, commits)
    sent = {(call.request.command_id, call.request.fingerprint) for call in history.calls}
    assert all((commit.command_id, commit.fingerprint) in sent for commit in log), "only what was sent is in the log"


def _streams(log: Sequence[Commit]) -> dict[str, list[Commit]]:
    streams: dict[str, list[Commit]] = defaultdict(list)
    for commit in log:
        streams[commit.stream].append(commit)
    return streams


def _check_streams(streams: dict[str, list[Commit]]) -> None:
    for commits in streams.values():
        assert [commit.version for commit in commits] == list(range(1, len(commits) + 1)), "versions 1..n in order (L1)"
        chain: bytes | None = None
        for commit, before in zip(commits, _prefixes(commits), strict=False):
            assert commit.chain == link(chain, commit), f"{commit.position} is linked to what stands before it"
            chain = commit.chain
            seen = _mark_of(commit).partition(" on ")[2]
            assert seen == digest(before), f"{commit.position} was decided on a state that never was (L7)"


def _prefixes(commits: Sequence[Commit]) -> list[Marks]:
    marks = tuple(_mark_of(commit) for commit in commits)
    return [marks[:length] for length in range(len(marks) + 1)]


def _mark_of(commit: Commit) -> str:
    return commit.events[0].data["product_name"]


def _check_call(
    call: Call, commit: Commit | None, streams: dict[str, list[Commit]], prefixes: dict[str, list[Marks]]
) -> None:
    states = prefixes.get(call.request.stream, [()])
    match call.answer:
        case Outcome() as outcome if outcome.changed:
            _check_done(call, outcome, commit, states)
        case Outcome() as outcome:
            positions = [0, *(c.position for c in streams.get(call.request.stream, ()))]
            _check_already_so(call, outcome, states, positions)
        case Refusal() as refusal if refusal.code == "idempotency_key_reused":
            assert commit, "a key that nothing was done with was not reused (L10)"
            assert commit.fingerprint != call.request.fingerprint, "the same command is replayed, not refused (L10)"
        case Refusal() as refusal:
            possible = [_refusal_of(call, states[n]) for n in range(call.fewest, min(call.most, len(states) - 1) + 1)]
            assert refusal.code in possible, "refused on something that the log never said meanwhile (L9)"


def _check_done(call: Call, outcome: Outcome, commit: Commit | None, states: list[Marks]) -> None:
    assert commit, "an acknowledged command is in the log (L4, L8)"
    assert (outcome.version, outcome.position) == (commit.version, commit.position), "it is where the answer says (L10)"
    assert outcome.status == digest(states[commit.version]), "the answer tells the state that the command made (L10)"
    assert commit.fingerprint == call.request.fingerprint, "an answer is about the command that was sent (L10)"
    if outcome.replayed:
        return
    assert outcome.position > call.answered_before, "what begins after an answer comes after it (law 3)"
    expected = call.request.expected_version
    assert expected is None or outcome.version == expected + 1, "If-Match held (L6)"


def _check_already_so(call: Call, outcome: Outcome, states: list[Marks], positions: list[int]) -> None:
    assert call.fewest <= outcome.version <= call.most, "already so, on the stream as it was meanwhile (L9)"
    assert outcome.position == positions[outcome.version], "it tells the stream's last position (L9)"
    assert _refusal_of(call, states[outcome.version]) == "already so", "it was so (L9)"


def _refusal_of(call: Call, marks: Marks) -> str | None:
    """Why a command is not done in this state, by the rules as they are read, not as they are run."""
    try:
        events = decide(call.request.command, marks, Context(subject="", now=None, actor=ANYBODY))  # type: ignore[arg-type]
    except CommandRejected as refusal:
        return refusal.code
    if call.request.expected_version not in (None, len(marks)):
        return "stale_version"
    return None if events else "already so"


def _check_refused_are_not_there(history: History, commits: dict[str, Commit]) -> None:
    """A refused command was not done, unless by a later try, or by one that was under way beside it.

    The latter's insert may land after the refusal, and nobody could have known of it (L8).
    """
    tries: defaultdict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in history.answered:
        tries[call.request.command_id, call.request.fingerprint].append(call)
    for (command_id, fingerprint), calls in tries.items():
        commit = commits.get(command_id)
        if commit is None or commit.fingerprint != fingerprint:
            continue
        for refused in (call for call in calls if isinstance(call.answer, Refusal)):
            others = (call for call in calls if call.told_at > refused.sent_at)
            assert any(call.is_done or call.answer is None for call in others), "refused, and in the log (L8, L9)"
