"""The services, and what goes from the log to views and sagas; pure."""

from collections.abc import Callable

from cli.doctor.facts import Behind, Data, Facts
from cli.doctor.findings import Finding, look, ok, unknown, wrong

SLOW_SECONDS, LATE_SECONDS = 2.0, 10.0


def services(facts: Facts) -> Finding:
    away = [f"{service.name} at {service.url} ({service.trouble})" for service in facts.services if service.trouble]
    if away and len(away) == len(facts.services):
        return wrong(
            f"No service answers: {', '.join(away)}.",
            "`cqrs up` starts a stack; of services elsewhere the environment says where they are (docs/operations.md).",
        )
    if away:
        return wrong(
            f"Not reached: {', '.join(away)}.", "Start them; `cqrs status` and their logs tell why they ended."
        )
    waiting = [f"{s.name} lacks {', '.join(s.unready)}" for s in facts.services if s.unready]
    if waiting:
        return wrong(f"Not ready: {'; '.join(waiting)}.", "Look at what they wait for, and at their logs.")
    return ok(f"All {len(facts.services)} services answer and are ready: {', '.join(s.name for s in facts.services)}.")


def versions(facts: Facts) -> Finding:
    versions = {service.name: service.version for service in facts.services if service.version}
    if not versions:
        return unknown("No service told its version.")
    if len(set(versions.values())) > 1:
        told = ", ".join(f"{name} {version}" for name, version in versions.items())
        return look(f"Services run several versions: {told}.", "Finish the release (docs/operations.md).")
    return ok(f"All services are version {next(iter(versions.values()))}.")


def _of_data(rule: Callable[[Data], Finding]) -> Callable[[Facts], Finding]:
    def checked(facts: Facts) -> Finding:
        if facts.data is None:
            return unknown(facts.data_trouble or "There is no log yet; the first command service makes it.")
        return rule(facts.data)

    return checked


@_of_data
def indexes(data: Data) -> Finding:
    if not data.missing_indexes:
        return ok("Every index that this release wants is there.")
    first, *others = data.missing_indexes
    which = f"{first} and {len(others)} more are" if others else f"{first} is"
    return wrong(f"The {which} not as this release wants.", "Run `cqrs migrate`.")


@_of_data
def one_log(data: Data) -> Finding:
    if foreign := sorted({*data.views.foreign, *data.sagas.foreign}):
        return wrong(
            f"Checkpoints of partition {', '.join(map(str, foreign))} are of another log than {data.log_id}.",
            "Set the databases right; if the log was restored on purpose, run `cqrs projections reset`.",
        )
    return ok(f"Views and sagas are of the log {data.log_id}, {data.head:,} commits.")


@_of_data
def relay(data: Data) -> Finding:
    return _behind(data.relay, "The relay", "Is RabbitMQ up, does a command service run with RELAY=true?")


@_of_data
def views(data: Data) -> Finding:
    return _behind(data.views, "The projector", "Does a projector run? Is its MongoDB slow? See docs/scaling.md.")


@_of_data
def sagas(data: Data) -> Finding:
    return _behind(data.sagas, "The saga runner", "Does a process `saga` run? Is its MongoDB slow?")


def _behind(behind: Behind, who: str, advice: str) -> Finding:
    if not behind.commits:
        return ok(f"{who} is level with the log.")
    said = f"{who} is {behind.commits:,} commits behind, the oldest for {behind.seconds:.0f} s."
    if behind.seconds > LATE_SECONDS:
        return wrong(said, advice)
    return look(said, advice) if behind.seconds > SLOW_SECONDS else ok(said)


@_of_data
def parked(data: Data) -> Finding:
    if some := {name: count for name, count in data.parked.items() if count}:
        told = ", ".join(f"{count:,} of {name}" for name, count in some.items())
        return wrong(f"Documents stand still: {told}.", "`cqrs projections parked --by-error` tells why.")
    return ok("No document stands still.")


@_of_data
def stuck(data: Data) -> Finding:
    if data.stuck is None:
        return unknown("This account may not read the sagas.", "`cqrs sagas list` asks through the gateway.")
    if data.stuck:
        return wrong(f"{data.stuck:,} sagas wait for a person.", "`cqrs sagas list` tells which and why.")
    return ok("No saga waits for a person.")


@_of_data
def differences(data: Data) -> Finding:
    if data.differences:
        return wrong(
            f"{data.differences:,} documents or sums are not what the log makes of them.",
            "`cqrs projections verify` names them; `cqrs projections rebuild` makes them anew.",
        )
    return ok("Nothing is known to differ from the log.")
