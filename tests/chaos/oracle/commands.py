"""O1, O8: what clients were told of their commands, and what the log has of them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from command_service.routes import identify
from common.access.actors import NOBODY
from tests.chaos.history import Record
from tests.chaos.oracle.calls import Call, with_greatest_before
from tests.chaos.oracle.facts import Document, Facts, Finding

Tries = Mapping[str, Sequence[Record]]


def o1_what_was_answered_is_in_the_log(facts: Facts) -> Iterator[Finding]:
    """An *ok* command that changed something is in the log exactly once, where the answer said; *info* at most once.

    A *fail*, and an *ok* that changed nothing, is not in the log, unless a later try of the same command put it there.
    """
    written = by_command(facts)
    for command_id, commits in written.items():
        if len(commits) > 1:
            yield f"command {command_id}", f"it is in the log at {[commit['_id'] for commit in commits]}"
    for command_id, tries in tries_by_command(facts).items():
        commit = written.get(command_id, [None])[0]
        for record in tries:
            yield from _answer(command_id, record, commit)
        if commit and (refusal := _refused_for_good(tries)):
            yield _named(command_id, refusal), f"answered {refusal.status} for good, and it is at {commit['_id']}"


def _answer(command_id: str, record: Record, commit: Document | None) -> Iterator[Finding]:
    about = _named(command_id, record)
    if record.command_id not in (None, command_id):
        yield about, f"it was answered as command {record.command_id}"
    if not has_written(record):
        return
    if commit is None:
        yield about, f"acknowledged at position {record.position}, and lost"
        return
    answered = (record.position, record.version, record.partition)
    stands = (commit["_id"], commit["version"], commit["partition"])
    if answered != stands:
        yield about, f"(position, version, partition) was answered as {answered} and is {stands}"


def _refused_for_good(tries: Sequence[Record]) -> Record | None:
    """A try that wrote nothing, and after whose beginning no other one was under way that may have written."""
    may_write = [record.complete_ns for record in tries if record.type == "info" or has_written(record)]
    last = max(may_write, default=-1)
    said_no = (record for record in tries if record.type != "info" and not has_written(record))
    return next((record for record in said_no if record.invoke_ns > last), None)


def o8_positions_follow_real_time(facts: Facts) -> Iterator[Finding]:
    """A completed before B was invoked ⇒ position(A) < position(B).

    A command begins with its first try and is complete with the first answer that says it is done; one whose answers
    all got lost may still not stand before what was complete when it began.
    """
    for call, before in with_greatest_before(_calls(facts)):
        if before and call.value <= before.value:
            yield call.about, f"at {call.value}, though {before.about} was complete at {before.value} before it began"


def _calls(facts: Facts) -> Iterator[Call]:
    written = by_command(facts)
    for command_id, tries in tries_by_command(facts).items():
        done = [record for record in tries if has_written(record) and record.position is not None]
        first = min(done, key=lambda record: record.complete_ns, default=None)
        begin_ns = min(record.invoke_ns for record in tries)
        if first and first.position is not None:
            yield Call(begin_ns, first.complete_ns, first.position, _named(command_id, first))
        elif command_id in written:
            yield Call(begin_ns, None, written[command_id][0]["_id"], _named(command_id, tries[0]))


def tries_by_command(facts: Facts) -> Tries:
    """Command id → every call under its key, in the order of their invocation; the id follows from the key."""
    tries: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(facts.commands, key=lambda record: record.invoke_ns):
        tries[identify(NOBODY, record.key).command_id].append(record)
    return tries


def by_command(facts: Facts) -> dict[str, list[Document]]:
    """Command id → its commits, of which there is one where all is well."""
    commits: dict[str, list[Document]] = defaultdict(list)
    for commit in facts.commits:
        commits[commit["command_id"]].append(commit)
    return commits


def has_written(record: Record) -> bool:
    """Whether the answer says that the command is in the log, by this try or an earlier one."""
    return record.type == "ok" and record.changed is True


def _named(command_id: str, record: Record) -> str:
    return f"command {command_id} ({record.op} of {record.proc})"
