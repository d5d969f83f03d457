"""The console's files: vendored ones are what their manifest says, and all are served as a browser must have them."""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from common.access.door import Door
from common.web import ProblemRunner
from gateway.app import make_gateway_app
from gateway.console_pages import FOLDER, TYPES
from gateway.contract import SIDES

ROOT = Path(__file__).parents[2]
VENDORED = (FOLDER / "vendor", ROOT / "tests" / "browser" / "vendor")
MOST_LINES = 300
IMPORTED = re.compile(
    r"""(?:^import ?|^(?:import|export)\b[^\n"']*\bfrom ?|\}from ?)["']([^"'\n]+)["']""", re.MULTILINE
)
OURS = sorted(path for path in FOLDER.rglob("*.js") if path.parent.name != "vendor")
PAGES = ("", "orders", "orders/57410cad-6e90-5177-96c8-1152331f01bb", "projections/parked/inventory/456")


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "manifest.json").read_text())["files"]


@pytest.mark.parametrize("folder", VENDORED, ids=["console", "tests"])
def test_what_is_vendored_is_what_the_manifest_says(folder: Path) -> None:
    for row in rows_of(folder):
        assert hashlib.sha256((folder / row["file"]).read_bytes()).hexdigest() == row["sha256"], row["file"]
        assert {"name", "version", "licence", "source"} <= row.keys()
    listed = {name for row in rows_of(folder) for name in (row["file"], row["licence_file"])}
    assert {path.name for path in folder.iterdir()} == listed | {"manifest.json"}


@pytest.mark.parametrize("folder", VENDORED, ids=["console", "tests"])
def test_the_licence_stands_beside_what_is_vendored(folder: Path) -> None:
    words = {"MIT": "Permission is hereby granted", "Apache-2.0": "Apache License", "MPL-2.0": "Mozilla Public License"}
    for row in rows_of(folder):
        assert words[row["licence"]] in (folder / row["licence_file"]).read_text(), row["name"]


def test_modules_import_only_what_is_served_beside_them() -> None:
    for path in FOLDER.rglob("*.js"):
        for name in IMPORTED.findall(path.read_text()):
            assert (path.parent / name).resolve().is_file(), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_a_module_opens_with_what_it_is_for_and_is_small(path: Path) -> None:
    text = path.read_text()
    assert re.match(r"// [A-Z].*[.]\n", text), "it opens with one sentence"
    assert text.count("\n") <= MOST_LINES


@pytest.fixture
async def gateway() -> AsyncIterator[aiohttp.ClientSession]:
    """One with nothing behind it."""
    runner = ProblemRunner(make_gateway_app(dict.fromkeys(SIDES, "http://127.0.0.1:9"), Door(None)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
        yield http
    await runner.cleanup()


async def test_every_address_of_the_console_is_answered_with_its_page(gateway: aiohttp.ClientSession) -> None:
    for path in PAGES:
        async with gateway.get(f"/console/{path}") as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
            assert await answer.text() == (FOLDER / "index.html").read_text()
    for path in ("/", "/console"):
        async with gateway.get(path, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (307, "/console/")


async def test_a_file_is_served_with_its_type_and_kept_only_as_long_as_it_is_the_same(
    gateway: aiohttp.ClientSession,
) -> None:
    for path in FOLDER.rglob("*"):
        if path.is_dir():
            continue
        name = path.relative_to(FOLDER).as_posix()
        async with gateway.get(f"/console/{name}") as answer:
            assert await answer.read() == path.read_bytes()
            assert answer.content_type == TYPES.get(path.suffix, answer.content_type)
            assert answer.headers["Cache-Control"] == "no-cache"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            tag = answer.headers["ETag"]
        async with gateway.get(f"/console/{name}", headers={"If-None-Match": tag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")


async def test_a_page_may_load_from_the_gateway_alone_and_run_nothing_inline(gateway: aiohttp.ClientSession) -> None:
    async with gateway.get("/console/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        page = await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|//", page) == []


@pytest.mark.parametrize("path", ["missing.js", "vendor/none.css", "../app.py", "%2e%2e%2fapp.py", "style/..%2fx.py"])
async def test_a_file_that_is_not_there_is_a_404(gateway: aiohttp.ClientSession, path: str) -> None:
    async with gateway.get(f"/console/{path}") as answer:
        assert (answer.status, answer.content_type) == (404, "application/problem+json")
