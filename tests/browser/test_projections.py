"""The page of projections: what is parked goes on by a button, and what is rebuilt says that it is the same."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from playwright.async_api import expect

from common.envelope import Commit
from common.log import open_log
from common.mongo import open_client
from tests.browser.chromium import Console
from tests.browser.shop import Shop
from tests.support.ledger import Ledger, event
from tests.support.system import System

SOON_MS = 20_000


@pytest.fixture
async def ledger(stack: System, mongodb_url: str) -> AsyncIterator[Ledger]:
    async with open_client(mongodb_url, name="test") as mongo:
        yield Ledger(await open_log(mongo[stack.events_database], partitions=8))


async def poison(ledger: Ledger) -> Commit:
    """An order that is cancelled in words which nobody knows yet; it stands still."""
    order = await ledger.order(uuid4().int % 10**12 + 1)
    return await ledger.on(order, event("OrderCancelled", 99, order_id=order.subject, reason="later"))


async def mend(ledger: Ledger, commit: Commit) -> None:
    """As if a new version of the program could read it."""
    await ledger.log.database["commits"].update_one({"_id": commit.position}, {"$set": {"events.0.schema": 1}})


async def test_what_is_poisoned_parks_and_goes_on_by_its_button(
    console: Console, shop: Shop, stack: System, ledger: Ledger
) -> None:
    strange = await poison(ledger)
    await stack.settled()
    await console.open("projections")
    await expect(console.page.locator("#parked-count")).to_have_attribute("data-count", "1", timeout=SOON_MS)
    row = console.page.get_by_role("row").filter(has_text="OrderCancelled has no schema 99")
    await expect(row).to_be_visible()
    await console.page.get_by_role("link", name=strange.subject).click()
    await expect(console.page.get_by_role("heading", name="Parked in orders")).to_be_visible()
    await expect(console.page.locator("pre")).to_contain_text('"schema": 99')
    await console.page.get_by_role("link", name="All read models").click()
    await mend(ledger, strange)
    await row.get_by_role("button", name="Retry").click()
    await console.page.get_by_role("dialog").get_by_role("button", name="Fold them again").click()
    await expect(console.page.locator("#parked-count")).to_have_attribute("data-count", "0", timeout=SOON_MS)
    assert (await shop.get("ops/parked"))["data"] == []


async def test_a_sample_is_verified_by_a_button(console: Console) -> None:
    await console.open("projections")
    await console.page.get_by_role("region", name="Orders", exact=True).get_by_role("button", name="Verify").click()
    await console.page.get_by_role("dialog").get_by_role("button", name="Verify").click()
    await expect(console.page.get_by_text("Identical:")).to_be_visible(timeout=SOON_MS)


async def test_a_rebuild_shows_how_far_it_is_and_ends_identical(console: Console, shop: Shop) -> None:
    await console.open("projections")
    panel = console.page.get_by_role("region", name="Inventory", exact=True)
    before = (await shop.get("ops/projections/inventory"))["shown"]
    await panel.get_by_role("button", name="Rebuild").click()
    dialog = console.page.get_by_role("dialog")
    await expect(dialog.get_by_label("show it only if nothing differs")).to_be_checked()
    await dialog.get_by_label("Show it when it is ready").uncheck()
    await dialog.get_by_role("button", name="Rebuild").click()
    await expect(panel.get_by_role("progressbar")).to_be_visible(timeout=SOON_MS)
    await expect(panel.get_by_text("Identical")).to_be_visible(timeout=SOON_MS)
    await panel.get_by_role("button", name="Show the new one").click()
    await console.page.get_by_role("dialog").get_by_role("button", name="Show the new one").click()
    await expect(panel.locator("dd").first).not_to_have_text(before, timeout=SOON_MS)
    await expect(panel.get_by_role("button", name="Roll back")).to_be_visible(timeout=SOON_MS)
    await expect(panel.get_by_text("sums are as they were before")).to_be_visible()
