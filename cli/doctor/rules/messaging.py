"""RabbitMQ: what must be there, and what must not pile up; pure."""

from collections.abc import Callable

from cli.doctor.facts import Broker, Facts
from cli.doctor.findings import Finding, look, ok, unknown, wrong
from common.broker import queue_name
from common.command_queue import BINDING, COMMAND_EXCHANGE, DEAD_QUEUE, QUEUE
from common.envelope import EXCHANGE

OLDEST_RABBITMQ = (3, 10)
GROUPS = ("views", "sagas")
ANEW = "Start, or start again, the projector, the sagas and the command service: they declare what they use."


def broker(facts: Facts) -> Finding:
    if facts.broker is None:
        return look(
            "There is no RabbitMQ: AMQP_URL is empty.", "Nothing is told to others, and views come a second late."
        )
    if facts.broker.trouble:
        return wrong(f"RabbitMQ cannot be asked: {facts.broker.trouble}.", "Start it, or set AMQP_URL right.")
    version = facts.broker.version
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST_RABBITMQ:
        return wrong(f"RabbitMQ is {version}.", "Install 3.10 or later.")
    return ok(f"RabbitMQ {version} answers.")


def _told(rule: Callable[[Facts, Broker], Finding]) -> Callable[[Facts], Finding]:
    """A rule over what the management told."""

    def checked(facts: Facts) -> Finding:
        if facts.broker is None or facts.broker.trouble:
            return unknown("There is no RabbitMQ to ask.")
        if facts.broker.unasked:
            return unknown(
                f"RabbitMQ's management was not asked: {facts.broker.unasked}.",
                "Set MANAGEMENT_URL, and the tag `monitoring` for the account of AMQP_URL.",
            )
        return rule(facts, facts.broker)

    return checked


@_told
def alarms(_: Facts, broker: Broker) -> Finding:
    if broker.alarms:
        return wrong(
            f"RabbitMQ takes no messages: {' and '.join(broker.alarms)}.",
            "Give it memory or disk; it goes on by itself.",
        )
    return ok("RabbitMQ has no alarm of memory or disk.")


def wanted_queues(partitions: int) -> frozenset[str]:
    own = {queue_name(group, partition) for group in GROUPS for partition in range(partitions)}
    return frozenset(own | {QUEUE, DEAD_QUEUE})


@_told
def queues(facts: Facts, broker: Broker) -> Finding:
    if facts.data is None:
        return unknown("Which queues there must be follows from the log.")
    wanted = wanted_queues(facts.data.partitions)
    if missing := sorted(wanted - broker.queues.keys()):
        return wrong(f"{_listed(missing)} {_is(missing)} missing in RabbitMQ.", ANEW)
    if others := sorted(name for name in wanted if broker.queues[name].kind != "quorum"):
        return wrong(f"{_listed(others)} {_is(others)} no quorum queue.", f"Delete what is empty. {ANEW}")
    return ok(f"All {len(wanted)} queues are there, and quorum queues.")


@_told
def bindings(facts: Facts, broker: Broker) -> Finding:
    if facts.data is None:
        return unknown("Which bindings there must be follows from the log.")
    if gone := sorted({EXCHANGE, COMMAND_EXCHANGE} - broker.exchanges):
        return wrong(f"The exchange {_listed(gone)} is missing in RabbitMQ.", ANEW)
    wanted = {(EXCHANGE, queue_name(g, p), f"p{p}.#") for g in GROUPS for p in range(facts.data.partitions)}
    wanted.add((COMMAND_EXCHANGE, QUEUE, BINDING))
    if missing := sorted(queue for _, queue, _ in wanted - broker.bindings):
        return wrong(f"{_listed(missing)} {_is(missing)} not bound as needed.", ANEW)
    return ok(f"Both exchanges and all {len(wanted)} bindings are there.")


@_told
def dead_letters(_: Facts, broker: Broker) -> Finding:
    dead = broker.queues.get(DEAD_QUEUE)
    if dead and dead.messages:
        return wrong(
            f"{dead.messages:,} commands lie in {DEAD_QUEUE}.",
            "Repair the cause and move them to `commands` (docs/operations.md, Commands over RabbitMQ).",
        )
    return ok(f"No command lies in {DEAD_QUEUE}.")


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
