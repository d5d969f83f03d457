"""The live tail: no event missing, none twice, and no memory lost, however much happens."""

from playwright.async_api import expect

from tests.browser.chromium import Console
from tests.browser.shop import Shop
from tests.support.system import System, until

SOON_SECONDS = 20.0
MANY_SECONDS = 120.0
MANY = 10_000
LINES_AT_ONCE = 500
MOST_ELEMENTS = 4000
MOST_GROWTH_BYTES = 12 * 1024 * 1024


async def tally(console: Console) -> dict[str, int]:
    return await console.page.locator("#tally").evaluate(
        "tally => Object.fromEntries(Object.entries(tally.dataset).map(([name, value]) => [name, Number(value)]))"
    )


async def positions(console: Console) -> list[int]:
    rows = console.page.locator(".tail > li")
    return await rows.evaluate_all("rows => rows.map((row) => Number(row.dataset.position))")


async def shows(console: Console, position: int) -> None:
    async def is_there() -> bool:
        return position in (await positions(console))[:1]

    await until(is_there, seconds=SOON_SECONDS, what=f"position {position} is the first that is shown")


async def head(shop: Shop) -> int:
    return (await shop.get("ops/positions"))["head"]


async def test_no_event_is_missing_or_there_twice_when_the_gateway_was_restarted(
    console: Console, shop: Shop, stack: System
) -> None:
    await console.open("events")
    before = await head(shop)
    await shop.is_at(await shop.order(), "VALIDATED")
    await shows(console, await head(shop))
    await stack.restart("gateway")
    for number in range(5):
        await shop.is_at(await shop.order(number), "VALIDATED")
    await stack.settled()
    await shows(console, newest := await head(shop))
    shown = [position for position in await positions(console) if position > before]
    assert shown == list(range(newest, before, -1))
    assert await tally(console) == {"seen": newest - before, "skipped": 0, "doubled": 0}
    console.complaints.clear()  # Chromium's own, of a connection that was lost


async def test_a_held_list_stands_still_and_goes_on_where_the_log_is(console: Console, shop: Shop) -> None:
    await console.open("events")
    await shows(console, await head(shop))
    await console.page.get_by_role("button", name="Pause").click()
    held = await positions(console)
    await shop.is_at(await shop.order(), "VALIDATED")
    await console.page.get_by_role("button", name="new)").wait_for()
    assert await positions(console) == held
    await console.page.get_by_role("button", name="Go on").click()
    await shows(console, await head(shop))


async def test_a_commit_leads_to_what_it_is_about(console: Console, shop: Shop) -> None:
    """A payment has no page of its own: it leads to its order."""
    order_id = await shop.order()
    await shop.pay(order_id)
    await console.open("events")
    for context, address in (("order", f"orders/{order_id}"), ("payment", f"orders/{order_id}")):
        link = console.page.locator(f'.tail a.stream[href="/console/{address}"]').filter(has_text=f"{context}-")
        await expect(link.first).to_be_visible()
    await expect(console.page.locator('.tail a.stream[href^="/console/products/"]').first).to_be_visible()


async def test_what_is_shown_is_told_apart_from_what_is_new(console: Console, shop: Shop) -> None:
    await console.open("events?context=order")
    shown = await console.page.locator(".tail > li").count()
    await expect(console.page.locator("#tally")).to_contain_text(f"{shown} shown, 0 new since you opened the page")


async def test_a_commit_is_copied_as_json_and_as_a_command(console: Console) -> None:
    await console.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await console.open("events?context=order")
    row = console.page.locator(".tail > li").first
    position = int(await row.get_attribute("data-position") or 0)
    await row.locator("summary strong").click()  # beside it is the link
    await row.get_by_role("button", name="Copy as curl").click()
    copied = await console.page.evaluate("navigator.clipboard.readText()")
    assert copied == f"curl -s {console.address}/cqrs/ops/events/{position}"
    await row.get_by_role("button", name="Copy as JSON").click()
    assert (
        await console.page.evaluate("navigator.clipboard.readText().then(JSON.parse).then((c) => c.position)")
        == position
    )


async def test_ten_thousand_events_leave_the_page_as_light_as_it_was(
    console: Console, shop: Shop, stack: System
) -> None:
    await console.open("events")
    await bring(shop, 1, MANY // 2)
    await has_seen(console, MANY // 2)
    half = await heap_bytes(console)
    await bring(shop, MANY // 2 + 1, MANY)
    await has_seen(console, MANY)
    assert await heap_bytes(console) - half < MOST_GROWTH_BYTES
    assert await console.page.evaluate("document.querySelectorAll('*').length") < MOST_ELEMENTS
    assert await tally(console) == {"seen": (await tally(console))["seen"], "skipped": 0, "doubled": 0}
    await stack.settled()


async def bring(shop: Shop, first: int, last: int) -> None:
    """Orders from elsewhere, each one event."""
    for begin in range(first, last + 1, LINES_AT_ONCE):
        await shop.import_orders("console", range(begin, min(begin + LINES_AT_ONCE, last + 1)))


async def has_seen(console: Console, number: int) -> None:
    async def has() -> bool:
        return (await tally(console))["seen"] >= number

    await until(has, seconds=MANY_SECONDS, what=f"{number} events were seen")


async def heap_bytes(console: Console) -> int:
    """What is left when all that nobody holds is gone."""
    session = await console.page.context.new_cdp_session(console.page)
    await session.send("HeapProfiler.collectGarbage")
    return int(await console.page.evaluate("performance.memory.usedJSHeapSize"))
