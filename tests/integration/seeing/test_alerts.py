"""What stands in deploy/ is understood by Prometheus, asks for metrics that are there, leads to a page that helps."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import yaml

from tests.support.metrics import all_series
from tests.support.promtool import promtool
from tests.support.system import ROOT

DEPLOY = ROOT / "deploy"
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
TESTS: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "alerts_test.yml").read_text())["tests"]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
COLUMNS = 24  # of a dashboard


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\bleveret_\w+", expression))


def test_the_rules_are_understood_by_prometheus() -> None:
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", "alerts.yml", cwd=DEPLOY)


def test_the_configuration_is_understood_by_prometheus() -> None:
    promtool("check", "config", "prometheus.yml", cwd=DEPLOY)


def test_every_alert_fires_when_it_should_and_is_quiet_when_it_should() -> None:
    promtool("test", "rules", "alerts_test.yml", cwd=DEPLOY)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_is_tested_both_ways(alert: dict[str, Any]) -> None:
    checks = [check for of in TESTS for check in of["alert_rule_test"] if check["alertname"] == alert["alert"]]
    assert {bool(check.get("exp_alerts")) for check in checks} == {True, False}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_metrics_that_are_there_and_says_what_to_do(alert: dict[str, Any]) -> None:
    assert metrics_in(alert["expr"]) <= all_series()
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert alert["annotations"]["summary"]
    page, _, section = alert["annotations"]["runbook"].partition("#")
    titles = re.findall(r"^#+ (.*)$", (ROOT / page).read_text(), re.MULTILINE)
    assert not section or section in {re.sub(r"[^\w -]", "", t).strip().lower().replace(" ", "-") for t in titles}


def test_everything_that_is_scraped_is_a_service_of_the_compose_file_under_its_port() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    (scraped,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    targets = dict(target.split(":") for target in scraped["static_configs"][0]["targets"])
    probed = {
        name: of["healthcheck"]["test"][-1].partition("/")[0]
        for name, of in compose.items()
        if name.startswith("cqrs_") and "healthcheck" in of
    }
    assert targets == probed


def panels() -> Iterator[dict[str, Any]]:
    yield from DASHBOARD["panels"]


def expressions() -> Iterator[tuple[str, str]]:
    """Of each panel its title and what it asks."""
    for panel in panels():
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def test_every_expression_of_the_dashboard_asks_for_metrics_that_are_there() -> None:
    wrong = {title: metrics_in(asked) - all_series() for title, asked in expressions()}
    assert {title: names for title, names in wrong.items() if names} == {}


def test_the_dashboard_shows_every_metric_that_is_a_rate_or_a_lag() -> None:
    shown = {name for _, asked in expressions() for name in metrics_in(asked)}
    missing = {name for name in all_series() if name.endswith(("_total", "_lag_seconds", "_lag_commits"))} - shown
    assert not missing


def test_every_expression_of_the_dashboard_is_understood_by_prometheus(tmp_path: Any) -> None:
    asked = [re.sub(r"\$__rate_interval", "1m", expression) for _, expression in expressions()]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", "rules.yml", cwd=tmp_path)


def test_the_dashboard_has_what_grafana_wants_of_one() -> None:
    assert DASHBOARD["schemaVersion"] >= 39
    assert DASHBOARD["uid"]
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids)
    for panel in panels():
        assert panel["type"] in ("row", "timeseries", "stat", "table")
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert panel["targets"]
            refs = [target["refId"] for target in panel["targets"]]
            assert len(set(refs)) == len(refs)


def test_no_panel_of_the_dashboard_lies_upon_another() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels():
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= COLUMNS
        for place in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            assert place not in taken, f"{panel['title']} lies upon {taken[place]}"
            taken[place] = panel["title"]
    rows = [panel["gridPos"]["y"] for panel in panels()]
    assert all(before <= after for before, after in pairwise(rows))
