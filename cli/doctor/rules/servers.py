"""The machine, and both servers of the databases; pure."""

from cli.doctor.facts import Facts, Server
from cli.doctor.findings import Finding, look, ok, unknown, wrong

OLDEST_PYTHON = (3, 11)
OLDEST_MONGODB = (6, 0)
LEAST_MEGABYTES, FEW_MEGABYTES = 500, 2_000  # MongoDB stops when its disk is full, RabbitMQ before
SKEW_SECONDS = 2.0  # times in the log are only as good as clocks are; nothing is ordered by them


def python(facts: Facts) -> Finding:
    version = ".".join(map(str, facts.machine.python))
    if facts.machine.python < OLDEST_PYTHON:
        return wrong(f"Python is {version}.", "Install Python 3.11 or later: make install PYTHON=/path/to/python3")
    return ok(f"Python is {version}.")


def disk(facts: Facts) -> Finding:
    free, folder = facts.machine.free_megabytes, facts.machine.folder
    said = f"{free:,} MB are free on the disk of {folder}."
    if free < LEAST_MEGABYTES:
        return wrong(said, f"Make room: below {LEAST_MEGABYTES} MB databases stop.")
    return look(said, "Make room before it is gone.") if free < FEW_MEGABYTES else ok(said)


def log_server(facts: Facts) -> Finding:
    return _server(facts.events, "the log")


def views_server(facts: Facts) -> Finding:
    return _server(facts.views, "the views")


def _server(server: Server, what: str) -> Finding:
    if server.trouble:
        return wrong(
            f"The MongoDB of {what} cannot be asked: {server.trouble}.",
            "Start it, or set EVENTS_MONGODB_URL and VIEWS_MONGODB_URL right.",
        )
    if server.replica_set is None:
        return wrong(
            f"The MongoDB of {what} is no replica set: it has no transactions.",
            "Start it with --replSet rs0 and run rs.initiate(); one node will do.",
        )
    if not server.is_writable:
        return wrong(f"The replica set of {what} has no primary.", "Look at rs.status(): a majority must be there.")
    if _numbers(server.version) < OLDEST_MONGODB:
        return wrong(f"The MongoDB of {what} is {server.version}.", "Install 6.0 or later.")
    return ok(f"MongoDB {server.version} answers for {what}, replica set {server.replica_set}, with a primary.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def durability(facts: Facts) -> Finding:
    """Every write of ours asks for the majority and its journal; a replica set can be told to lie about that."""
    if facts.events.trouble or facts.events.majority_is_durable is None:
        return unknown("Whether a majority's word is durable was not told.", "It takes an account with clusterMonitor.")
    if not facts.events.majority_is_durable:
        return wrong(
            "The log's replica set acknowledges for a majority what stands in no journal.",
            "Set writeConcernMajorityJournalDefault to true with rs.reconfig().",
        )
    return ok("What a majority of the log's servers acknowledges stands in their journals.")


def clocks(facts: Facts) -> Finding:
    skews = {
        what: server.clock_ahead_seconds
        for what, server in (("log", facts.events), ("views", facts.views))
        if not server.trouble
    }
    if not skews:
        return unknown("No server told its time.")
    what, ahead = max(skews.items(), key=lambda item: abs(item[1]))
    if abs(ahead) > SKEW_SECONDS:
        side = "ahead of" if ahead > 0 else "behind"
        return wrong(
            f"The clock of the {what}'s server is {abs(ahead):.1f} s {side} this machine's.", "Run NTP on both."
        )
    return ok(f"The servers' clocks are within {abs(ahead):.1f} s of this machine's.")
