"""What wants a person: a table of rules, looked at over the last samples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.numbers import negated, over
from monitor.sample import Sample
from monitor.shown import Alert, Severity
from monitor.stages import SLOW_PROJECTION_MS, SLOW_RELAY_COMMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`is_so` says of one sample whether it is so; None where nobody can tell, which changes nothing.

    It is told once it has been so for `after_seconds`, and for `more_seconds` after it was so last.
    """

    name: str
    severity: Severity
    is_so: Callable[[Sample], bool | None]
    summary: Callable[[Sample], str]
    advice: str
    after_seconds: float = 0.0
    more_seconds: float = 0.0


def alerts(samples: Sequence[Sample]) -> list[Alert]:
    """`samples` are the last ones, oldest first; `since` reaches back no further than they do."""
    return [told for rule in RULES if (told := _told(rule, samples))]


def _told(rule: Rule, samples: Sequence[Sample]) -> Alert | None:
    since, last = _since(rule, samples)
    if since is None or last is None or samples[-1].at - since < timedelta(seconds=rule.after_seconds):
        return None
    return {
        "name": rule.name,
        "severity": rule.severity,
        "since": since,
        "summary": rule.summary(last),
        "advice": rule.advice,
    }


def _since(rule: Rule, samples: Sequence[Sample]) -> tuple[datetime | None, Sample | None]:
    """When it began to be so, and the last sample in which it was; None and None where it is not so any more."""
    since, last, more = None, None, timedelta(seconds=rule.more_seconds)
    for sample in samples:
        is_so = rule.is_so(sample)
        if is_so:
            since, last = since or sample.at, sample
        elif is_so is False and last and sample.at - last.at >= more:
            since, last = None, None
    return since, last


def _down(service: str, meaning: str, severity: Severity = "critical") -> Rule:
    return Rule(
        name=f"{service}_down",
        severity=severity,
        is_so=lambda sample: service in sample.away,
        summary=lambda _: f"The service {service} does not answer: {meaning}.",
        advice=f"Look at its log and at `cqrs status`; `cqrs process start {service}` starts it in a local stack.",
    )


RULES = (
    _down("command", "commands are answered 503"),
    _down("query", "queries are answered 503"),
    _down("projector", "queries show old views"),
    _down("saga", "orders stay PENDING"),
    _down("gateway", "clients reach nothing"),
    _down("payments", "payments wait", "warning"),
    Rule(
        name="log_away",
        severity="critical",
        is_so=lambda sample: negated(sample.has_log),
        summary=lambda _: "MongoDB of the log does not answer: commands are answered 503.",
        advice="Look at MongoDB's log; `cqrs process start mongodb` starts it in a local stack.",
        after_seconds=5.0,
    ),
    Rule(
        name="differences_found",
        severity="critical",
        is_so=lambda sample: over(sample.differences, 0),
        summary=lambda sample: f"Documents and sums that were not what the log makes of them: {sample.differences}.",
        advice="`cqrs projections verify` compares all; GET /cqrs/ops/projections/{name}/differences lists them.",
        more_seconds=900.0,
    ),
    Rule(
        name="broker_away",
        severity="warning",
        is_so=lambda sample: negated(sample.has_broker),
        summary=lambda _: "RabbitMQ does not answer: nothing is lost, and views are fed from the log.",
        advice="Look at RabbitMQ's log; `cqrs process start rabbitmq` starts it in a local stack.",
        after_seconds=5.0,
    ),
    Rule(
        name="relay_behind",
        severity="warning",
        is_so=lambda sample: over(sample.relay_lag, SLOW_RELAY_COMMITS),
        summary=lambda sample: f"Commits that are not published yet: {sample.relay_lag}.",
        advice="Look for relay_waits and relay_interrupted in the command service's log, and at RabbitMQ's alarms.",
        after_seconds=10.0,
    ),
    Rule(
        name="projection_behind",
        severity="warning",
        is_so=lambda sample: over(sample.projector_lag_ms, SLOW_PROJECTION_MS),
        summary=lambda sample: f"The views are {(sample.projector_lag_ms or 0) / 1000:.0f} s behind the log.",
        advice="Look for feed_waits in the projector's log; start another projector when it is always busy.",
    ),
    Rule(
        name="parked_documents",
        severity="warning",
        is_so=lambda sample: over(sample.parked, 0),
        summary=lambda sample: f"Parked documents: {sample.parked}.",
        advice="`cqrs projections parked --by-error` says why; `cqrs projections retry` once the cause is repaired.",
    ),
    Rule(
        name="sagas_stuck",
        severity="warning",
        is_so=lambda sample: over(sample.sagas_stuck, 0),
        summary=lambda sample: f"Sagas that wait for a person: {sample.sagas_stuck}.",
        advice="`cqrs sagas list` says why; `cqrs sagas retry SAGA ID` once the cause is repaired.",
    ),
    Rule(
        name="dead_commands",
        severity="warning",
        is_so=lambda sample: over(sample.dead_commands, 0),
        summary=lambda sample: f"Commands in commands.dead: {sample.dead_commands}.",
        advice="Look at them on RabbitMQ's pages, repair the cause, then move them to the queue commands.",
    ),
    Rule(
        name="server_errors",
        severity="warning",
        is_so=lambda sample: over(sample.failed, 0),
        summary=lambda sample: f"Answers of 500 and more per second: {sample.failed or 0:.1f}.",
        advice="Look for request_failed in the logs of the services, and whether something above is away.",
        more_seconds=60.0,
    ),
)
"""The critical ones first."""
