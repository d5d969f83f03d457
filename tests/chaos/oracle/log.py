"""O2: the log as it stands, and as it stood."""

from collections import Counter
from collections.abc import Iterator

from tests.chaos.oracle.facts import Facts, Finding, digests


def o2_the_log_has_no_hole(facts: Facts) -> Iterator[Finding]:
    """Positions are 1..N without hole; per stream, versions are 1..n without hole; no commit changed or vanished."""
    yield from _holes(facts)
    yield from _changes(facts)


def _holes(facts: Facts) -> Iterator[Finding]:
    versions: Counter[str] = Counter()
    for position, commit in enumerate(facts.commits, 1):
        if commit["_id"] != position:
            yield f"position {position}", f"position {commit['_id']} stands in its place"
            break
    for commit in facts.commits:
        stream = commit["stream"]
        versions[stream] += 1
        if commit["version"] != versions[stream]:
            yield stream, f"version {commit['version']} at position {commit['_id']} comes after {versions[stream] - 1}"
            versions[stream] = commit["version"]


def _changes(facts: Facts) -> Iterator[Finding]:
    now = digests(facts.commits)
    for position, digest in facts.earlier.items():
        if position not in now:
            yield f"position {position}", "the commit has vanished"
        elif now[position] != digest:
            yield f"position {position}", "the commit is not what it was"
