"""What holds of every page: it can be reloaded, asks nobody else, is read on any screen, and used by keyboard."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import PHONE, Console, opened_console
from tests.browser.pages import LISTED, addresses
from tests.browser.shop import Shop

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
GRAVE = ("serious", "critical")
MOST_TABS = 60
NAMES = (
    *(path or "overview" for path in LISTED),
    *("order", "order_events", "order_saga", "order_causes", "product", "customer", "saga"),
)


async def complaints_of_axe(console: Console) -> list[str]:
    await console.page.evaluate(await asyncio.to_thread(AXE.read_text))
    found: dict[str, Any] = await console.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
        if violation["impact"] in GRAVE
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_grave(chromium: Browser, shop: Shop, name: str, scheme: str) -> None:
    address = (await addresses(shop))[name]
    async with opened_console(chromium, shop.address, color_scheme=scheme, bypass_csp=True) as console:
        await console.open(address)
        assert await complaints_of_axe(console) == []
        assert (console.complaints, console.strangers) == ([], [])


@pytest.mark.parametrize("name", NAMES)
async def test_nothing_is_wider_than_a_phone(chromium: Browser, shop: Shop, name: str) -> None:
    address = (await addresses(shop))[name]
    async with opened_console(chromium, shop.address, size=PHONE) as console:
        await console.open(address)
        assert await console.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


@pytest.mark.parametrize("name", NAMES)
async def test_each_address_can_be_reloaded(console: Console, shop: Shop, name: str) -> None:
    await console.open((await addresses(shop))[name])
    heading = await console.page.locator("h1").inner_text()
    assert await console.page.title() != "Leveret console"
    await console.page.reload()
    await console.settled()
    assert await console.page.locator("h1").inner_text() == heading
    await expect(console.page.locator(".trouble")).to_have_count(0)


async def test_every_page_is_reached_with_the_keyboard_alone(console: Console) -> None:
    await console.open()
    for path in LISTED[1:]:
        await tab_to(console, f'.ways a[href="/console/{path}"]', key="Shift+Tab")
        await console.page.keyboard.press("Enter")
        await console.page.wait_for_url(f"**/console/{path}")
        await console.settled()
        assert await console.page.evaluate("document.activeElement.tagName") == "H1"


async def test_an_order_is_opened_and_its_looks_are_changed_with_the_keyboard_alone(console: Console) -> None:
    await console.open("orders")
    await tab_to(console, 'tbody a[href^="/console/orders/"]')
    await console.page.keyboard.press("Enter")
    await tab_to(console, '[role="tab"][aria-selected="true"]')
    await console.page.keyboard.press("ArrowRight")
    await console.page.wait_for_url("**/orders/*?show=events")
    await tab_to(console, ".commit summary")
    await console.page.keyboard.press("Enter")
    await expect(console.page.locator(".commit[open]")).to_have_count(1)


async def tab_to(console: Console, selector: str, *, key: str = "Tab") -> None:
    """Go on with Tab until it has the focus, round the page once at most; what has it must be seen to have it."""
    for _ in range(MOST_TABS):
        await console.page.keyboard.press(key)
        if await console.page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            break
    focus = console.page.locator(":focus")
    assert await focus.evaluate("(element, selector) => element.matches(selector)", selector), (
        f"{selector}: not reached"
    )
    assert await focus.evaluate("(element) => getComputedStyle(element).outlineStyle") == "solid"


async def test_the_skip_link_leads_to_the_page(console: Console) -> None:
    await console.open("orders")
    await console.page.keyboard.press("Tab")
    await console.page.keyboard.press("Enter")
    assert await console.page.evaluate("document.activeElement.id") == "page"


async def test_the_colours_stay_as_they_were_chosen(console: Console) -> None:
    await console.open()
    await console.page.get_by_role("button", name="Use dark colours").click()
    await console.page.reload()
    await console.settled()
    assert await console.page.evaluate("document.documentElement.dataset.theme") == "dark"
