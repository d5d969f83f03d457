"""Without a collector, or without the packages, nothing is traced and hardly anything is paid for it."""

import sys

import pytest
from structlog.testing import capture_logs

from common import spans
from common.config import Settings
from tests.support.commits import a_commit

TRACED = Settings(otel_exporter_otlp_endpoint="http://127.0.0.1:4318")


def test_without_an_endpoint_nothing_is_traced() -> None:
    spans.begin_spans(Settings(), "gateway")
    assert spans.tracer() is None


def test_what_is_not_traced_makes_nothing() -> None:
    commits = [a_commit(1)]
    nothing = spans.appending(commits)
    assert nothing is spans.publishing(commits) is spans.processing("views", commits)
    with nothing, nothing:  # it may stand in itself, as batches do side by side
        pass


def test_without_the_packages_the_service_runs_and_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "common.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)  # as if it were not installed
    with capture_logs() as said:
        spans.begin_spans(TRACED, "gateway")
    assert spans.tracer() is None
    assert [line["event"] for line in said] == ["nothing_is_traced"]
    assert "leveret[tracing]" in said[0]["advice"]
