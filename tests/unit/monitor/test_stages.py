"""The stages from a command to its views, by the newest sample."""

import pytest

from monitor.shown import Stage, State
from monitor.stages import stages
from tests.unit.monitor.scenes import a_sample

NAMES = ["commands", "log", "relay", "exchange", "queues", "projector", "views", "sagas"]
HEALTHY = {
    "accepted": 8.0,
    "refused": 1.0,
    "conflicted": 1.0,
    "stored": 9.0,
    "failed": 0.0,
    "has_log": True,
    "has_broker": True,
    "relay_lag": 3,
    "queue_messages": 5,
    "projection_lag": 2,
    "projector_lag_ms": 40.0,
    "parked": 0,
    "sagas_stuck": 0,
    "sagas_open": 4,
}


def by_name(**changed: object) -> dict[str, Stage]:
    return {stage["name"]: stage for stage in stages(a_sample(**HEALTHY | changed))}


def test_they_stand_in_the_order_of_the_way() -> None:
    assert [stage["name"] for stage in stages(a_sample())] == NAMES


def test_before_the_first_sample_nothing_is_known() -> None:
    assert {stage["state"] for stage in stages(None)} == {"unknown"}


def test_a_healthy_system_is_ok_everywhere() -> None:
    assert {stage["state"] for stage in by_name().values()} == {"ok"}
    assert by_name()["commands"]["rate"] == 10.0
    assert by_name()["relay"]["depth"] == 3
    assert by_name()["projector"]["lag_ms"] == 40.0


@pytest.mark.parametrize(
    ("changed", "name", "state"),
    [
        ({"away": ("command",)}, "commands", "down"),
        ({"away": ("projector",)}, "projector", "down"),
        ({"away": ("query",)}, "views", "down"),
        ({"away": ("saga",)}, "sagas", "down"),
        ({"has_log": False}, "log", "down"),
        ({"has_broker": False}, "exchange", "down"),
        ({"has_broker": None}, "exchange", "unknown"),
        ({"failed": 0.2}, "commands", "slow"),
        ({"flush_ms": 900.0}, "log", "slow"),
        ({"relay_lag": 501}, "relay", "slow"),
        ({"queue_messages": None}, "queues", "unknown"),
        ({"queue_messages": 1001}, "queues", "slow"),
        ({"projector_lag_ms": 10_001.0}, "projector", "slow"),
        ({"parked": 1}, "views", "slow"),
        ({"sagas_stuck": 1}, "sagas", "slow"),
    ],
)
def test_a_stage_says_what_is_wrong_with_it_and_the_others_do_not(
    changed: dict[str, object], name: str, state: State
) -> None:
    found = by_name(**changed)
    assert found[name]["state"] == state
    alike = {"has_broker": {"exchange", "queues"}, "away": {name, "relay"}}.get(next(iter(changed)), {name})
    assert {other for other, stage in found.items() if stage["state"] != "ok"} <= alike


def test_every_detail_is_a_sentence() -> None:
    for stage in (*stages(None), *stages(a_sample()), *by_name().values()):
        assert stage["detail"][0].isupper()
        assert stage["detail"].endswith(".")
