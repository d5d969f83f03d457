"""Alerts: told when it is so, since when, and not for longer than it is so."""

from datetime import timedelta
from typing import Any

import pytest

from monitor.alerts import RULES, alerts
from monitor.sample import Sample
from tests.unit.monitor.scenes import NOW, a_sample


def names(*samples: Sample) -> list[str]:
    return [alert["name"] for alert in alerts(samples)]


def every_five_seconds(*known: dict[str, Any]) -> list[Sample]:
    return [a_sample(5 * number, **of_one) for number, of_one in enumerate(known)]


@pytest.mark.parametrize(
    ("known", "name"),
    [
        ({"away": ("projector",)}, "projector_down"),
        ({"away": ("command",)}, "command_down"),
        ({"has_log": False}, "log_away"),
        ({"has_broker": False}, "broker_away"),
        ({"relay_lag": 501}, "relay_behind"),
        ({"projector_lag_ms": 10_001.0}, "projection_behind"),
        ({"parked": 1}, "parked_documents"),
        ({"sagas_stuck": 2}, "sagas_stuck"),
        ({"dead_commands": 1}, "dead_commands"),
        ({"differences": 1}, "differences_found"),
        ({"failed": 0.2}, "server_errors"),
    ],
)
def test_each_rule_is_told_alone(known: dict[str, Any], name: str) -> None:
    assert names(*every_five_seconds(known, known, known)) == [name]


def test_nothing_is_told_without_samples_or_where_nobody_knows() -> None:
    assert names() == []
    assert names(a_sample(), a_sample(5)) == []


def test_since_is_when_it_began() -> None:
    samples = every_five_seconds({"parked": 0}, {"parked": 1}, {"parked": 3})
    (alert,) = alerts(samples)
    assert alert["since"] == NOW + timedelta(seconds=5)
    assert alert["summary"] == "Parked documents: 3."


def test_it_ends_when_it_is_not_so_any_more() -> None:
    assert names(*every_five_seconds({"parked": 1}, {"parked": 0})) == []


def test_who_cannot_be_asked_changes_nothing() -> None:
    samples = every_five_seconds({"parked": 1}, {"parked": None}, {"parked": None})
    (alert,) = alerts(samples)
    assert alert["since"] == NOW


def test_a_short_trouble_of_the_broker_is_not_told() -> None:
    assert names(*every_five_seconds({"has_broker": True}, {"has_broker": False})) == []
    assert names(*every_five_seconds({"has_broker": False}, {"has_broker": False})) == ["broker_away"]


def test_a_difference_is_told_for_a_quarter_of_an_hour() -> None:
    found = a_sample(0, differences=2)
    assert names(found, a_sample(895, differences=0)) == ["differences_found"]
    assert names(found, a_sample(900, differences=0)) == []


def test_critical_ones_come_first() -> None:
    severities = [rule.severity for rule in RULES if rule.name != "payments_down"]
    assert severities == sorted(severities)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_in_sentences_what_is_so_and_what_to_do(rule: Any) -> None:
    for sentence in (rule.summary(a_sample()), rule.advice):
        assert sentence.endswith(".")
    assert len(rule.advice) > 20


def test_rules_have_names_of_their_own() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
