"""What is checked, in the order in which it is told: each check is a name and a rule."""

from collections.abc import Callable, Mapping

from cli.doctor.facts import Facts
from cli.doctor.findings import Finding
from cli.doctor.rules import messaging, pipeline, safety, servers

CHECKS: Mapping[str, Callable[[Facts], Finding]] = {
    "python": servers.python,
    "disk": servers.disk,
    "log server": servers.log_server,
    "views server": servers.views_server,
    "durability": servers.durability,
    "clocks": servers.clocks,
    "indexes": pipeline.indexes,
    "broker": messaging.broker,
    "alarms": messaging.alarms,
    "queues": messaging.queues,
    "bindings": messaging.bindings,
    "dead letters": messaging.dead_letters,
    "services": pipeline.services,
    "versions": pipeline.versions,
    "one log": pipeline.one_log,
    "relay": pipeline.relay,
    "views": pipeline.views,
    "sagas": pipeline.sagas,
    "parked": pipeline.parked,
    "stuck": pipeline.stuck,
    "differences": pipeline.differences,
    "door": safety.door,
    "message key": safety.message_key,
    "token keys": safety.keys,
    "certificate": safety.certificate,
    "verifying": safety.verifying,
}


def examine(facts: Facts) -> dict[str, Finding]:
    return {name: rule(facts) for name, rule in CHECKS.items()}
