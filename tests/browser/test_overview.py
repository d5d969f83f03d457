"""The overview: its one sentence says no more and no less than alerts, stages and positions tell together."""

from collections.abc import Mapping
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.browser.chromium import Console

NAMES = ("commands", "log", "relay", "exchange", "queues", "projector", "views", "sagas")
DOWN = {"name": "projector_down", "severity": "critical", "summary": "It does not answer.", "advice": "Start it."}
PARKED = {"name": "parked_documents", "severity": "warning", "summary": "Parked: 1.", "advice": "Retry."}
SINCE = {"since": "2026-10-05T09:30:00Z"}


async def told(console: Console, path: str, content: Mapping[str, Any]) -> None:
    """From now on the page is told this."""

    async def answer(route: Route) -> None:
        await route.fulfill(json=content)

    await console.page.route(f"**/cqrs/ops/{path}", answer)


def stages(**states: str) -> dict[str, Any]:
    """All are ok, but those that are named."""
    known = {"rate": 0.0, "depth": 0, "lag_ms": None, "detail": ""}
    return {"at": SINCE["since"], "stages": [known | {"name": n, "state": states.get(n, "ok")} for n in NAMES]}


def positions(*, lag: int | None, lag_ms: int) -> dict[str, Any]:
    group = {"position": 10, "lag": lag, "lag_ms": lag_ms, "partitions": []}
    return {
        "head": None if lag is None else 10 + lag,
        "relay": {"position": 10, "lag": 0, "connected": True},
        "groups": {"views": group},
    }


@pytest.mark.parametrize(
    ("alerts", "states", "said"),
    [
        ([], {}, "All is well"),
        ([], {"projector": "unknown"}, "Projector is unknown"),
        ([], {"queues": "slow", "projector": "unknown"}, "Queues are slow; Projector is unknown"),
        ([], dict.fromkeys(NAMES[:3], "down"), "3 stages are down"),
        ([], dict.fromkeys(NAMES, "unknown"), "Every stage is unknown"),
        ([PARKED], {"views": "slow"}, "One thing wants a look"),
        ([DOWN], {"projector": "down"}, "One thing is critical"),
        ([DOWN, PARKED], {"views": "unknown"}, "One thing is critical; Views are unknown"),
    ],
)
async def test_all_is_well_only_if_no_alert_and_no_stage_says_otherwise(
    console: Console, alerts: list[dict[str, str]], states: dict[str, str], said: str
) -> None:
    await told(console, "alerts", {"data": [alert | SINCE for alert in alerts]})
    await told(console, "pipeline", stages(**states))
    await told(console, "positions", positions(lag=0, lag_ms=0))
    await console.open()
    await expect(console.page.locator(".lead .status")).to_have_text(said)


@pytest.mark.parametrize(
    ("lag", "behind", "said"),
    [
        (0, "0 commits", "All is well"),
        (3, "3 commitsfor 5 min", "Views are 5 min behind"),
        (None, "unknown", "How far the views are is unknown"),
    ],
)
async def test_views_have_an_age_only_where_commits_wait(
    console: Console, lag: int | None, behind: str, said: str
) -> None:
    """A projector that is silent makes `lag_ms` grow, whether there is anything to do or not."""
    await told(console, "alerts", {"data": []})
    await told(console, "pipeline", stages())
    await told(console, "positions", positions(lag=lag, lag_ms=300_000))
    await console.open()
    figure = console.page.locator(".figures > div").filter(has_text="Views behind")
    await expect(figure.locator("dd")).to_have_text(behind)
    await expect(console.page.locator(".lead .status")).to_have_text(said)


async def test_a_line_moves_only_while_commits_move_along_it(console: Console) -> None:
    """Views tell how often they are asked: that moves nothing."""
    asked = stages()
    next(stage for stage in asked["stages"] if stage["name"] == "views")["rate"] = 0.4
    await told(console, "pipeline", asked)
    await console.open()
    await expect(console.page.locator(".stage").filter(has_text="Views")).to_contain_text("0.4 queries/s")
    await expect(console.page.locator(".pipe.flows")).to_have_count(0)


async def test_a_sample_that_stands_alone_is_drawn(console: Console) -> None:
    """Between gaps no line can be drawn: it is a point."""
    known = {"queue_messages": 1, "relay_lag": 0, "projection_lag": 0}
    waits = [None, 40.0, None, None, 60.0, None]
    data = [known | {"at": f"2026-10-05T09:3{n}:00Z", "write_to_read_p50_ms": wait} for n, wait in enumerate(waits)]
    await told(console, "samples", {"step_seconds": 60, "data": data})
    await console.open()
    chart = console.page.locator(".chart").filter(has_text="Write to read")
    await expect(chart.locator(".legend")).to_contain_text("p50 60 ms")
    assert await chart.locator("canvas").evaluate(COLOURED) > 0


COLOURED = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue, alpha] = data.slice(at, at + 4);
    if (alpha > 200 && Math.max(red, green, blue) - Math.min(red, green, blue) > 80) found += 1;
  }
  return found;
}"""
"""How many pixels are of a line's colour: scale and grid are grey."""
