"""docs/metrics.md tells every metric that a service has, and none that is not there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.metrics import Metric, all_metrics, metrics_of
from tests.support.system import MODULES, ROOT

PAGE = (ROOT / "docs/metrics.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
ANCHOR = re.compile(r"\]\(operations\.md#([a-z0-9-]+)\)")
NAMES = {service: service for service in MODULES} | {"saga": "sagas"}
"""Service → as the page calls it."""


@dataclass(frozen=True, slots=True)
class Row:
    metric: Metric
    unit: str
    services: frozenset[str]
    tells: str


def rows() -> Iterator[Row]:
    for line in PAGE.splitlines():
        if line.startswith("| `leveret_"):
            name, kind, labels, unit, services, tells, _ = (cell.strip() for cell in line.strip("|").split("|"))
            listed = tuple(re.findall(r"`(\w+)`", labels))
            named = NAMES.values() if services == "all" else services.split(", ")
            yield Row(Metric(name.strip("`"), kind, listed), unit, frozenset(named), tells)


ROWS = {row.metric.name: row for row in rows()}


def test_every_metric_is_on_the_page_and_every_metric_of_the_page_is_there() -> None:
    assert ROWS.keys() == all_metrics().keys()
    assert len(ROWS) == len(list(rows())), "one is on the page twice"


@pytest.mark.parametrize("name", ROWS)
def test_type_and_labels_of_a_metric_are_those_of_the_page(name: str) -> None:
    assert all_metrics()[name] == ROWS[name].metric


@pytest.mark.parametrize("service", MODULES)
def test_a_service_has_the_metrics_that_the_page_says_it_has(service: str) -> None:
    said = {name for name, row in ROWS.items() if NAMES[service] in row.services}
    assert said <= {metric.name for metric in metrics_of(service)}
    assert {metric.name for metric in metrics_of(service)} - said <= {
        name for name, row in ROWS.items() if row.services - {NAMES[service]}
    }


def test_every_metric_has_a_unit_and_says_what_it_tells() -> None:
    assert not [name for name, row in ROWS.items() if not row.unit or not row.tells or not row.services]


def test_units_stand_in_the_names_as_prometheus_wants_them() -> None:
    wrong = [name for name, row in ROWS.items() if (row.unit in ("seconds", "Unix time")) != name.endswith("_seconds")]
    assert not wrong


def test_links_lead_to_sections_that_are_there() -> None:
    titles = re.findall(r"^#+ (.*)$", OPERATIONS, re.MULTILINE)
    sections = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
    assert set(ANCHOR.findall(PAGE)) <= sections
