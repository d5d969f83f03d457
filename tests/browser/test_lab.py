"""The page of the lab, on a stack of `cqrs up`: what its knobs break is seen broken, and seen whole again."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import Console, opened_console
from tests.support.cqrs import Cqrs

SOON_MS = 30_000


@pytest.fixture(scope="module")
async def cqrs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cqrs]:
    stack = Cqrs(data=tmp_path_factory.mktemp("lab"), env={"SAMPLE_SECONDS": "1"})
    await asyncio.to_thread(stack.does, "up", "--detach")
    yield stack
    await asyncio.to_thread(stack.does, "down")


@pytest.fixture
async def lab(cqrs: Cqrs, chromium: Browser) -> AsyncIterator[Console]:
    gateway = (await asyncio.to_thread(cqrs.status))["gateway"]
    async with opened_console(chromium, gateway) as console:
        await console.open("lab")
        yield console
        assert console.strangers == []


async def test_the_slider_sends_orders_until_it_is_back(lab: Console) -> None:
    slider = lab.page.get_by_role("slider", name="Orders a second")
    for _ in range(4):
        await slider.press("ArrowRight")
    await expect(lab.page.get_by_text("Now 20 a second.")).to_be_visible(timeout=SOON_MS)
    await lab.open("orders")
    await expect(lab.page.get_by_role("row").nth(10)).to_be_visible(timeout=SOON_MS)
    await lab.open("lab")
    await expect(slider).to_have_value("20")
    await slider.press("Home")
    await expect(lab.page.get_by_text("Now 0 a second.")).to_be_visible(timeout=SOON_MS)


async def test_a_killed_projector_is_told_on_the_overview_until_it_is_started(lab: Console) -> None:
    await lab.page.get_by_role("button", name="Kill projector").click()
    start = lab.page.get_by_role("button", name="Start projector")
    await expect(start).to_be_visible(timeout=SOON_MS)
    await lab.open()
    await expect(lab.page.get_by_text("The service projector does not answer")).to_be_visible(timeout=SOON_MS)
    await lab.open("lab")
    await start.click()
    row = lab.page.get_by_role("row").filter(has_text="projector")
    await expect(row.get_by_text("ready")).to_be_visible(timeout=SOON_MS)
    await lab.open()
    await expect(lab.page.get_by_text("All is well")).to_be_visible(timeout=SOON_MS)


async def test_what_the_lab_poisons_is_parked_and_what_it_mends_moves_again(lab: Console) -> None:
    await lab.page.get_by_role("button", name="Plant a poisoned event").click()
    await expect(lab.page.get_by_text("A poisoned event stands at position")).to_be_visible()
    await lab.open("projections")
    parked = lab.page.locator("#parked-count")
    await expect(parked).to_have_attribute("data-count", "1", timeout=SOON_MS)
    await lab.open("lab")
    await lab.page.get_by_role("button", name="Mend what was planted").click()
    await expect(lab.page.get_by_text("What was planted is mended")).to_be_visible()
    await lab.open("projections")
    await lab.page.get_by_role("button", name="Retry").click()
    await lab.page.get_by_role("dialog").get_by_role("button", name="Fold them again").click()
    await expect(parked).to_have_attribute("data-count", "0", timeout=SOON_MS)
