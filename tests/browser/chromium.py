"""The Chromium that the console is tested in: Debian's, driven by Playwright, and watched while it is."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright, expect

HOW_TO_GET_CHROMIUM = "no Chromium; as root, scripts/install_chromium.sh installs Debian's"
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--lang=en-GB"),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-precise-memory-info",
    ),
)
LOADED_MS = 15_000
WIDE, PHONE = (1280, 800), (390, 844)


def find_chromium() -> str:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found, HOW_TO_GET_CHROMIUM
    return found


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@dataclass  # without slots: Playwright keeps something of its own on who listens
class Console:
    """A page of the console, with what it complained of and whom it asked."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    async def open(self, path: str = "") -> None:
        """And wait until it shows what it asked for."""
        await self.page.goto(f"{self.address}/console/{path}")
        await self.settled()

    async def settled(self) -> None:
        await self.page.locator("h1").first.wait_for()
        await expect(self.page.locator(".loading")).to_have_count(0, timeout=LOADED_MS)

    def note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def ask(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.strangers.append(request.url)


@asynccontextmanager
async def opened_console(
    browser: Browser, address: str, *, size: tuple[int, int] = WIDE, **settings: Any
) -> AsyncIterator[Console]:
    """In a context of its own: no storage, no history."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale="en-GB", timezone_id="UTC", **settings
    )
    try:
        console = Console(await context.new_page(), address)
        console.page.on("console", console.note)
        console.page.on("pageerror", lambda error: console.complaints.append(str(error)))
        console.page.on("request", console.ask)
        yield console
    finally:
        await context.close()
