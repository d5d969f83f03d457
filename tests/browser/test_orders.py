"""The pages of orders: fresh without a reload, found by their addresses, true to the API at every version."""

import json

from playwright.async_api import expect

from tests.browser.chromium import Console
from tests.browser.shop import Shop

AT_ONCE_MS = 2000
SOON_MS = 15_000


async def test_an_order_placed_over_http_appears_without_a_reload(console: Console, shop: Shop) -> None:
    await console.open("orders")
    await expect(console.page.get_by_text("Live", exact=True)).to_be_visible()
    await console.page.evaluate("window.isTheSamePage = true")
    order_id = await shop.order()
    await expect(console.page.locator(f'a[href="/console/orders/{order_id}"]')).to_be_visible(timeout=AT_ONCE_MS)
    assert await console.page.evaluate("window.isTheSamePage")


async def test_the_slider_shows_what_the_api_says_at_each_version(console: Console, shop: Shop) -> None:
    order_id = await shop.order()
    await shop.complete(order_id)
    newest = (await shop.get(f"ops/aggregates/order-{order_id}/state"))["version"]
    await console.open(f"orders/{order_id}?version=1")
    await console.page.get_by_text("As the API tells it").click()
    for version in range(1, newest + 1):
        await console.page.locator("#version").fill(str(version))
        shown = console.page.locator(f'dl.state[data-version="{version}"]')
        await shown.wait_for()
        told = await shop.get(f"ops/aggregates/order-{order_id}/state?version={version}")
        await expect(shown).to_contain_text(told["state"]["status"], ignore_case=True)
        assert json.loads(await console.page.locator("details pre").inner_text()) == told


async def test_a_version_is_in_the_address_and_is_there_again_after_a_reload(console: Console, shop: Shop) -> None:
    order_id = await shop.order()
    await shop.is_at(order_id, "VALIDATED")
    await console.open(f"orders/{order_id}")
    await console.page.locator("#version").fill("1")
    await console.page.wait_for_url("**/orders/*?version=1")
    await console.page.reload()
    await expect(console.page.locator('dl.state[data-version="1"]')).to_be_visible()


async def test_a_command_is_sent_by_its_button_and_the_page_shows_what_came_of_it(console: Console, shop: Shop) -> None:
    order_id = await shop.order()
    await shop.is_at(order_id, "VALIDATED")
    await console.open(f"orders/{order_id}")
    await console.page.get_by_role("button", name="Pay").click()
    await console.page.get_by_role("dialog").get_by_role("button", name="Pay").click()
    head = console.page.locator(".page-head")
    await expect(head.get_by_text("Paid")).to_be_visible(timeout=SOON_MS)
    await expect(head.get_by_role("button", name="Ship")).to_be_visible()
    await expect(head.get_by_role("button", name="Pay")).to_have_count(0)


async def test_a_refused_command_says_why_and_keeps_what_was_typed(console: Console, shop: Shop) -> None:
    await console.open("orders")
    await console.page.get_by_role("button", name="New order").click()
    dialog = console.page.get_by_role("dialog")
    await dialog.get_by_label("Product").fill("987654321")
    await dialog.get_by_role("button", name="Place an order").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("987654321")
    await expect(dialog.get_by_label("Product")).to_have_value("987654321")
    console.complaints = [said for said in console.complaints if "422" not in said]  # Chromium's own, of any refusal


async def test_filters_are_in_the_address_and_narrow_the_list_down(console: Console, shop: Shop) -> None:
    await console.open("orders")
    await console.page.get_by_label("Status").select_option("CANCELLED")
    await console.page.wait_for_url("**/orders?status=CANCELLED")
    await console.page.reload()
    await console.settled()
    statuses = console.page.locator("tbody .status")
    wanted = await shop.get("queries/orders?status=CANCELLED&limit=25")
    await expect(statuses).to_have_count(len(wanted["data"]))
    assert set(await statuses.all_inner_texts()) == {"Cancelled"}


async def test_behind_an_order_are_its_stored_events_its_saga_and_what_followed(console: Console, shop: Shop) -> None:
    order_id = await shop.order()
    await shop.pay(order_id)
    await console.open(f"orders/{order_id}?show=events")
    await console.page.locator(".commit").first.click()
    await expect(console.page.get_by_text("OrderInitiated as stored, schema 1")).to_be_visible()
    await expect(console.page.get_by_text("as read today, schema 1")).to_be_visible()
    await console.page.get_by_role("tab", name="Saga").click()
    await expect(console.page.get_by_role("tabpanel")).to_contain_text("Reserve stock")
    await console.page.get_by_role("tab", name="What followed").click()
    tree = console.page.locator(".tree")
    await expect(tree.locator("li li").first).to_contain_text("Reserve stock")
    await expect(tree).to_contain_text("Confirm payment")
